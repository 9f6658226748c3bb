"""Somebody slices are done for."""

from __future__ import annotations


class Gathering:
    """Knows whether it gathers, and how often it was told to send what it has."""

    def __init__(self) -> None:
        self.gathers = False
        self.settled = 0

    def gather(self) -> None:
        """Wait for more."""
        self.gathers = True

    def settle(self) -> None:
        """Send what there is."""
        self.gathers = False
        self.settled += 1
