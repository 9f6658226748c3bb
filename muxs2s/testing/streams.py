"""
Two streams joined in memory: what servers say to each other, without sockets and certificates.

Knows how to carry bytes from one to the other, and does what the network would: TLS, which both ends
are told of and which changes no byte; the verdict on the certificates nobody has shown; the clock,
which stands still until it is moved; and the end of the connection.

::

    pair = StreamPair()
    pair.run()
    arrived = pair.send(stanza)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final

from muxs2s.proof.dialback import DialbackKeys, DialbackProof, DialbackSecret
from muxs2s.proof.outcome import Evidence, KeyAnswered, Outcome, Proven, Scope
from muxs2s.proof.peers import PeerPolicies
from muxs2s.stream.events import (
    PairAsserted,
    ProofWanted,
    StanzasReceived,
    StreamClosing,
    StreamEnded,
    StreamEvent,
    TLSAgreed,
)
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import StreamState
from muxs2s.stream.receiving import ReceivingStream
from muxs2s.stream.side import OwnSide
from muxs2s.stream.stream import Stream
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["StreamPair", "prove_everyone"]

_DEFAULT_LIMITS: Final = StreamLimits()
_DEFAULT_POLICIES: Final = PeerPolicies()


def prove_everyone(wanted: ProofWanted) -> Outcome:
    """Find every domain proven, for ever."""
    return Proven(
        domain=wanted.domain, prooftype="pkix", evidence="found proven by a test", scope=Scope.ASKED_DOMAIN, until=None
    )


class StreamPair:
    """
    An initiating and a receiving stream, each with the other for a peer.

    :param sender: the domain of the initiating server.
    :param target: the domain of the receiving server, and the only one it hosts.
    :param judge: gives the verdict whenever one end wants a proof of the other; may be replaced later. What it
        does not find proven may be proven by dialback, where the policies let it.
    :param policies: what each end asks of the other.
    :param bidi: whether both ends want stanzas in both directions.
    :param direct_tls: whether the connection begins with TLS.
    :param now: seconds since the epoch.
    """

    def __init__(
        self,
        sender: str = "a.example",
        target: str = "b.example",
        *,
        limits: StreamLimits = _DEFAULT_LIMITS,
        judge: Callable[[ProofWanted], Outcome] = prove_everyone,
        policies: PeerPolicies = _DEFAULT_POLICIES,
        bidi: bool = True,
        direct_tls: bool = False,
        now: float = 0.0,
    ) -> None:
        self.domains = DomainPair(DomainName.parse(sender), DomainName.parse(target))
        self.now = now
        self.judge = judge
        self.hosted = {self.domains.target}
        """What the receiving server hosts."""

        self.keys = DialbackKeys(DialbackSecret("sixteen bytes or more"))
        """Those of the initiating server; the receiving server asks them."""
        own, peer = (
            OwnSide(hosted=hosted, keys=self.keys, policies=lambda: policies, limits=limits, is_bidi=bidi)
            for hosted in ({self.domains.sender}, self.hosted)
        )
        self.initiating = InitiatingStream(self.domains, own, now, direct_tls=direct_tls)
        numbers = count(1)
        self.receiving = ReceivingStream(
            peer, lambda size: next(numbers).to_bytes(size, "big"), now, direct_tls=direct_tls
        )
        self.initiating_events: list[StreamEvent] = []
        """Whatever the initiating stream has told, in order."""
        self.receiving_events: list[StreamEvent] = []
        self._in_handshake: set[Stream] = set()
        self._ended: set[Stream] = set()

    def exchange(self) -> None:
        """Hand over what either end has to say, and act on what it tells, until both are silent."""
        ends = (self.initiating, self.receiving)
        for stream in ends:
            self.note(stream, stream.begin())
        while any([self._hand_over(*ends), self._hand_over(*reversed(ends)), self._shake_hands()]):
            pass
        if self._ended:
            for stream in ends:
                self.note(stream, stream.connection_lost("the other end is gone"))

    def run(self) -> None:
        """
        Exchange until stanzas can pass.

        :raises LocalMisuse: if it does not come to that; the text says why.
        """
        self.exchange()
        if {self.initiating.state, self.receiving.state} != {StreamState.CARRYING}:
            told = [*self.initiating_events, *self.receiving_events]
            reasons = "; ".join(event.text for event in told if isinstance(event, StreamClosing))
            raise LocalMisuse(f"no stanza can pass from {self.domains}: {reasons}")

    def send(self, *stanzas: Slice) -> tuple[Slice, ...]:
        """
        Send stanzas of the pair and exchange.

        :returns: what came of them at the other end, in order.
        :raises LocalMisuse: if the pair may not be sent on this stream now.
        """
        known = len(self.receiving_events)
        self.initiating.send(self.domains, stanzas, self.now)
        self.exchange()
        told = self.receiving_events[known:]
        return tuple(stanza for event in told if isinstance(event, StanzasReceived) for stanza in event.stanzas)

    def close(self, stream: Stream) -> None:
        """Let one end close its stream, and exchange."""
        self.note(stream, stream.close(self.now))
        self.exchange()

    def advance(self, seconds: float) -> None:
        """Let time pass: wake both ends, and exchange."""
        self.now += seconds
        for stream in (self.initiating, self.receiving):
            self.note(stream, stream.wake(self.now))
        self.exchange()

    def note(self, stream: Stream, events: Iterable[StreamEvent]) -> None:
        """Act on what a call of one end has returned, as a transport would, and keep it."""
        kept = self.initiating_events if stream is self.initiating else self.receiving_events
        for event in events:
            kept.append(event)
            if isinstance(event, TLSAgreed):
                self._in_handshake.add(stream)
            elif isinstance(event, ProofWanted):
                self.note(stream, stream.decide(self.judge(event), self.now))
            elif isinstance(event, PairAsserted):
                self.note(stream, self._judge_pair(event))
            elif isinstance(event, StreamEnded):
                self._ended.add(stream)

    def _judge_pair(self, event: PairAsserted) -> Sequence[StreamEvent]:
        """Ask the initiating server, as the authoritative one, whether a key is its own."""
        is_good = self.keys.is_ours(event.pair, event.stream_id, event.key)
        answered = KeyAnswered(condition=None if is_good else StanzaCondition.FORBIDDEN, address="in memory")
        outcome = DialbackProof().judge(event.pair.sender, Evidence(chain=(), dialback=answered), self.now)
        return self.receiving.judge_pair(event.pair, outcome, StanzaCondition.FORBIDDEN, self.now)

    def _hand_over(self, speaker: Stream, listener: Stream) -> bool:
        data = speaker.bytes_to_send()
        self.note(listener, listener.receive_bytes(data, self.now))
        return bool(data)

    def _shake_hands(self) -> bool:
        ends = (self.initiating, self.receiving)
        if not self._in_handshake.issuperset(ends):
            return False
        self._in_handshake.clear()
        for stream in ends:
            self.note(stream, stream.tls_established(self.now))
        return True
