"""Endpoints as DNS may tell of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from muxs2s.proof.delegation import Endpoint, Finding, Security
from muxs2s.proof.tlsa import TLSARecord

NOW: Final = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
HOUR: Final = 3_600.0
HOST: Final = "one.hosting.example"
SECURE: Final = Finding(security=Security.SECURE, until=NOW + HOUR)


def found(security: Security, until: float | None = NOW + HOUR) -> Finding:
    """What came of a lookup."""
    return Finding(security=security, until=until, text="as told")


def endpoint(
    *records: TLSARecord,
    host: str = HOST,
    srv: Finding = SECURE,
    addresses: Finding = SECURE,
    tlsa: Finding = SECURE,
) -> Endpoint:
    """Port 5269 of a host, everything about it secure unless another finding is given."""
    return Endpoint(host=host, port=5269, srv=srv, addresses=addresses, tlsa=tlsa, records=records)
