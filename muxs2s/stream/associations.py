"""
Which domains and domain pairs are proven on a stream, and the one check every stanza passes.

Knows two kinds of grant: a *domain* of one side that the other has accepted, and a single *pair*.
Knows nothing of how either was proven, beyond keeping the record. Memory grows with the domains of
one side plus those of the other, not with their pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import auto
from typing import Final

from muxs2s.multiplex.names import AcceptedNames, Standing
from muxs2s.proof.outcome import Proven
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.kinds import Kind
from muxs2s.wire.names import DomainName, DomainPair, NameRefused
from muxs2s.wire.stanza import Slice

__all__ = ["OWN_CERTIFICATE", "OWN_KEY", "Admission", "Association", "AssociationTable", "Direction", "Grant"]


class Direction(Kind):
    """Which way stanzas go; a grant holds for one direction of one stream."""

    INBOUND = auto()
    """From the peer to us."""

    OUTBOUND = auto()
    """From us to the peer."""

    @property
    def opposite(self) -> Direction:
        """That of the answers."""
        return Direction.INBOUND if self is Direction.OUTBOUND else Direction.OUTBOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Why a domain or pair may be used."""

    prooftype: str
    evidence: str
    """What proved it, for operators: never a secret."""

    until: float | None = None
    """Seconds since the epoch; ``None`` if nothing ends it before the stream."""

    @classmethod
    def of(cls, proven: Proven) -> Grant:
        """What a proof is worth on a stream."""
        return cls(prooftype=proven.prooftype, evidence=proven.evidence, until=proven.until)

    def holds(self, now: float) -> bool:
        """Whether the grant has not ended at ``now``, in seconds since the epoch."""
        return self.until is None or now < self.until


OWN_CERTIFICATE: Final = Grant(prooftype="pkix", evidence="our certificate, which the peer took")
"""Why a domain of ours may be used: the peer went on after it had seen our certificate."""


OWN_KEY: Final = Grant(prooftype="dialback", evidence="our key, which the peer took")
"""Why a pair of ours may be used: the peer has had our dialback key verified."""


