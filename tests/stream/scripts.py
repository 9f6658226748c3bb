"""
A peer in bytes, and streams of ours brought to any state by it.

What the peer says is written out here, not by the code under test.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from muxs2s.proof.dialback import DialbackKeys, DialbackSecret
from muxs2s.proof.outcome import Outcome, Proven, Refused, Scope
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies
from muxs2s.stream.events import StanzasReceived, StreamClosing, StreamEvent
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from muxs2s.stream.proving import ProvingStream
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.side import OwnSide
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.namespaces import SERVER
from muxs2s.wire.stanza import Slice

A: Final = DomainName.parse("a.example")
"""The initiating server's domain."""

B: Final = DomainName.parse("b.example")
"""The receiving server's domain."""

C: Final = DomainName.parse("c.example")
"""A domain nobody has proven."""

PAIR: Final = DomainPair(A, B)
LIMITS: Final = StreamLimits()

PATIENT: Final = StreamLimits(quiet_seconds=1e6, handshake_seconds=1e6, dialback_seconds=1e6)
"""Limits under which neither silence nor a slow handshake nor a key without an answer matters."""

TLS_NAMESPACE = "urn:ietf:params:xml:ns:xmpp-tls"
SASL_NAMESPACE = "urn:ietf:params:xml:ns:xmpp-sasl"

STARTTLS = f"<starttls xmlns='{TLS_NAMESPACE}'/>".encode()
PROCEED = f"<proceed xmlns='{TLS_NAMESPACE}'/>".encode()
TLS_FAILURE = f"<failure xmlns='{TLS_NAMESPACE}'/>".encode()
AUTH = f"<auth xmlns='{SASL_NAMESPACE}' mechanism='EXTERNAL'>=</auth>".encode()
SUCCESS = f"<success xmlns='{SASL_NAMESPACE}'/>".encode()
SASL_FAILURE = f"<failure xmlns='{SASL_NAMESPACE}'><not-authorized/></failure>".encode()
STREAM_ERROR = (
    b"<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
    b"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>until noon</text></stream:error>"
)
CLOSING = b"</stream:stream>"

OFFER_TLS = f"<stream:features><starttls xmlns='{TLS_NAMESPACE}'><required/></starttls></stream:features>".encode()
OFFER_EXTERNAL = (
    f"<stream:features><mechanisms xmlns='{SASL_NAMESPACE}'><mechanism>EXTERNAL</mechanism></mechanisms>"
    "</stream:features>"
).encode()
OFFER_DIALBACK = b"<stream:features><dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback></stream:features>"
OFFER_BIDI = OFFER_DIALBACK.replace(b"</stream:f", b"<bidi xmlns='urn:xmpp:features:bidi'/></stream:f")
"""And dialback."""

OFFER_EXTERNAL_AND_BIDI = OFFER_EXTERNAL.replace(b"</stream:f", b"<bidi xmlns='urn:xmpp:features:bidi'/></stream:f")
OFFER_NOTHING = b"<stream:features/>"

BIDI = b"<bidi xmlns='urn:xmpp:bidi'/>"

OWN_LIMITS = (
    "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>524288</max-bytes><idle-seconds>3600</idle-seconds></limits>"
)
"""How we announce our limits."""

_OWN_BIDI = "<bidi xmlns='urn:xmpp:features:bidi'></bidi>"

OWN_TLS_OFFER = OFFER_TLS.replace(b"</starttls>", f"</starttls>{_OWN_BIDI}".encode())
"""What we offer outside TLS to those from whom we want TLS."""

OWN_OFFER = OFFER_EXTERNAL.replace(
    b"</stream:features>",
    "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
    f"{_OWN_BIDI}{OWN_LIMITS}</stream:features>".encode(),
)
"""What we offer inside TLS to those whose certificate proves them."""

OWN_LAST_OFFER = f"<stream:features>{OWN_LIMITS}</stream:features>".encode()
"""What we offer after SASL."""


def header(**attributes: str | None) -> bytes:
    """
    The opening tag of a peer, without an XML declaration.

    :param attributes: added to, or with ``None`` taken from, those every header has; ``from_`` is
        written ``from``.
    """
    written: dict[str, str | None] = {
        "xmlns": "jabber:server",
        "xmlns:stream": "http://etherx.jabber.org/streams",
        "version": "1.0",
    }
    written.update({name.rstrip("_"): value for name, value in attributes.items()})
    listed = "".join(f" {name}='{value}'" for name, value in written.items() if value is not None)
    return f"<stream:stream{listed}>".encode()


FROM_A = header(from_="a.example", to="b.example")
"""What an initiating server sends."""

FROM_B = header(from_="b.example", to="a.example", id="s1")
"""What a receiving server answers."""


