"""
Two ends that multiplex, joined by queues of elements, with proofs that anybody can read.

What would be a signature here is the text ``proof of DOMAIN for REQUEST``; what is a certificate is real.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cryptography.x509 import Certificate

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.conversation import Conversation
from muxs2s.multiplex.elements import Accept, ListedName, MultiplexElement, Offer, PeerLimits, Present, Reject
from muxs2s.multiplex.events import (
    DomainRefused,
    MultiplexEvent,
    NamesClosed,
    NamesOpened,
    ProofRecalled,
    ProofShown,
    SignatureWanted,
    Whose,
)
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.multiplex.own import OwnDomains
from muxs2s.multiplex.reading import read_element
from muxs2s.multiplex.verdicts import NotVouched, Vouched
from muxs2s.network.pem import Credentials
from muxs2s.proof.authenticators import AuthenticatorRefused, ReceivedRequest
from muxs2s.proof.identity import names_in
from muxs2s.stream.associations import AssociationTable
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.framing import Framer
from muxs2s.wire.limits import AFTER_AUTHENTICATION
from muxs2s.wire.names import DomainName, DomainPair, DomainPattern, Name
from muxs2s.wire.stanza import Slice
from tests.multiplex.schema import assert_valid

AUTHORITY: Final = CertificateAuthority()
_ISSUED: dict[tuple[tuple[str, ...], str | None, int], Credentials] = {}

OPENING: Final = b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>"


def name(text: str) -> DomainName:
    """A domain."""
    return DomainName.parse(text)


def pair(sender: str, target: str) -> DomainPair:
    """A pair of domains."""
    return DomainPair(name(sender), name(target))


def issued(*names: str, subject: str | None = None, edition: int = 0) -> Credentials:
    """
    A certificate for some names, made when it is first needed.

    :param edition: tells apart those that are alike.
    """
    key = names, subject, edition
    if key not in _ISSUED:
        _ISSUED[key] = AUTHORITY.issue(*names, common_name=subject)
    return _ISSUED[key]


def sliced(data: bytes) -> list[Slice]:
    """First-level elements, as a stream would cut them."""
    framed = Framer(AFTER_AUTHENTICATION).feed(OPENING + data)
    return [found for found in framed if isinstance(found, Slice)]


class OpenAuthenticators:
    """Requests and proofs in plain text; each request is good once."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._count = 0
        self.outstanding: set[bytes] = set()
        self.seen: set[bytes] = set()

    def request(self, domain: DomainName) -> bytes:
        """A request that nobody has made before."""
        self._count += 1
        request = f"{self._label} {self._count}: {domain}".encode()
        self.outstanding.add(request)
        return request

    def read_request(self, data: bytes, domain: DomainName) -> ReceivedRequest:
        """Refuses what was seen before, and what is for another domain."""
        if data in self.seen or not data.endswith(f": {domain}".encode()):
            raise AuthenticatorRefused("seen before, or for another domain")
        self.seen.add(data)
        return ReceivedRequest(data=data, context=data, schemes=(0x0403,))

    def forget(self, request: bytes) -> None:
        """The request is good for nothing any more."""
        self.outstanding.discard(request)


