"""Tests of :mod:`muxs2s.wire`."""
