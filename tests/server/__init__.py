"""Tests of :mod:`muxs2s.server`."""
