"""
Dialback between streams: a key that came on one is asked about on another.

Knows whom to ask, that askers share a stream, and what asking comes to. Does not know what is said on a
stream (:mod:`muxs2s.stream.proving`), what a key is worth (:mod:`muxs2s.proof.dialback`), nor how a
stream comes about (:mod:`muxs2s.service.streams`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from muxs2s.network.evidence import Judge
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.sharing import SharedJobs
from muxs2s.proof.outcome import Evidence, KeyAnswered, Outcome, Proven, Undecided
from muxs2s.proof.peers import PeerPolicies
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.stream.events import KeyVerified, PairAsserted
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair

__all__ = ["MAX_ADDRESS_VERIFICATIONS", "MAX_VERIFICATIONS", "AskableStreams", "Verifications"]

MAX_VERIFICATIONS: Final = 1_000
"""Keys asked about at the same time, for all peers together."""

MAX_ADDRESS_VERIFICATIONS: Final = 200
"""The same for one IPv4 address or IPv6 network that has opened streams to us: there is room for others then."""


class AskableStreams(Protocol):
    """Where streams to authoritative servers come from."""

    def asking(self, pair: DomainPair, *, other_than: StreamProtocol) -> StreamProtocol | None:
        """Find a stream that we opened for a pair and on which something can be asked."""
        ...

    async def open_to_ask(self, pair: DomainPair) -> StreamProtocol:
        """
        Open a stream for nothing but questions.

        :param pair: our domain, then that of the authoritative server.
        :raises StreamUnavailable: if it cannot be had.
        """
        ...


class _Question:
    """A key that has been asked about, and who wants to know."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.askers: list[Deferred[KeyVerified]] = []

    def answer(self, event: KeyVerified) -> None:
        """Tell everybody."""
        for asker in self.askers:
            asker.callback(event)


def _unanswered(pair: DomainPair, stream_id: str, condition: StanzaCondition, text: str) -> KeyVerified:
    return KeyVerified(pair=pair, stream_id=stream_id, condition=condition, text=text)


