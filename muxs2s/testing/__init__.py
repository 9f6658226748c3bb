"""Doubles for the tests of those who embed muxs2s, and for our own."""

from muxs2s.testing.authority import CLIENT, SERVER, CertificateAuthority, IssuedCredentials, general_name

__all__ = [
    "CLIENT",
    "SERVER",
    "CertificateAuthority",
    "IssuedCredentials",
    "general_name",
]