class End:
    """
    One end.

    :param hosted: its domains, each with the names in its certificate; none if there is none for it.
    """

    def __init__(
        self,
        label: str,
        hosted: Mapping[str, Sequence[str]],
        header_domain: str,
        *,
        initiates: bool,
        limits: MultiplexLimits | None = None,
        peer_limits: PeerLimits | None = None,
    ) -> None:
        self.limits = limits or MultiplexLimits()
        self.hosted = {name(domain) for domain in hosted}
        self.certificates: dict[DomainName, Credentials] = {
            name(domain): issued(*names) for domain, names in hosted.items() if names
        }
        self.hidden: set[DomainName] = set()
        self.said: deque[bytes] = deque()
        self.events: list[MultiplexEvent] = []
        self.verdicts: dict[DomainName, NotVouched] = {}
        """What is said of domains of the peer that are not to be proven."""

        self.ends: dict[Certificate, float] = {}
        """When certificates of the peer end, as far as they do."""

        self.authenticators = OpenAuthenticators(label)
        domains = OwnDomains(
            hosted=self.hosted,
            certificate_of=lambda domain, _now: self.certificates.get(domain),
            hidden=self.hidden,
        )
        self.conversation = Conversation(
            domains,
            self.authenticators,
            self.limits,
            peer_limits or PeerLimits(max_domains=10_000, max_pending=64),
            initiates=initiates,
            say=self.say,
            tell=self.events.append,
        )
        own = next(iter(self.certificates.values()), None)
        self.shown: Certificate | None = own.leaf if own else None
        self.associations = AssociationTable()
        self.multiplexer = Multiplexer(self.conversation, name(header_domain), self.shown, self.associations)
        self.associations.share(self.multiplexer.own, self.multiplexer.peers)

    def say(self, data: bytes) -> None:
        """Send something."""
        self.said.append(data)

    def told(self, *kinds: type[MultiplexEvent]) -> list[MultiplexEvent]:
        """Take the events of some kinds out; all of them if none is named."""
        found = [event for event in self.events if not kinds or isinstance(event, kinds)]
        self.events[:] = [event for event in self.events if event not in found]
        return found

    def take(self, data: bytes, now: float) -> bool:
        """Read what the peer says; whether all of it meant something."""
        meant = [self.multiplexer.take(element, now) for element in sliced(data)]
        return all(meant)

    def work(self, now: float) -> bool:
        """Sign and judge one piece, if there is any; whether there was."""
        waiting = self.waiting
        if waiting:
            self.do(waiting[0], now)
        return bool(waiting)

    @property
    def waiting(self) -> list[Work]:
        """What is to be signed or judged."""
        return [event for event in self.events if isinstance(event, Work)]

    def do(self, event: Work, now: float) -> None:
        """Sign or judge one piece."""
        self.events.remove(event)
        match event:
            case SignatureWanted():
                self.multiplexer.present(event.id, proof(event), now)
            case ProofShown():
                self.multiplexer.conclude(event.id, self._verdict(event, now), now)
            case ProofRecalled():
                self.multiplexer.conclude(event.id, self._judgement(event.domain, event.chain[0], now), now)

    def _verdict(self, shown: ProofShown, now: float) -> Vouched | NotVouched:
        expected = b"proof of " + shown.domain.encode() + b" for " + shown.request
        proof, _, mark = shown.authenticator.partition(b"#")
        if proof != expected or shown.request not in self.authenticators.outstanding:
            return NotVouched(condition=MultiplexCondition.BAD_AUTHENTICATOR, text="not what was asked for")
        return self._judgement(shown.domain, _MARKED[mark], now)

    def _judgement(self, domain: DomainName, leaf: Certificate, now: float) -> Vouched | NotVouched:
        if domain in self.verdicts:
            return self.verdicts[domain]
        ends = self.ends.get(leaf)
        if ends is not None and ends <= now:
            return NotVouched(condition=MultiplexCondition.CERTIFICATE_EXPIRED, text="it has ended")
        return vouched(domain, (leaf,), ends)


Work = SignatureWanted | ProofShown | ProofRecalled


def proof(wanted: SignatureWanted) -> bytes:
    """What is good for a signature here."""
    return b"proof of " + wanted.domain.encode() + b" for " + wanted.request.data + _mark(wanted.certificate.leaf)


_MARKED: dict[bytes, Certificate] = {}


def _mark(leaf: Certificate) -> bytes:
    mark = leaf.serial_number.to_bytes(20, "big").hex().encode()
    _MARKED[mark] = leaf
    return b"#" + mark


def vouched(domain: DomainName, chain: tuple[Certificate, ...], until: float | None = None) -> Vouched:
    """The verdict on a good certificate: all its names, that of the exchange first."""
    names = names_in(chain[0])
    listed: list[Name] = [domain]
    listed += sorted(found for found in names.all_domains() if found != domain)
    listed += [DomainPattern(name(pattern[2:])) for pattern in sorted(names.patterns)]
    return Vouched(
        names=tuple(ListedName(name=each, until=until) for each in listed),
        chain=chain,
        until=until,
        prooftype="pkix",
        evidence="a test",
    )


