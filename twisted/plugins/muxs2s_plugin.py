"""Tells twistd that there is a server named muxs2s."""

from twisted.application.service import ServiceMaker

__all__ = ["muxs2s"]

muxs2s = ServiceMaker("muxs2s", "muxs2s.tap", "Server-to-server XMPP federation for many domains", "muxs2s")
