"""
What the network floor asks of a reactor.

Knows which reactor interfaces are needed together, so that one annotation says it. Does not know any
reactor: it is handed in from the top.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTCP, IReactorTime, IReactorUDP

__all__ = ["INetworkReactor"]


class INetworkReactor(IReactorTCP, IReactorUDP, IReactorTime):
    """TCP, UDP and time: every reactor Twisted brings offers all three."""
