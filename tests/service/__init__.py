"""Tests of :mod:`muxs2s.service`."""
