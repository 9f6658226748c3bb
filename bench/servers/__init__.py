"""The servers that are measured: how each is configured and started. All are given the same certificates and DNS."""

from bench.servers.ejabberd import Ejabberd
from bench.servers.muxs2s import Muxs2s
from bench.servers.prosody import Prosody
from bench.servers.server import Server, Site

__all__ = ["Ejabberd", "Muxs2s", "Prosody", "Server", "Site"]
