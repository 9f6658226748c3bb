"""
A peer in bytes, and streams of ours brought to any state by it.

What the peer says is written out here, not by the code under test.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Final

from muxs2s.proof.dialback import DialbackKeys, DialbackSecret
from muxs2s.proof.outcome import Outcome, Proven, Refused, Scope
from muxs2s.proof.peers import PeerPolicies
from muxs2s.stream.events import StanzasReceived, StreamClosing, StreamEvent
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.side import OwnSide
from muxs2s.stream.stream import Stream
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
OFFER_NOTHING = b"<stream:features/>"


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


SECRET: Final = DialbackSecret("sixteen bytes or more")


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

Step = bytes | Outcome | None

INITIATING_STEPS: Final[Sequence[Step]] = (
    *(FROM_B, OFFER_TLS, PROCEED, TLS_DONE, proven(B)),
    *(FROM_B, OFFER_EXTERNAL, SUCCESS, FROM_B, OFFER_NOTHING),
)
"""What moves an initiating stream from one state to the next."""

RECEIVING_STEPS: Final[Sequence[Step]] = (FROM_A, STARTTLS, TLS_DONE, FROM_A, proven(A), AUTH, FROM_A)
"""What moves a receiving stream from one state to the next."""


def take(stream: Stream, step: Step, now: float = 0.0) -> Sequence[StreamEvent]:
    """Let a stream take one step."""
    if step is TLS_DONE:
        return stream.tls_established(now)
    if isinstance(step, bytes):
        return stream.receive_bytes(step, now)
    return stream.decide(step, now)


def initiating(state: StreamState = StreamState.CARRYING, limits: StreamLimits = LIMITS) -> InitiatingStream:
    """An initiating stream in a state, all it had to say written; the time is 0."""
    stream = InitiatingStream(PAIR, side({A}, limits), 0.0)
    _walk(stream, INITIATING_STEPS, state)
    return stream


def receiving(
    state: StreamState = StreamState.CARRYING,
    limits: StreamLimits = LIMITS,
    hosted: Container[DomainName] = frozenset({B}),
) -> ReceivingStream:
    """A receiving stream in a state, all it had to say written; the time is 0."""
    stream = ReceivingStream(side(hosted, limits), CountingEntropy(), 0.0)
    _walk(stream, RECEIVING_STEPS, state)
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


def states(steps: Sequence[Step]) -> list[StreamState]:
    """Every state that a stream of these steps can be in."""
    stream: Stream = (
        InitiatingStream(PAIR, side({A}), 0.0)
        if steps is INITIATING_STEPS
        else ReceivingStream(side({B}), CountingEntropy(), 0.0)
    )
    passed = [stream.state]
    for step in steps:
        take(stream, step)
        passed.append(stream.state)
    return [*passed, StreamState.CLOSING, StreamState.FAILING, StreamState.CLOSED]


def streams() -> Iterator[Stream]:
    """A stream of either role in every state."""
    for state in states(INITIATING_STEPS):
        yield initiating(state)
    for state in states(RECEIVING_STEPS):
        yield receiving(state)


def streams_in(*some: StreamState) -> Iterator[Stream]:
    """A stream of either role in each of these states."""
    return (stream for stream in streams() if stream.state in some)


def received(events: Sequence[StreamEvent]) -> list[bytes]:
    """The stanzas that events hand on."""
    return [stanza.data for event in events if isinstance(event, StanzasReceived) for stanza in event.stanzas]


def ending(events: Sequence[StreamEvent]) -> StreamClosing:
    """The one event that says why a stream closes."""
    (closing,) = (event for event in events if isinstance(event, StreamClosing))
    return closing


def _walk(stream: Stream, steps: Sequence[Step], state: StreamState) -> None:
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