def dialback(step: str, sender: str, target: str, inside: str = "", **attributes: str) -> bytes:
    """A dialback element of a peer, whose header need not declare the prefix."""
    named = "".join(f" {name}='{value}'" for name, value in attributes.items())
    tag = f"<db:{step} xmlns:db='jabber:server:dialback' from='{sender}' to='{target}'{named}"
    return f"{tag}>{inside}</db:{step}>".encode()


ASSERTION = dialback("result", "a.example", "b.example", "00")
"""What an initiating server sends in place of SASL."""

VALID = dialback("result", "b.example", "a.example", type="valid")
INVALID = dialback("result", "b.example", "a.example", type="invalid")
"""What a receiving server answers."""

SECRET: Final = DialbackSecret("sixteen bytes or more")

DIALBACK_SERVES: Final = PeerPolicies(default=DIALBACK_SUFFICES)
PLAIN_SERVES: Final = PeerPolicies(default=replace(DIALBACK_SUFFICES, require_encryption=False))


def side(
    hosted: Container[DomainName],
    limits: StreamLimits = LIMITS,
    policies: PeerPolicies = PeerPolicies(),  # noqa: B008 - a frozen value
    *,
    is_bidi: bool = True,
) -> OwnSide:
    """What a stream knows of our side."""
    return OwnSide(hosted=hosted, keys=DialbackKeys(SECRET), policies=lambda: policies, limits=limits, is_bidi=is_bidi)


def message(sender: str = "x@a.example", target: str = "y@b.example", text: str = "hello") -> Slice:
    """A message as a stream hands it on or takes it."""
    data = f"<message from='{sender}' to='{target}'><body>{text}</body></message>".encode()
    return Slice(data, SERVER, "message", sender, target, None, None)


def proven(domain: DomainName, until: float | None = None) -> Proven:
    """A verdict in favour of a domain."""
    return Proven(domain=domain, prooftype="pkix", evidence="sha256:00", scope=Scope.ALL_NAMES, until=until)


def refused(domain: DomainName, *reasons: str) -> Refused:
    """A verdict against a domain."""
    return Refused(domain=domain, reasons=reasons)


TLS_DONE: Final = None
"""A step: the handshake is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairVerdict:
    """A step: the verdict on a pair that the peer has asserted."""

    pair: DomainPair
    outcome: Outcome
    condition: StanzaCondition = StanzaCondition.FORBIDDEN


Step = bytes | Outcome | PairVerdict | None

INITIATING_STEPS: Final[Sequence[Step]] = (
    *(FROM_B, OFFER_TLS, PROCEED, TLS_DONE, proven(B)),
    *(FROM_B, OFFER_EXTERNAL, SUCCESS, FROM_B, OFFER_NOTHING),
)
"""What moves an initiating stream from one state to the next."""

RECEIVING_STEPS: Final[Sequence[Step]] = (FROM_A, STARTTLS, TLS_DONE, FROM_A, proven(A), AUTH, FROM_A)
"""What moves a receiving stream from one state to the next."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """How a stream comes to carry stanzas: what our side asks for, then what the peer and the judge do."""

    is_initiating: bool
    steps: Sequence[Step]
    policies: PeerPolicies = field(default_factory=PeerPolicies)
    direct_tls: bool = False


INITIATING_WAY: Final = Way(is_initiating=True, steps=INITIATING_STEPS)
INITIATING_BY_DIALBACK: Final = Way(
    is_initiating=True, steps=(FROM_B, OFFER_TLS, PROCEED, TLS_DONE, proven(B), FROM_B, OFFER_DIALBACK, VALID)
)
INITIATING_TWO_WAY: Final = Way(
    is_initiating=True,
    steps=(*INITIATING_STEPS[:6], OFFER_EXTERNAL_AND_BIDI, SUCCESS, FROM_B, OFFER_NOTHING),
)
INITIATING_PLAIN: Final = Way(
    is_initiating=True, steps=(FROM_B, OFFER_DIALBACK, proven(B), VALID), policies=PLAIN_SERVES
)
INITIATING_DIRECT: Final = Way(is_initiating=True, steps=INITIATING_STEPS[3:], direct_tls=True)

ACCEPTED: Final = PairVerdict(pair=PAIR, outcome=proven(A))
"""A step: the authoritative server has confirmed the peer's key."""

