"""Tests of :mod:`muxs2s.hosts`."""
