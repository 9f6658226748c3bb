"""Tests of the benchmark: that its figures, its table and its parts are right. None of them measures anything."""
