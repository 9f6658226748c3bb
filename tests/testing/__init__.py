"""Tests of the doubles for embedders."""
