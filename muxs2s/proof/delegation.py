"""
Where DNS says that a domain is served, how securely it says so, and what follows from that.

Knows the five things that can be known of an answer, and on what terms a connection endpoint may be used: whether at
all, whether with TLS only, which TLSA records have to match, and which names a certificate may bear. Does not ask DNS,
nor look at certificates: see :mod:`muxs2s.proof.dane`.

Source: RFC 7673, sections 3 and 4.1; RFC 7712, section 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from muxs2s.proof.tlsa import TLSARecord, Usage, strongest
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.reasons import readable

__all__ = [
    "MAX_CALLER_ENDPOINTS",
    "MAX_TLSA_RECORDS",
    "CallersEndpoints",
    "Endpoint",
    "Finding",
    "Security",
    "Terms",
    "earliest",
    "of_addresses",
]

MAX_TLSA_RECORDS: Final = 100
"""Of one endpoint."""

MAX_CALLER_ENDPOINTS: Final = 8
"""At whose TLSA records we look for a peer that has called us."""

_MAX_NOTES: Final = 3
"""Unusable records of one endpoint that are told of."""

_MAX_TEXT: Final = 300
"""Characters of what went wrong with a lookup."""


class Security(Enum):
    """
    What is known of an answer from DNS.

    Source: RFC 4033, section 5; RFC 6698, section 4.1.
    """

    SECURE = "secure"
    """Signed, by keys that lead to one we trust."""

    INSECURE = "insecure"
    """Not signed, or not validated by anybody we trust."""

    BOGUS = "bogus"
    """It ought to be signed and is not, or wrongly: somebody forges it, or its operator erred."""

    FAILED = "failed"
    """There was no answer, or none that says anything."""

    ABSENT = "absent"
    """There are no such records."""


_PREFERENCE: Final = (Security.SECURE, Security.BOGUS, Security.FAILED, Security.INSECURE, Security.ABSENT)
"""Which of the answers for A and AAAA counts for both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one lookup, beside the records."""

    security: Security
    """Of the whole way there, aliases included."""

    until: float | None = None
    """Seconds since the epoch: the earliest end of a time to live or a signature; ``None`` if nothing ends."""

    text: str = "nobody says why"
    """What went wrong, for people."""

    def objection(self, now: float) -> str:
        """
        Why whatever depends on this answer is not to be used; empty if nothing speaks against it.

        A bogus answer is what somebody on the way makes of a secure one, and a failed one as well: to carry on
        without it would be what he wants.

        :param now: seconds since the epoch.
        """
        if self.until is not None and self.until <= now:
            return "no longer known: ask DNS again"
        if self.security in {Security.BOGUS, Security.FAILED}:
            return f"{self.security.value} ({readable(self.text, _MAX_TEXT)})"
        return ""


def of_addresses(families: Iterable[Finding]) -> Finding:
    """
    Put together what came of asking for A and for AAAA.

    :returns: a secure one if there is one, as TLSA records are asked for then; else a bogus or failed one, which
        rules the endpoint out.

    Source: RFC 7673, section 3.2.
    """
    found = sorted(families, key=lambda each: _PREFERENCE.index(each.security))
    if not found:
        return Finding(security=Security.ABSENT)
    alike = [each for each in found if each.security is found[0].security]
    return Finding(security=alike[0].security, until=earliest(each.until for each in alike), text=alike[0].text)


def earliest(ends: Iterable[float | None]) -> float | None:
    """The first of several ends, in seconds since the epoch; ``None`` if nothing ends."""
    return min((end for end in ends if end is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms an endpoint may be used; without further words on those of one that nothing is known of."""

    where: str = "no name"
    """At which names the records stand, for messages."""

    objection: str = ""
    """Why there must be no connection to the endpoint at all; empty if there may be one."""

    records: tuple[TLSARecord, ...] = ()
    """The records that count, one of which has to match; if there are none, it is as if DANE did not exist."""

    is_binding: bool = False
    """Whether TLS is mandatory and no other prooftype takes the place of a match."""

    host: DomainName | None = None
    """The target of the SRV record, if a certificate may name it instead of the domain: only a secure one counts."""

    until: float | None = None
    """Seconds since the epoch: when DNS is to be asked again; ``None`` if nothing ends."""

    notes: tuple[str, ...] = ()
    """Why other records do not count, or none."""

    def identities(self, domain: DomainName) -> tuple[DomainName, ...]:
        """
        The reference identities: the names one of which a certificate has to bear where names count.

        Source: RFC 7673, section 4.1; RFC 9525, section 6.1.1.
        """
        return (domain,) if self.host is None else (domain, self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """
    One host and port where a domain is served, and what was found out about it.

    Where a lookup made the next one needless, the next one is :attr:`Security.ABSENT`.
    """

    host: str
    """As the SRV record has it, in A-labels, without a trailing dot; without SRV records the domain itself."""

    port: int
    srv: Finding
    addresses: Finding
    """See :func:`of_addresses`."""

    tlsa: Finding
    records: tuple[TLSARecord, ...] = field(default=(), repr=False)

    @property
    def tlsa_name(self) -> str:
        """
        Where its TLSA records are: ``_5269._tcp.two.hosting.example``.

        Source: RFC 6698, section 3; RFC 7673, section 3.3.
        """
        return f"_{self.port}._tcp.{self.host}"

    def terms(self, now: float) -> Terms:
        """
        On what terms we may connect to it.

        :param now: seconds since the epoch.

        Source: RFC 7673, sections 3.1 to 3.4 and 4.1.
        """
        host: DomainName | None = None
        ends: list[float | None] = []
        for kind, found in (("SRV", self.srv), ("address", self.addresses), ("TLSA", self.tlsa)):
            if objection := found.objection(now):
                return Terms(where=self.tlsa_name, objection=f"the {kind} records of {self.host} are {objection}")
            ends.append(found.until)
            if found.security is not Security.SECURE:
                note = f"the {kind} records of {self.host} are {found.security.value}"
                return Terms(where=self.tlsa_name, host=host, until=earliest(ends), notes=(note,))
            host = self._identity()
        return self._with_records(host, earliest(ends))

    def _identity(self) -> DomainName | None:
        try:
            return DomainName.parse(self.host)
        except NameRefused:  # DNS leads there all the same
            return None

    def _with_records(self, host: DomainName | None, until: float | None) -> Terms:
        if len(self.records) > MAX_TLSA_RECORDS:
            text = f"there are {len(self.records)} TLSA records at {self.tlsa_name}, {MAX_TLSA_RECORDS} are the most"
            return Terms(where=self.tlsa_name, objection=text)
        looked_at = [(record, record.why_unusable) for record in self.records]
        counting = strongest(record for record, why in looked_at if not why)
        return Terms(
            where=self.tlsa_name,
            records=counting,
            is_binding=bool(counting),
            host=host,
            until=until,
            notes=tuple(_notes([f"{record} is unusable: {why}" for record, why in looked_at if why])),
        )


def _notes(unusable: Sequence[str]) -> Iterator[str]:
    yield from unusable[:_MAX_NOTES]
    if len(unusable) > _MAX_NOTES:
        yield f"so are {len(unusable) - _MAX_NOTES} more"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallersEndpoints:
    """
    Everything that DNS says of a domain in whose name a peer has called us.

    Nothing says from where a server calls, so whatever its domain's servers may show, it may show. No standard
    speaks of that; it never binds.
    """

    endpoints: tuple[Endpoint, ...]
    notes: tuple[str, ...] = ()
    """What could not be found out, for people."""

    def terms(self, now: float) -> Terms:
        """
        Choose the records that its certificate is held against: those of usage DANE-EE, of every secure target.

        :param now: seconds since the epoch.
        """
        each = [endpoint.terms(now) for endpoint in self.endpoints[:MAX_CALLER_ENDPOINTS]]
        chosen = [(terms, [found for found in terms.records if found.usage == Usage.DANE_EE]) for terms in each]
        notes = (note for terms in each for note in (terms.objection, *terms.notes) if note)
        return Terms(
            where="the hosts of its SRV records",
            records=tuple(dict.fromkeys(record for _, records in chosen for record in records)),
            until=earliest(terms.until for terms, records in chosen if records),
            notes=(*self.notes, *notes),
        )