RECEIVING_WAY: Final = Way(is_initiating=False, steps=RECEIVING_STEPS)
RECEIVING_BY_DIALBACK: Final = Way(
    is_initiating=False,
    steps=(FROM_A, STARTTLS, TLS_DONE, FROM_A, refused(A, "pkix: unknown"), ASSERTION, ACCEPTED),
    policies=DIALBACK_SERVES,
)
RECEIVING_TWO_WAY: Final = Way(is_initiating=False, steps=(*RECEIVING_STEPS[:5], BIDI, *RECEIVING_STEPS[5:]))
RECEIVING_PLAIN: Final = Way(is_initiating=False, steps=(FROM_A, ASSERTION, ACCEPTED), policies=PLAIN_SERVES)
RECEIVING_DIRECT: Final = Way(is_initiating=False, steps=RECEIVING_STEPS[2:], direct_tls=True)

WAYS: Final = (
    *(INITIATING_WAY, INITIATING_BY_DIALBACK, INITIATING_TWO_WAY, INITIATING_PLAIN, INITIATING_DIRECT),
    *(RECEIVING_WAY, RECEIVING_BY_DIALBACK, RECEIVING_TWO_WAY, RECEIVING_PLAIN, RECEIVING_DIRECT),
)


def take(stream: ProvingStream, step: Step, now: float = 0.0) -> Sequence[StreamEvent]:
    """Let a stream take one step."""
    if step is TLS_DONE:
        return stream.tls_established(now)
    if isinstance(step, bytes):
        return stream.receive_bytes(step, now)
    if isinstance(step, PairVerdict):
        return stream.judge_pair(step.pair, step.outcome, step.condition, now)
    return stream.decide(step, now)


def begin(way: Way, limits: StreamLimits = LIMITS) -> ProvingStream:
    """A stream at the beginning of a way; the time is 0."""
    if way.is_initiating:
        return InitiatingStream(PAIR, side({A}, limits, way.policies), 0.0, direct_tls=way.direct_tls)
    return ReceivingStream(side({B}, limits, way.policies), CountingEntropy(), 0.0, direct_tls=way.direct_tls)


def initiating(
    state: StreamState = StreamState.CARRYING, limits: StreamLimits = LIMITS, way: Way = INITIATING_WAY
) -> InitiatingStream:
    """An initiating stream in a state, all it had to say written; the time is 0."""
    stream = begin(way, limits)
    assert isinstance(stream, InitiatingStream)
    _walk(stream, way.steps, state)
    return stream


def receiving(
    state: StreamState = StreamState.CARRYING,
    limits: StreamLimits = LIMITS,
    hosted: Container[DomainName] = frozenset({B}),
    way: Way = RECEIVING_WAY,
) -> ReceivingStream:
    """A receiving stream in a state, all it had to say written; the time is 0."""
    own = side(hosted, limits, way.policies)
    stream = ReceivingStream(own, CountingEntropy(), 0.0, direct_tls=way.direct_tls)
    _walk(stream, way.steps, state)
    return stream


class CountingEntropy:
    """Bytes that are never the same, and the same in every run."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        """How many bytes were asked for, each time."""

    def __call__(self, count: int) -> bytes:
        """Give so many bytes."""
        self.asked.append(count)
        return len(self.asked).to_bytes(count, "big")


def states(way: Way) -> list[StreamState]:
    """Every state that a stream can be in on a way."""
    stream = begin(way)
    passed = [stream.state]
    for step in way.steps:
        take(stream, step)
        passed.append(stream.state)
    return [*dict.fromkeys(passed), StreamState.CLOSING, StreamState.FAILING, StreamState.CLOSED]


def streams(limits: StreamLimits = LIMITS) -> Iterator[ProvingStream]:
    """A stream of either role, on each way, in every state."""
    for way in WAYS:
        for state in states(way):
            yield initiating(state, limits, way) if way.is_initiating else receiving(state, limits, way=way)


def streams_in(*some: StreamState, limits: StreamLimits = LIMITS) -> Iterator[ProvingStream]:
    """A stream of either role, on each way, in each of these states."""
    return (stream for stream in streams(limits) if stream.state in some)


def received(events: Sequence[StreamEvent]) -> list[bytes]:
    """The stanzas that events hand on."""
    return [stanza.data for event in events if isinstance(event, StanzasReceived) for stanza in event.stanzas]


def ending(events: Sequence[StreamEvent]) -> StreamClosing:
    """The one event that says why a stream closes."""
    (closing,) = (event for event in events if isinstance(event, StreamClosing))
    return closing


def _walk(stream: ProvingStream, steps: Sequence[Step], state: StreamState) -> None:
    stream.begin()
    for step in steps:
        if stream.state is state:
            break
        take(stream, step)
    if state is StreamState.CLOSING:
        stream.close(0.0)
    elif state is StreamState.FAILING:
        stream.receive_bytes(STREAM_ERROR, 0.0)
    elif state is StreamState.CLOSED:
        stream.connection_lost("gone")
    stream.bytes_to_send()
    if stream.state is not state:
        message = f"{state.name} is not on the way, stopped in {stream.state.name}"
        raise AssertionError(message)
