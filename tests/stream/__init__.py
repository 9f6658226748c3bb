"""Tests of :mod:`muxs2s.stream`."""
