"""
The names of one end that the other accepts on a stream, and by which certificates.

Knows which certificate gives which names, which names were taken off and which are being removed. Does not
know how a certificate comes to be accepted (:mod:`muxs2s.multiplex.verifying`) nor what is said while a name
is removed (:mod:`muxs2s.multiplex.removing`). Memory grows with the names of one end, never with pairs.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import auto
from itertools import islice
from typing import Final

from muxs2s.multiplex.accepted import AcceptedCertificate
from muxs2s.proof.identity import SubjectKey
from muxs2s.wire.kinds import Kind
from muxs2s.wire.names import DomainName, DomainPattern, Name

__all__ = ["AcceptedNames", "Standing"]

_LOOKED_AT: Final = 64
"""Certificates searched, newest first, for one that names a domain without giving it."""


class Standing(Kind):
    """What a name is good for on this stream."""

    OPEN = auto()
    """It may stand in ``from`` of its end's stanzas."""

    WITHDRAWING = auto()
    """Its end takes it off: what still comes is delivered or bounced, nothing new is begun."""

    REVOKING = auto()
    """The other end accepts it no longer: what still comes from it is bounced."""

    OUT = auto()
    """A stanza from it is a violation."""


_TAKEN: Final = frozenset({Standing.OPEN, Standing.WITHDRAWING})
"""In which what comes from a name is taken."""


