"""Every case there is, in the order in which they are played."""

from muxs2s.conformance.cases.all import CASES

__all__ = ["CASES"]
