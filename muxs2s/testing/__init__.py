"""Doubles for the tests of those who embed muxs2s, and for our own."""

from muxs2s.testing.authority import CLIENT, SERVER, CertificateAuthority, IssuedCredentials, general_name
from muxs2s.testing.dns import MemoryResolver, ServedZone, Zone
from muxs2s.testing.federation import MemoryFederation, stanza_of
from muxs2s.testing.network import MemoryNetwork
from muxs2s.testing.streams import StreamPair, prove_everyone

__all__ = [
    "CLIENT",
    "SERVER",
    "CertificateAuthority",
    "IssuedCredentials",
    "MemoryFederation",
    "MemoryNetwork",
    "MemoryResolver",
    "ServedZone",
    "StreamPair",
    "Zone",
    "general_name",
    "prove_everyone",
    "stanza_of",
]