@dataclass(slots=True)
class _Entry:
    """One name."""

    givers: tuple[int, ...] = ()
    """The certificates that give it."""

    is_served: bool = False
    is_closed: bool = False
    """Taken off by name: no certificate gives it back."""

    is_withdrawing: bool = False
    is_revoking: bool = False
    """Whether it is being removed by name, by its own end or by the other."""

    was_good: bool = False
    """Whether it could be used when that began, so that stanzas may be on their way."""

    is_from_pattern: bool = False
    """Whether it is given only as a pattern was when its removal began: it is no better than that ever after."""

    lapsing: int = 0
    """Removals of certificates that are under way, each with the last that gave it then."""

    @property
    def is_fenced(self) -> bool:
        """Whether it is being removed by name."""
        return self.is_withdrawing or self.is_revoking

    @property
    def standing(self) -> Standing:
        """What gives it, and what is under way, decide: to be taken off makes nothing good that was not."""
        if self.is_closed:
            return Standing.OUT
        if not self.givers:
            is_under_way = self.lapsing or (self.is_fenced and self.was_good)
            return Standing.REVOKING if is_under_way else Standing.OUT
        if self.is_revoking:
            return Standing.REVOKING
        return Standing.WITHDRAWING if self.is_withdrawing else Standing.OPEN

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost with it."""
        return not (self.givers or self.is_closed or self.is_fenced or self.lapsing)


class AcceptedNames:
    """
    The names of one end, as the other accepts them.

    :param never: domains that no certificate of that end can give, not even by a pattern: those of the
        end that accepts.
    :param max_served: domains remembered as served, besides those that are names themselves.
    """

    header_domain: DomainName | None = None
    """Of that end, in the header of the stream: it is served here, if it is accepted."""

    def __init__(self, never: Container[DomainName] = (), max_served: int = 0) -> None:
        self.certificates: dict[int, AcceptedCertificate] = {}
        self._never = never
        self._max_served = max_served
        self._entries: dict[Name, _Entry] = {}
        self._by_subject: dict[SubjectKey, int] = {}
        self._partial: dict[int, None] = {}
        """Certificates that name more than they give, the newest last."""

        self._served: set[DomainName] = set()
        """Domains that are served and no names, but under a pattern."""

        self._patterns = 0
        """How many of the names are patterns; without any, a name that is not listed costs one look."""

    def __len__(self) -> int:
        """How many names are kept, open or closed."""
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        """Whether a name is kept, in whatever standing."""
        return name in self._entries

    def __iter__(self) -> Iterator[Name]:
        """Every name that is kept, in whatever standing."""
        return iter(tuple(self._entries))

    # Questions.

    def standing(self, domain: DomainName) -> Standing:
        """What a domain is good for; an exact entry decides before a pattern."""
        entry = self._entries.get(domain)
        if entry is None:
            entry = self._pattern_above(domain)
            if entry is None or domain in self._never:
                return Standing.OUT
        elif entry.is_from_pattern and entry.standing is Standing.WITHDRAWING:
            pattern = self._pattern_above(domain)
            is_good = pattern is not None and pattern.standing in _TAKEN
            return Standing.WITHDRAWING if is_good else Standing.REVOKING
        return entry.standing

    def is_open(self, domain: DomainName) -> bool:
        """Whether a domain may stand in ``from``."""
        return self.standing(domain) is Standing.OPEN

    def is_served(self, domain: DomainName) -> bool:
        """Whether its end has also shown that it answers for a domain here."""
        entry = self._entries.get(domain)
        return domain in self._served if entry is None else entry.is_served

    def is_reachable(self, domain: DomainName) -> bool:
        """Whether its end may be sent stanzas to a domain."""
        return self.is_open(domain) and self.is_served(domain)

    def is_fenced(self, name: Name) -> bool:
        """Whether a name is being removed by name."""
        entry = self._entries.get(name)
        return entry is not None and entry.is_fenced

    def is_being_removed(self, name: Name, standing: Standing) -> bool:
        """Whether a name is being removed by name, by its own end (``WITHDRAWING``) or by the other (``REVOKING``)."""
        entry = self._entries.get(name)
        if entry is None:
            return False
        return entry.is_withdrawing if standing is Standing.WITHDRAWING else entry.is_revoking

    def is_closed(self, name: Name) -> bool:
        """Whether a name was taken off, or is being, so that no certificate gives it back."""
        entry = self._entries.get(name)
        return entry is not None and (entry.is_closed or entry.is_fenced)

    def giver(self, domain: DomainName) -> AcceptedCertificate | None:
        """A certificate that gives a domain, itself or by a pattern; the newest."""
        entry = self._entries.get(domain) or self._pattern_above(domain)
        return self.certificates[max(entry.givers)] if entry is not None and entry.givers else None

    def naming(self, domain: DomainName) -> AcceptedCertificate | None:
        """A certificate that gives a domain or, among the newest, names it without giving it."""
        giver = self.giver(domain)
        if giver is not None:
            return giver
        newest = (self.certificates[id] for id in islice(reversed(self._partial), _LOOKED_AT))
        return next((certificate for certificate in newest if certificate.names_in_it.covers(domain)), None)

    def of_subject(self, subject: SubjectKey) -> AcceptedCertificate | None:
        """The certificate of a subject; there is one at most."""
        id = self._by_subject.get(subject)
        return None if id is None else self.certificates[id]

    def only_given_by(self, certificate: AcceptedCertificate) -> Iterable[Name]:
        """The names that would lapse with a certificate."""
        return [name for name in certificate.gives if self._entries[name].givers == (certificate.id,)]

    # Changes.

    def add(self, certificate: AcceptedCertificate) -> AcceptedCertificate | None:
        """
        Accept one more certificate, which gives nothing yet.

        :returns: the one with the same subject, whose place it takes, if there is one.
        """
        self.certificates[certificate.id] = certificate
        self._note_partial(certificate)
        if certificate.subject is None:
            return None
        before = self.of_subject(certificate.subject)
        self._by_subject[certificate.subject] = certificate.id
        return before

    def give(self, id: int, names: Iterable[Name], *, proven: DomainName | None = None) -> list[Name]:
        """
        Let a certificate give names; those that were taken off stay off.

        One that its own end is taking off is given until that is over: whoever gave it may have sent stanzas to it.

        :param proven: the domain of the exchange, which is given even if it had been taken off.
        :returns: the names that were not open before, and are now.
        """
        certificate = self.certificates[id]
        opened: list[Name] = []
        for name in names:
            entry = self._entry(name)
            if name == proven and not entry.is_revoking:
                entry.is_closed = False
            if entry.is_closed or entry.is_revoking:
                continue
            if not entry.givers and not entry.is_withdrawing:
                opened.append(name)
            if id not in entry.givers:
                entry.givers += (id,)
                certificate.gives.append(name)
        self._note_partial(certificate)
        return opened

    def serve(self, domain: DomainName) -> None:
        """Its end answers for a domain here."""
        entry = self._entries.get(domain)
        if entry is not None:
            entry.is_served = True
        elif len(self._served) < self._max_served:
            self._served.add(domain)

    def drop(self, id: int) -> list[Name]:
        """
        Accept a certificate no longer.

        :returns: the names that no other gives, nor a pattern of another; they lapse.
        """
        certificate = self.certificates.pop(id, None)
        if certificate is None:
            return []
        self._partial.pop(id, None)
        if certificate.subject is not None and self._by_subject.get(certificate.subject) == id:
            del self._by_subject[certificate.subject]
        for name in certificate.gives:
            entry = self._entries[name]
            at = entry.givers.index(id)
            entry.givers = entry.givers[:at] + entry.givers[at + 1 :]
        return [name for name in certificate.gives if not (self._entries[name].givers or self._falls_back(name))]

    def begin_removal(self, names: Iterable[Name], standing: Standing) -> None:
        """Names are being removed by name: by their own end (``WITHDRAWING``) or by the other (``REVOKING``)."""
        for name in names:
            before = self._standing_of(name)
            entry = self._entries.get(name) or self._taken_from_pattern(name)
            entry.was_good |= before is not Standing.OUT
            entry.is_withdrawing |= standing is Standing.WITHDRAWING
            entry.is_revoking |= standing is Standing.REVOKING

    def end_removal(self, names: Iterable[Name], standing: Standing) -> None:
        """A removal is over: the names are out, and closed."""
        for name in names:
            entry = self._entries[name]
            for id in entry.givers:
                certificate = self.certificates[id]
                certificate.gives.remove(name)
                self._note_partial(certificate)
            self._entries[name] = _Entry(
                is_closed=True,
                is_withdrawing=entry.is_withdrawing and standing is not Standing.WITHDRAWING,
                is_revoking=entry.is_revoking and standing is not Standing.REVOKING,
                lapsing=entry.lapsing,
            )

    def begin_lapse(self, names: Iterable[Name]) -> None:
        """Names have lost their last certificate."""
        for name in names:
            self._entries[name].lapsing += 1

    def end_lapse(self, names: Sequence[Name]) -> list[Name]:
        """
        What was sent from names without a certificate has all come.

        :returns: those that no certificate has given back meanwhile; they are out.
        """
        for name in names:
            entry = self._entries[name]
            entry.lapsing -= 1
            if entry.is_idle:
                self._forget(name)
        return [name for name in names if self._standing_of(name) is Standing.OUT]

    # The inside.

    def _pattern_above(self, domain: DomainName) -> _Entry | None:
        return self._entries.get(DomainPattern.above(domain)) if self._patterns else None

    def _standing_of(self, name: Name) -> Standing:
        if isinstance(name, DomainName):
            return self.standing(name)
        entry = self._entries.get(name)
        return Standing.OUT if entry is None else entry.standing

    def _note_partial(self, certificate: AcceptedCertificate) -> None:
        if certificate.gives_all:
            self._partial.pop(certificate.id, None)
        else:
            self._partial[certificate.id] = None

    def _entry(self, name: Name) -> _Entry:
        entry = self._entries.get(name)
        if entry is None:
            entry = self._entries[name] = _Entry(is_served=name in self._served or name == self.header_domain)
            self._served.discard(name)
            self._patterns += isinstance(name, DomainPattern)
        return entry

    def _taken_from_pattern(self, name: Name) -> _Entry:
        """A name that so far had what its pattern has gets it for itself, unless that is on its way out already."""
        pattern = None
        if isinstance(name, DomainName) and self.standing(name) is Standing.OPEN:
            pattern = self._pattern_above(name)
        entry = self._entry(name)
        if pattern is not None:
            entry.givers, entry.is_from_pattern = pattern.givers, True
            for id in pattern.givers:
                self.certificates[id].gives.append(name)
        return entry

    def _falls_back(self, name: Name) -> bool:
        """
        Whether a name that nothing gives any more is still given by a pattern; then that decides from now on.

        Not by one that is being taken off itself: its fence may end before what was sent from the name has come.
        """
        pattern = self._pattern_above(name) if isinstance(name, DomainName) else None
        if pattern is None or pattern.standing is not Standing.OPEN or not self._entries[name].is_idle:
            return False
        self._forget(name)
        return True

    def _forget(self, name: Name) -> None:
        entry = self._entries.pop(name)
        self._patterns -= isinstance(name, DomainPattern)
        if entry.is_served and isinstance(name, DomainName) and self._pattern_above(name) is not None:
            self.serve(name)
