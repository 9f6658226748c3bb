"""
One call: the stream a server would open, up to the first stanza that could pass.

Knows how what happens on it is written down, and where a probe has to stop: it never sends a dialback
key, which only the running server could vouch for. All else is the server's own: its connector, its
streams, its judgement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography.x509 import Certificate
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from muxs2s.multiplex.events import MultiplexEvent
from muxs2s.network.evidence import PolicyJudge
from muxs2s.network.observer import DialbackEvent
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.targets import Target
from muxs2s.network.tls import tls_description
from muxs2s.network.transcript import Transcript
from muxs2s.probe.caller import Caller
from muxs2s.probe.record import CallRecord
from muxs2s.proof.outcome import Evidence, Outcome
from muxs2s.service.factory import StreamFactory
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import Negotiated, StreamClosing, StreamEvent
from muxs2s.stream.external import failure_reason
from muxs2s.stream.features import is_features
from muxs2s.stream.initiating import InitiatingStream
from muxs2s.stream.machine import StreamState
from muxs2s.stream.multiplexed import TLSMeans
from muxs2s.wire.header import StreamHeader
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.namespaces import SASL
from muxs2s.wire.stanza import Slice

__all__ = ["Call"]

_NO_DIALBACK: Final = "a dialback key is next, which only the running server can vouch for"
_NO_CERTIFICATE: Final = "not tried: there is no certificate of ours"


class Call:
    """
    Calls one server, and sees what it says.

    :param transcript: where every step is written.
    """

    def __init__(self, clock: IReactorTime, caller: Caller, target: Target, transcript: Transcript) -> None:
        self.record = CallRecord(transcript, str(target))
        self._clock, self._caller, self._target, self._transcript = clock, caller, target, transcript
        self._judge = PolicyJudge(caller.prooftypes, lambda: caller.policies)
        self._over: Deferred[None] = Deferred()

    async def make(self) -> None:
        """
        Call, see everything, hang up.

        :raises Unreachable: if there is no connection.
        """
        connecting = self._caller.connector.connect_to(
            self._target, lambda _target: StreamFactory(lambda _address: self._protocol()), transcript=self._transcript
        )
        await connecting
        await self._over

    def _protocol(self) -> StreamProtocol:
        caller, now = self._caller, self._clock.seconds()
        stream = _SeenStream(caller, now, self.record, direct_tls=self._target.direct_tls)
        protocol = _SeenProtocol(1, stream, clock=self._clock, contexts=caller.contexts, judge=self, observer=self)
        protocol.record = self.record
        return protocol

    # What the connection asks and tells.

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """Let each prooftype say what it has to say, and the policy choose."""
        outcomes = [(each.name, each.judge(domain, evidence, now)) for each in self._caller.prooftypes]
        outcome = await self._judge.judge(domain, evidence, now)
        self.record.judged(evidence.chain, outcomes, outcome)
        return outcome

    def ready(self, connection: StreamProtocol, pair: DomainPair, direction: Direction) -> None:
        """Stanzas could pass."""
        self.record.is_ready = True
        self.record.advanced(StreamState.CARRYING)
        connection.close()

    def dialback(self, connection: StreamProtocol, event: DialbackEvent) -> None:
        """
        The stream is negotiated as far as it goes: a key of ours would be next, or a proof we do not have.

        Nothing else comes, as nothing is asked and nothing of the peer is let in.
        """
        self.record.stopped(_NO_DIALBACK if self.record.wants_dialback else _NO_CERTIFICATE)
        connection.close()

    def multiplex(self, _connection: StreamProtocol, _event: MultiplexEvent) -> None:
        """Nothing: one pair is all that is looked at."""

    def received(self, connection: StreamProtocol, stanzas: Sequence[Slice]) -> None:
        """Never comes: nothing of the peer is let in."""

    def has_room(self, connection: StreamProtocol) -> None:
        """Nothing is to be sent."""

    def closing(self, connection: StreamProtocol, event: StreamClosing) -> None:
        """The stream ends."""
        self.record.closed(event)

    def gone(self, connection: StreamProtocol, unsent: Sequence[Slice]) -> None:
        """The connection is over."""
        self._over.callback(None)


class _SeenProtocol(StreamProtocol):
    """Notes the handshake before the stream goes on."""

    record: CallRecord

    def connectionMade(self) -> None:
        """The first step begins."""
        self.record.advanced(self.stream.state)
        super().connectionMade()

    def handshakeCompleted(self) -> None:
        """Note what was agreed on."""
        self.record.secured(tls_description(self._transport().getHandle()))
        super().handshakeCompleted()


class _SeenStream(InitiatingStream):
    """
    Notes what the peer says, and stops before a dialback key is sent.

    Without a certificate of ours it stops before any proof.
    """

    def __init__(self, caller: Caller, now: float, record: CallRecord, *, direct_tls: bool) -> None:
        self._record = record
        only_to_ask = not caller.proves_itself
        super().__init__(caller.pair, caller.side, now, direct_tls=direct_tls, only_to_ask=only_to_ask)

    def tls_established(self, now: float, means: TLSMeans | None = None) -> Sequence[StreamEvent]:
        """As that of the server; noted."""
        events = super().tls_established(now, means)
        self._record.advanced(self.state)
        return events

    def decide(self, outcome: Outcome, now: float, chain: tuple[Certificate, ...] = ()) -> Sequence[StreamEvent]:
        """As that of the server; noted."""
        events = super().decide(outcome, now, chain)
        self._record.advanced(self.state)
        return events

    def _header(self, header: StreamHeader, now: float) -> None:
        self._record.answered(header)
        super()._header(header, now)
        self._record.advanced(self.state)

    def _element(self, element: Slice, now: float) -> None:
        if is_features(element):
            self._record.offered(element)
        elif element.namespace == SASL and element.name == "success":
            self._record.authenticated()
        elif element.namespace == SASL and element.name == "failure":
            self._record.external_refusal = failure_reason(element)
        super()._element(element, now)
        self._record.advanced(self.state)

    def _assert(self, pair: DomainPair, now: float) -> None:
        self._record.wants_dialback = True
        self._record.advanced(self.state)
        self._emit(Negotiated())
