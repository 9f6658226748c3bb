"""
Two ends to which anything may happen in any order, and somebody who reads along.

Elements and stanzas share one queue in each direction, as on a stream. What is sent passes the check of a stream
before it leaves, what comes in passes it again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

from muxs2s.multiplex.accepted import AcceptedCertificate
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, MultiplexElement, Offer, Request, Revoke, Withdraw, Withdrawn
from muxs2s.multiplex.events import DomainRefused
from muxs2s.multiplex.names import Standing
from muxs2s.multiplex.reading import read_element
from muxs2s.stream.associations import Admission, Direction, Grant
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair, DomainPattern, Name
from muxs2s.wire.stanza import Slice, error_reply
from tests.multiplex.twoends import End, issued, name, sliced, vouched

OWN_KEY: Final = Grant(prooftype="dialback", evidence="a test")

ONE_WAY_SECONDS: Final = 25.0
"""Nothing is under way for longer, so that an answer comes within any wait."""


class Reader:
    """Reads what a verifier says and hears, and tells from that alone whose stanzas it may deliver."""

    def __init__(self) -> None:
        self._givers: dict[Name, set[int]] = {}
        self._closed: set[Name] = set()
        self._withdrawing: dict[int, Sequence[Name]] = {}
        self._begun: dict[int, DomainName] = {}
        """Exchanges by id; without those that a removal of their domain has ended."""

        self.pairs: set[DomainPair] = set()
        """Proven earlier."""

    def said(self, element: MultiplexElement) -> None:
        """The verifier says something."""
        match element:
            case Request():
                self._begun[element.id] = element.domain
            case Accept():
                certificate = element.id if element.certificate is None else element.certificate
                for listed in element.names:
                    came_back = listed.name not in self._closed or listed.name == self._begun.get(element.id)
                    assert came_back, f"{listed.name} was taken off, and is listed again"
                    self._givers.setdefault(listed.name, set()).add(certificate)
                    self._closed.discard(listed.name)
            case Revoke(certificate=None):
                self._close(element.names)
            case Revoke(certificate=certificate):
                for givers in self._givers.values():
                    givers.discard(certificate)

    def heard(self, element: MultiplexElement) -> None:
        """The verifier reads something."""
        if isinstance(element, Offer):
            self._begun[element.id] = element.domain
        elif isinstance(element, Withdraw):
            self._withdrawing[element.id] = element.names
        elif isinstance(element, Withdrawn):
            self._close(self._withdrawing.pop(element.id, ()))

    def may_deliver(self, pair: DomainPair) -> bool:
        """Whether a stanza of a pair may be delivered."""
        sender, above = pair.sender, DomainPattern.above(pair.sender)
        by_pattern = sender not in self._closed and self._givers.get(above)
        return bool(self._givers.get(sender) or by_pattern or pair in self.pairs)

    def _close(self, names: Sequence[Name]) -> None:
        self._begun = {id: domain for id, domain in self._begun.items() if domain not in names}
        for each in names:
            self._closed.add(each)
            self._givers.pop(each, None)
            self.pairs = {pair for pair in self.pairs if each != pair.sender}


class Side(End):
    """One end, with the stanzas it sends and gets."""

    def __init__(self, label: str, hosted: Mapping[str, Sequence[str]], header_domain: str, *, initiates: bool) -> None:
        self.reader = Reader()
        super().__init__(label, hosted, header_domain, initiates=initiates)
        self.header_domain = name(header_domain)
        """Of the peer."""

        self.now = 0.0
        self.leaving_at: deque[float] = deque()
        """When each piece of what is said was said, as many as are under way."""

        self.sent: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        """Stanzas by what became of them at this end: delivered, bounced, dropped."""

        self.arrived: dict[DomainPair, int] = {}
        self._numbers: Counter[DomainPair] = Counter()

    def say(self, data: bytes) -> None:
        """Send an element, and let it be read along."""
        (element,) = sliced(data)
        self.reader.said(read_element(element))
        self._put(data)

    def send(self, pair: DomainPair) -> DomainRefused | None:
        """Send a stanza where that may be, else ask for what is missing."""
        if not self.may_send(pair):
            return self.multiplexer.want(pair, self.now)
        self._numbers[pair] += 1
        self.sent["stanza"] += 1
        self._put(f"<message from='{pair.sender}' to='{pair.target}' id='{self._numbers[pair]}'/>".encode())
        return None

    def may_send(self, pair: DomainPair) -> bool:
        """Whether a stanza of a pair may leave."""
        return self.associations.examine(Direction.OUTBOUND, pair, self.now) is Admission.ADMITTED

    def hear(self, piece: Slice) -> None:
        """Read one element or stanza of the peer."""
        if not piece.is_stanza:
            self.reader.heard(read_element(piece))
            assert self.multiplexer.take(piece, self.now), f"it belongs to nothing: {piece.data!r}"
            return
        admission, pair = self.associations.check(piece, self.now)
        assert admission in {Admission.ADMITTED, Admission.REVOKED}, f"{pair}, though honest: {admission}"
        if admission is Admission.ADMITTED:
            assert self.reader.may_deliver(pair), f"{pair} is not proven"
            self.multiplexer.peers.serve(pair.sender)
        self._note_order(piece, pair)
        if admission is Admission.ADMITTED and pair.target in self.hosted:
            self.met["delivered"] += 1
        else:
            self._bounce(piece)

    def _note_order(self, piece: Slice, pair: DomainPair) -> None:
        if piece.type != "error":
            number = int(piece.id or 0)
            assert number == self.arrived.get(pair, 0) + 1, f"{pair}: {number} after {self.arrived.get(pair)}"
            self.arrived[pair] = number

    def _bounce(self, piece: Slice) -> None:
        reply = error_reply(piece, StanzaCondition.NOT_AUTHORIZED, "a test")
        self.met["dropped" if reply is None else "bounced"] += 1
        if reply is not None:
            self.sent["error"] += 1
            self._put(reply.data)

    def _put(self, data: bytes) -> None:
        self.said.append(data)
        self.leaving_at.append(self.now)

    def withdraw(self, names: Sequence[Name]) -> None:
        """Take names of ours off."""
        self.multiplexer.withdraw(names, self.now)

    def revoke(self, names: Sequence[Name]) -> None:
        """Accept names of the peer no longer."""
        self.multiplexer.revoke(names, MultiplexCondition.POLICY_VIOLATION, self.now)

    def host(self, domain: DomainName) -> None:
        """Begin to host a domain, which the peer has lost before."""
        if self.multiplexer.peers.standing(domain) is not Standing.OUT:
            self.revoke([domain])
        self.hosted.add(domain)

    def unhost(self, domain: DomainName) -> None:
        """Host a domain no longer."""
        self.withdraw([domain])
        self.hosted.discard(domain)


ONE: Final = ("a.one", "c.one", "x.w.one", "y.w.one", "m.moving")
TWO: Final = ("a.two", "c.two", "x.w.two", "y.w.two")
DOMAINS: Final = tuple(map(name, (*ONE, *TWO, "nobody.example")))


class Story:
    """
    A stream from ``a.one`` to ``a.two``, and the time that passes.

    :param by_certificate: whether the handshake has proven both; else dialback has, and this pair alone.
    """

    def __init__(self, *, by_certificate: bool) -> None:
        self.now = 1_000.0
        one = Side("one", dict.fromkeys(ONE, ()), TWO[0], initiates=True)
        two = Side("two", dict.fromkeys(TWO, ()), ONE[0], initiates=False)
        self.sides = one, two
        for side, other in ((two, one), (one, two)):
            side.now = self.now
            header = side.header_domain
            shown = issued(header).leaf
            other.certificates[header] = issued(header)
            if by_certificate:
                other.multiplexer.own.drop(0)
                other.multiplexer.own.add(AcceptedCertificate.of_handshake(shown))
            else:
                pair = DomainPair(header, other.header_domain)
                side.associations.accept_pair(Direction.INBOUND, pair, OWN_KEY)
                other.associations.accept_pair(Direction.OUTBOUND, pair, OWN_KEY)
                side.reader.pairs.add(pair)
            side.multiplexer.begin(vouched(header, (shown,)) if by_certificate else None, self.now)

    def other(self, side: Side) -> Side:
        """The other end."""
        return self.sides[1] if side is self.sides[0] else self.sides[0]

    def arrive(self, side: Side) -> None:
        """Bring one piece that a side has said to the other."""
        side.leaving_at.popleft()
        (piece,) = sliced(side.said.popleft())
        self.other(side).hear(piece)

    def arrive_all(self, said_until: float) -> None:
        """Have everything arrive that was said until then."""
        for _ in range(10_000):
            late = [side for side in self.sides if side.leaving_at and side.leaving_at[0] <= said_until]
            if not late:
                return
            for side in late:
                self.arrive(side)
        raise AssertionError("they never come to an end")

    def pass_time(self, seconds: float) -> None:
        """Let time pass; what has been under way for long enough arrives meanwhile."""
        self.arrive_all(min(self.now, self.now + seconds - ONE_WAY_SECONDS))
        self.now += seconds
        for side in self.sides:
            side.now = self.now
        for side in self.sides:
            side.multiplexer.wake(self.now)

    def settle(self) -> None:
        """Have everything arrive and be done."""
        for _ in range(10_000):
            self.arrive_all(self.now)
            waiting = [(side, work) for side in self.sides for work in side.waiting]
            if not waiting:
                return
            side, work = waiting[0]
            side.do(work, self.now)
        raise AssertionError("they never come to an end")

    def send_some(self, pick: int) -> None:
        """Send a stanza of two pairs in each direction, where there are any that may be used."""
        for side in self.sides:
            pairs = [DomainPair(*both) for both in product(sorted(side.hosted), sorted(self.other(side).hosted))]
            usable = [pair for pair in pairs if side.may_send(pair)]
            for step in (0, 1) if usable else ():
                side.send(usable[(pick + step) % len(usable)])

    # What holds at any time.

    def check(self) -> None:
        """Nothing passes the check that nobody has proven; where nothing is open, both ends agree."""
        for side in self.sides:
            self._check_admission(side)
        is_quiet = not any(side.said or side.waiting or not side.multiplexer.is_idle for side in self.sides)
        if is_quiet:
            for side in self.sides:
                self._check_agreement(side, self.other(side))
                assert side.sent.total() == self.other(side).met.total(), "something was lost"

    def _check_admission(self, side: Side) -> None:
        own = side.multiplexer.own
        usable = [domain for domain in DOMAINS if own.standing(domain) is not Standing.OUT]
        for sender, target in product(DOMAINS, {self.other(side).header_domain, *usable[-1:]}):
            pair = DomainPair(sender, target)
            if side.associations.examine(Direction.INBOUND, pair, self.now) is Admission.ADMITTED:
                assert side.reader.may_deliver(pair), f"{pair} passes, though nothing has proven it"
                assert sender not in side.hosted, f"{pair} passes, though the sender is hosted at the other end"

    def _check_agreement(self, verifier: Side, presenter: Side) -> None:
        for domain in presenter.hosted:
            known = presenter.multiplexer.own.standing(domain), verifier.multiplexer.peers.standing(domain)
            assert len(set(known)) == 1, f"{domain}: {known}"
            assert known[0] in {Standing.OPEN, Standing.OUT}, f"{domain} is {known[0]}, though nothing is open"
