"""Tests of the multiplex floor."""