class TwoEnds:
    """A stream that ``a.example`` has opened to ``b.example``, on which both ends multiplex."""

    def __init__(
        self,
        first: Mapping[str, Sequence[str]],
        second: Mapping[str, Sequence[str]],
        *,
        by_certificate: bool = True,
        limits: MultiplexLimits | None = None,
    ) -> None:
        self.now = 1_000.0
        limits = limits or MultiplexLimits()
        peer_limits = PeerLimits(max_domains=limits.max_domains, max_pending=limits.max_pending)
        own, peers = next(iter(first)), next(iter(second))
        self.first = End("first", first, peers, initiates=True, limits=limits, peer_limits=peer_limits)
        self.second = End("second", second, own, initiates=False, limits=limits, peer_limits=peer_limits)
        self.elements: list[tuple[End, bytes]] = []
        """Everything said, by whom."""

        for end, other, header in ((self.second, self.first, own), (self.first, self.second, peers)):
            known = by_certificate and other.shown is not None
            end.multiplexer.begin(vouched(name(header), (other.shown,)) if known and other.shown else None, self.now)
        self.settle()

    @property
    def ends(self) -> tuple[End, End]:
        """Both."""
        return self.first, self.second

    def other(self, end: End) -> End:
        """The end at the other end."""
        return self.second if end is self.first else self.first

    def move(self, end: End) -> bool:
        """Bring one piece of what an end has said, held to the schema, to the other; whether there was any."""
        if not end.said:
            return False
        data = end.said.popleft()
        assert_valid(data)
        self.elements.append((end, data))
        self.other(end).take(data, self.now)
        return True

    def settle(self) -> None:
        """Until nobody has anything to say or to do."""
        for _ in range(100_000):
            if not any([*(self.move(end) for end in self.ends), *(end.work(self.now) for end in self.ends)]):
                return
        raise AssertionError("they never come to an end")

    def advance(self, seconds: float) -> None:
        """Let time pass, and both wake when they have to."""
        self.now += seconds
        for end in self.ends:
            end.multiplexer.wake(self.now)
        self.settle()


def opened(events: Iterable[MultiplexEvent], whose: Whose) -> set[Name]:
    """The names that have become usable."""
    return {each for event in events if isinstance(event, NamesOpened) and event.whose is whose for each in event.names}


def closed(events: Iterable[MultiplexEvent], whose: Whose) -> set[Name]:
    """The names that were being taken off."""
    return {each for event in events if isinstance(event, NamesClosed) and event.whose is whose for each in event.names}


def refused(events: Iterable[MultiplexEvent], whose: Whose) -> dict[DomainName, MultiplexCondition]:
    """What was said of domains that were not proven."""
    found = [event for event in events if isinstance(event, DomainRefused) and event.whose is whose]
    return {event.domain: event.condition for event in found}


class OneEnd:
    """
    One end, and a peer that says what a test wants.

    The end hosts ``a.example``, the domain of the stream header, and others; the peer is ``b.example``.

    :param known: whether the handshake has proven ``b.example``.
    """

    def __init__(
        self,
        *hosted: str,
        initiates: bool = True,
        known: bool = True,
        limits: MultiplexLimits | None = None,
        max_pending: int = 64,
    ) -> None:
        self.now = 1_000.0
        domains = {domain: (domain,) for domain in ("a.example", *hosted)}
        peer_limits = PeerLimits(max_domains=10_000, max_pending=max_pending)
        self.end = End("end", domains, "b.example", initiates=initiates, limits=limits, peer_limits=peer_limits)
        self.multiplexer = self.end.multiplexer
        self.multiplexer.begin(vouched(name("b.example"), (issued("b.example").leaf,)) if known else None, self.now)
        self.said()

    def hear(self, *elements: MultiplexElement) -> bool:
        """Have the peer say something; whether all of it belonged to something."""
        meant = [self.end.take(element.to_bytes(), self.now) for element in elements]
        return all(meant)

    def said(self) -> list[MultiplexElement]:
        """Take what the end has said."""
        elements = [read_element(element) for element in sliced(b"".join(self.end.said))]
        self.end.said.clear()
        return elements

    def accept(self, *names: str) -> None:
        """Have the peer accept names by the certificate of the handshake."""
        self.hear(Accept(id=0, certificate=None, names=tuple(ListedName(name=name(each)) for each in names)))

    def prove(self, id: int, *names: str, until: float | None = None, subject: str | None = None) -> None:
        """Have the peer offer and prove a domain with a certificate for some names."""
        self.hear(Offer(id=id, domain=name(names[0]), renew=True))
        credentials = issued(*names, subject=subject)
        self.show(id, credentials)
        self.multiplexer.conclude(id, vouched(name(names[0]), (credentials.leaf,), until), self.now)

    def show(self, id: int, credentials: Credentials) -> None:
        """Have the peer answer a request."""
        self.hear(Present(id=id, data=b"a proof" + _mark(credentials.leaf)))

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.multiplexer.wake(self.now)

    def want(self, sender: str, target: str) -> DomainRefused | None:
        """Ask for what a pair lacks."""
        return self.multiplexer.want(pair(sender, target), self.now)


def rejected(elements: Iterable[MultiplexElement]) -> list[tuple[int, MultiplexCondition]]:
    """Which exchanges were rejected, and why."""
    return [(element.id, element.condition) for element in elements if isinstance(element, Reject)]
