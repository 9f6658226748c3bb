"""
What Python's collector is asked in tests.

Knows that hundreds of thousands of objects are there before a test begins: every module of the tests, and what they
made when they were read. Looking through them takes seconds each time, and finds nothing.
"""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["leave_out_what_is_there"]


def leave_out_what_is_there(case: SynchronousTestCase) -> None:
    """Up to the end of a test, collect and count but what is made from now on."""
    gc.freeze()
    case.addCleanup(gc.unfreeze)