class Verifications:
    """
    The keys that are being asked about.

    :param max_at_once: keys asked about at the same time.

    Source: XEP-0220, sections 2.1.2 and 2.6; RFC 7712, section 4.4.1.
    """

    _log = Logger()

    def __init__(
        self,
        streams: AskableStreams,
        judge: Judge,
        policies: Callable[[], PeerPolicies],
        clock: IReactorTime,
        *,
        max_at_once: int = MAX_VERIFICATIONS,
    ) -> None:
        self._streams, self._judge, self._policies, self._clock = streams, judge, policies, clock
        self._max_at_once = max_at_once
        self._opening: SharedJobs[DomainPair, StreamProtocol] = SharedJobs()
        self._under_way: Counter[str | None] = Counter()
        """Keys, by who has sent them, as far as the address shows."""
        self._questions: dict[StreamProtocol, dict[tuple[DomainPair, str], _Question]] = {}
        """What has been asked, by the stream on which the answer is to come, then by what the answer will name."""
        self._opened: set[StreamProtocol] = set()
        """Streams that were opened for nothing but questions."""

    def __len__(self) -> int:
        return self._under_way.total()

    def asserted(self, connection: StreamProtocol, asserted: PairAsserted) -> None:
        """A peer asserts a pair: have it judged, and tell the stream."""
        Deferred.fromCoroutine(self._judge_pair(connection, asserted)).addErrback(
            lambda failure: self._log.failure("judging {pair} failed", failure, pair=str(asserted.pair))
        )

    def verified(self, connection: StreamProtocol, event: KeyVerified) -> None:
        """An authoritative server has answered, or has not in time."""
        question = self._questions.get(connection, {}).pop((event.pair, event.stream_id), None)
        if question is not None:
            question.answer(event)
        self._release(connection)

    def closing(self, connection: StreamProtocol, text: str) -> None:
        """Nothing more will be answered on a stream."""
        self._opened.discard(connection)
        for (pair, stream_id), question in self._questions.pop(connection, {}).items():
            reason = f"the server of {pair.sender} did not answer: {text}"
            question.answer(_unanswered(pair, stream_id, StanzaCondition.REMOTE_SERVER_TIMEOUT, reason))

    async def _judge_pair(self, connection: StreamProtocol, asserted: PairAsserted) -> None:
        """
        Judge by what the peer has shown, then, if that does not do and the policy lets it, by its key.

        A certificate is judged for the domain that is asserted, at the time it is.

        Source: XEP-0344, section 2.4; XEP-0220, section 2.5.
        """
        sender, shown = asserted.pair.sender, replace(connection.evidence, dialback=None)
        outcome = await self._outcome(sender, shown)
        condition = StanzaCondition.NOT_AUTHORIZED
        if not isinstance(outcome, Proven) and self._policies().of(sender).takes_dialback:
            answered = await self._ask(connection, asserted)
            outcome = await self._outcome(sender, replace(shown, dialback=answered))
            condition = answered.condition or condition
        connection.judge_pair(asserted.pair, outcome, condition)

    async def _outcome(self, domain: DomainName, evidence: Evidence) -> Outcome:
        try:
            return await self._judge.judge(domain, evidence, self._clock.seconds())
        except Exception:  # noqa: BLE001 - whatever a judge does, the peer gets an answer
            self._log.failure("judging {domain} failed", domain=domain)
            return Undecided(domain=domain, reasons=("an internal error, see the log",))

    async def _ask(self, connection: StreamProtocol, asserted: PairAsserted) -> KeyAnswered:
        """Ask the authoritative server; whatever goes wrong becomes the answer."""
        source = connection.source
        if len(self) >= self._max_at_once or (source and self._under_way[source] >= MAX_ADDRESS_VERIFICATIONS):
            text = "too many keys are being verified"
            return KeyAnswered(condition=StanzaCondition.RESOURCE_CONSTRAINT, address="", text=text)
        self._under_way[source] += 1
        try:
            stream = await self._stream_for(asserted.pair.reversed(), connection)
            verified = await self._answer(stream, asserted)
            return KeyAnswered(condition=verified.condition, address=stream.peer_address, text=verified.text)
        except StreamUnavailable as unavailable:
            return KeyAnswered(condition=unavailable.condition, address="", text=str(unavailable))
        except LocalMisuse as unasked:  # the stream that was to be asked on has changed its mind meanwhile
            return KeyAnswered(condition=StanzaCondition.REMOTE_SERVER_TIMEOUT, address="", text=str(unasked))
        finally:
            self._under_way -= Counter([source])

    async def _stream_for(self, pair: DomainPair, connection: StreamProtocol) -> StreamProtocol:
        """Give a stream to ask on: one that is there, or one that is opened and shared by all who wait for it."""
        existing = self._streams.asking(pair, other_than=connection)
        return existing or await self._opening.join(pair, lambda: self._open(pair))

    async def _open(self, pair: DomainPair) -> StreamProtocol:
        opened = await self._streams.open_to_ask(pair)
        self._opened.add(opened)
        return opened

    def _answer(self, stream: StreamProtocol, asserted: PairAsserted) -> Deferred[KeyVerified]:
        """
        Ask, unless that very question is waiting for its answer.

        An answer does not name the key: so there is never more than one of a pair and stream id under way.
        """
        pair, stream_id, key = asserted.pair, asserted.stream_id, asserted.key
        questions = self._questions.setdefault(stream, {})
        question = questions.get((pair, stream_id))
        if question is None:
            stream.question(pair, stream_id, key)
            question = questions[pair, stream_id] = _Question(key)
        elif question.key != key:
            text = "another key for this pair and stream is being verified"
            return succeed(_unanswered(pair, stream_id, StanzaCondition.RESOURCE_CONSTRAINT, text))
        answer: Deferred[KeyVerified] = Deferred()
        question.askers.append(answer)
        return answer

    def _release(self, connection: StreamProtocol) -> None:
        """Close a stream that was opened for questions when the last of them is answered."""
        if not self._questions.get(connection):
            self._questions.pop(connection, None)
            if connection in self._opened:
                self._opened.discard(connection)
                connection.close()
