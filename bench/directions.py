"""
Where the domains of embedded clouds are: answers without DNS messages, and without remembering any.

They take next to no time and no memory, as those would that a resolver has in its cache; what is measured is
what muxs2s does with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import dns.rdata
import dns.rdatatype
from dns.rdata import Rdata
from dns.rdataclass import IN

from muxs2s.network.answers import Answer, AnswerStatus

__all__ = ["Directions"]

EXPIRES_SECONDS: Final = 1e12
"""Later than any clock says."""

_SRV: Final = "_xmpp-server._tcp."


class Directions:
    """
    A :class:`~muxs2s.network.resolver.Lookup` that tells clouds apart by the first letter of a domain.

    :param places: address and port of each cloud. Its host has the name of the cloud.
    """

    def __init__(self, places: Mapping[str, tuple[str, int]]) -> None:
        self._records: dict[tuple[str, str], tuple[Rdata, ...]] = {}
        for cloud, (address, port) in places.items():
            self._records[cloud, "SRV"] = (_record("SRV", f"0 0 {port} {cloud}.example."),)
            self._records[cloud, "A"] = (_record("A", address),)

    async def query(self, name: str, rdtype: str) -> Answer:
        """See :meth:`muxs2s.network.resolver.Lookup.query`."""
        cloud = name.removeprefix(_SRV)[0]
        records = self._records.get((cloud, rdtype), ())
        return Answer(
            name=name, rdtype=rdtype, records=records, status=AnswerStatus.INSECURE, expires_at=EXPIRES_SECONDS
        )


def _record(rdtype: str, text: str) -> Rdata:
    return dns.rdata.from_text(IN, dns.rdatatype.from_text(rdtype), text)