class Admission(Kind):
    """What the check says of a stanza."""

    ADMITTED = auto()
    FOREIGN_SENDER = auto()
    """``from`` is in no domain that its side has proven here."""

    UNKNOWN_TARGET = auto()
    """``from`` is good; ``to`` is in no domain that the other side has proven here."""

    REVOKED = auto()
    """``from`` was good until a moment ago; its side cannot have known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """One line of the table, for operators."""

    direction: Direction
    sender: DomainName | None
    """``None``: any sender of that side; so for the target."""

    target: DomainName | None
    grant: Grant


class _Lane:
    """The grants of one direction."""

    __slots__ = ("pairs", "senders", "targets")

    def __init__(self) -> None:
        self.senders: dict[DomainName, Grant] = {}
        self.targets: dict[DomainName, Grant] = {}
        self.pairs: dict[DomainName, dict[DomainName, Grant]] = {}
        """By sender, then target."""

    def examine(self, pair: DomainPair, now: float) -> Admission:
        sender, target = pair
        sender_holds = _holds(self.senders.get(sender), now)
        if sender_holds and _holds(self.targets.get(target), now):
            return Admission.ADMITTED
        paired = self.pairs.get(sender, {})
        if _holds(paired.get(target), now):
            return Admission.ADMITTED
        if sender_holds or any(grant.holds(now) for grant in paired.values()):
            return Admission.UNKNOWN_TARGET
        return Admission.FOREIGN_SENDER

    def has_pair(self, pair: DomainPair, now: float) -> bool:
        return _holds(self.pairs.get(pair.sender, {}).get(pair.target), now)

    def grant_of_sender(self, domain: DomainName, now: float) -> Grant | None:
        grants = (self.senders.get(domain), *self.pairs.get(domain, {}).values())
        return next((grant for grant in grants if _holds(grant, now)), None)

    def involves(self, domain: DomainName) -> bool:
        if domain in self.senders or domain in self.targets or domain in self.pairs:
            return True
        return any(domain in grants for grants in self.pairs.values())

    def withdraw(self, domain: DomainName) -> None:
        self.pairs.pop(domain, None)
        for grants in (self.senders, self.targets, *self.pairs.values()):
            grants.pop(domain, None)
        self.pairs = {sender: grants for sender, grants in self.pairs.items() if grants}


_LEAVING: Final = frozenset({Standing.WITHDRAWING, Standing.REVOKING})


def _holds(grant: Grant | None, now: float) -> bool:
    return grant is not None and grant.holds(now)


class AssociationTable:
    """
    What is proven on one stream, in both directions.

    Source: RFC 7712, section 2 (an association binds a domain to a stream); RFC 6120, sections
    8.1.1.2 and 8.1.2.2 (the check).
    """

    def __init__(self) -> None:
        self._lanes = {direction: _Lane() for direction in Direction}
        self._own: AcceptedNames | None = None
        self._peers: AcceptedNames | None = None

    def share(self, own: AcceptedNames, peers: AcceptedNames) -> None:
        """
        From now on, besides what was accepted so far, domains may be used that multiplexing accepts.

        :param own: names of ours that the peer accepts.
        :param peers: names of the peer that we accept.
        """
        self._own, self._peers = own, peers

    def accept_sender(self, direction: Direction, domain: DomainName, grant: Grant) -> None:
        """From now on ``domain`` may stand in ``from``, towards every accepted target."""
        self._lanes[direction].senders[domain] = grant

    def accept_target(self, direction: Direction, domain: DomainName, grant: Grant) -> None:
        """From now on ``domain`` may stand in ``to``, for every accepted sender."""
        self._lanes[direction].targets[domain] = grant

    def accept_pair(self, direction: Direction, pair: DomainPair, grant: Grant) -> None:
        """From now on exactly ``pair`` may be used."""
        self._lanes[direction].pairs.setdefault(pair.sender, {})[pair.target] = grant

    def withdraw_domain(self, domain: DomainName) -> None:
        """Forget a domain, in either place and direction, and every pair it is part of."""
        for lane in self._lanes.values():
            lane.withdraw(domain)

    def involves(self, domain: DomainName) -> bool:
        """Whether a domain, in either place and direction, is part of a grant that multiplexing has not given."""
        return any(lane.involves(domain) for lane in self._lanes.values())

    def has_pair(self, direction: Direction, pair: DomainPair, now: float) -> bool:
        """Whether exactly ``pair`` was accepted, by itself, and still is."""
        return self._lanes[direction].has_pair(pair, now)

    def grant_of_peer(self, domain: DomainName, now: float) -> Grant | None:
        """What the peer's proof of a domain of its own is worth here; ``None`` if there is none, or it has ended."""
        called = self._lanes[Direction.OUTBOUND].targets.get(domain)
        return called if _holds(called, now) else self._lanes[Direction.INBOUND].grant_of_sender(domain, now)

    def examine(self, direction: Direction, pair: DomainPair, now: float) -> Admission:
        """
        Whether a stanza of ``pair`` may go that way.

        :param now: seconds since the epoch.
        """
        if self._own is None or self._peers is None:
            return self._lanes[direction].examine(pair, now)
        if direction is Direction.INBOUND:
            return self._examine_inbound(pair, now, self._own, self._peers)
        return self._examine_outbound(pair, now, self._own, self._peers)

    def check(self, stanza: Slice, now: float) -> tuple[Admission, DomainPair]:
        """
        The one check of every stanza that comes in.

        :raises RemoteViolation: ``improper-addressing``, if an address is missing or malformed.
        """
        try:
            pair = stanza.pair
        except NameRefused as refused:
            raise RemoteViolation(StreamCondition.IMPROPER_ADDRESSING, str(refused)) from None
        return self.examine(Direction.INBOUND, pair, now), pair

    def _examine_inbound(self, pair: DomainPair, now: float, own: AcceptedNames, peers: AcceptedNames) -> Admission:
        """Names that are on their way out are good for what was sent before that was known."""
        sender = peers.standing(pair.sender)
        if sender is not Standing.OUT and own.standing(pair.target) is not Standing.OUT:
            return Admission.REVOKED if sender is Standing.REVOKING else Admission.ADMITTED
        if self._lanes[Direction.INBOUND].examine(pair, now) is Admission.ADMITTED:
            is_revoked = sender is Standing.REVOKING or peers.is_being_removed(pair.sender, Standing.REVOKING)
            return Admission.REVOKED if is_revoked else Admission.ADMITTED
        return Admission.FOREIGN_SENDER if sender is Standing.OUT else Admission.UNKNOWN_TARGET

    def _examine_outbound(self, pair: DomainPair, now: float, own: AcceptedNames, peers: AcceptedNames) -> Admission:
        """Nothing new goes from or to names that are on their way out."""
        sender, target = own.standing(pair.sender), peers.standing(pair.target)
        if sender is Standing.OPEN and target is Standing.OPEN and peers.is_served(pair.target):
            return Admission.ADMITTED
        if sender in _LEAVING or own.is_fenced(pair.sender):
            return Admission.FOREIGN_SENDER
        if target in _LEAVING or peers.is_fenced(pair.target):
            return Admission.UNKNOWN_TARGET
        earlier = self._lanes[Direction.OUTBOUND].examine(pair, now)
        return Admission.UNKNOWN_TARGET if earlier is not Admission.ADMITTED and sender is Standing.OPEN else earlier

    def domains(self) -> set[DomainName]:
        """Every domain of either side that is part of a grant."""
        found = {name for each in self.associations() for name in (each.sender, each.target)}
        return {name for name in found if name is not None}

    def associations(self) -> Iterator[Association]:
        """Every grant, for operators."""
        for direction, lane in self._lanes.items():
            for sender, grant in lane.senders.items():
                yield Association(direction=direction, sender=sender, target=None, grant=grant)
            for target, grant in lane.targets.items():
                yield Association(direction=direction, sender=None, target=target, grant=grant)
            for sender, grants in lane.pairs.items():
                for target, grant in grants.items():
                    yield Association(direction=direction, sender=sender, target=target, grant=grant)
