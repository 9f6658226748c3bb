"""Tests of :mod:`muxs2s.proof`."""
