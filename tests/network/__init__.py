"""Tests of :mod:`muxs2s.network`."""
