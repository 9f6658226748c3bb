"""
What is to be known of a stream outside it: by operators, in the log, and where connections are counted.

Knows the lines, and which of them a peer could have written as often as it likes: those come once, and
those of strangers with restraint. Does not know when anything happens: see :mod:`muxs2s.network.protocol`.
"""

from __future__ import annotations

from collections.abc import Hashable

from twisted.logger import Logger

from muxs2s.network.accepting import Visit
from muxs2s.network.certificates import CertificateProblem
from muxs2s.network.restraint import RestrainedLog
from muxs2s.proof.outcome import Outcome, Proven
from muxs2s.stream.associations import Direction
from muxs2s.stream.events import PairRefused, StreamClosing
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.reasons import readable

__all__ = ["StreamNotes"]


class StreamNotes:
    """
    What is noted of one stream.

    :param number: what logs call the stream.
    :param visit: how its connection counts, if a peer has opened it.
    :param restrained: where lines go until the peer has proven itself, if it has opened the stream.
    """

    _log = Logger()

    def __init__(self, number: int, visit: Visit | None = None, restrained: RestrainedLog | None = None) -> None:
        self._number, self._visit, self._restrained = number, visit or Visit(), restrained
        self._said: set[str] = set()

    def accepted(self, proven: Proven, asked_for: DomainName) -> None:
        """The peer has proven a domain, towards a domain of ours."""
        self._log.info(
            "accepted {domain}, asked for {asked_for}, by {prooftype} on stream {number}",
            domain=proven.domain,
            asked_for=asked_for,
            prooftype=proven.prooftype,
            number=self._number,
            evidence=proven.evidence,
        )

    def failed(self, now: float) -> None:
        """The peer has not proven its domain, and the stream ends for it: why is said then."""
        self._visit.failed(now)

    def judged(self, outcome: Outcome, asked_for: DomainName, now: float) -> None:
        """A pair was judged that the peer has asserted; the stream goes on, as a rule."""
        if isinstance(outcome, Proven):
            self.accepted(outcome, asked_for)
            return
        self.failed(now)
        self._info(
            (outcome.domain, asked_for),
            "refused {domain}, asked for {asked_for}, on stream {number}: {reasons}",
            domain=outcome.domain,
            asked_for=asked_for,
            reasons=readable("; ".join(outcome.reasons)),
        )

    def ready(self, direction: Direction) -> None:
        """A pair may carry stanzas: if the peer has proven itself, it is no stranger from now on."""
        if direction is Direction.INBOUND:
            self._visit.authenticated()
            self._restrained = None

    def refused(self, event: PairRefused) -> None:
        """The peer does not accept a pair of ours."""
        self._log.info(
            "not accepted on stream {number}: {pair}: {reason}",
            number=self._number,
            pair=str(event.pair),
            reason=readable(event.text),
        )

    def dropped(self, pair: DomainPair) -> None:
        """A stanza came from a domain that is not proven; the peer decides how often that happens."""
        if self._is_first("dropped"):
            self._log.warn(
                "dropping stanzas from {sender} on stream {number}, where it is not proven",
                sender=pair.sender,
                number=self._number,
            )

    def unasked(self, pair: DomainPair) -> None:
        """A dialback answer came to nothing we have asked; the peer decides how often that happens."""
        if self._is_first("unasked"):
            self._log.warn(
                "ignoring dialback answers about {pair} on stream {number}, where nobody has asked for them",
                pair=str(pair),
                number=self._number,
            )

    def closing(self, event: StreamClosing, address: str) -> None:
        """One end closes the stream; where nothing failed, as when one of them stops, there is nothing to say."""
        if event.condition is not None and event.condition is not StreamCondition.SYSTEM_SHUTDOWN:
            self._info(
                (self._visit.source, event.by_peer, event.condition),
                "stream {number} with {address} failed, said {side}: {condition} ({text})",
                address=address,
                side="the peer" if event.by_peer else "we",
                condition=event.condition.value,
                text=event.text,
            )

    def no_tls(self, domain: DomainName | None, problem: CertificateProblem) -> None:
        """We have nothing to begin TLS with."""
        self._log.error(
            "no TLS for {domain} on stream {number}: {problem}",
            domain=domain or "any domain",
            number=self._number,
            problem=problem,
        )

    def lost(self, address: str, text: str) -> None:
        """TLS came to grief."""
        self._info((self._visit.source, text), "stream {number} with {address}: {text}", address=address, text=text)

    def gone(self) -> None:
        """The connection is over."""
        self._visit.left()

    def _is_first(self, what: str) -> bool:
        is_first = what not in self._said
        self._said.add(what)
        return is_first

    def _info(self, about: Hashable, line: str, /, **fields: object) -> None:
        """Say something that strangers can cause."""
        if self._restrained is None:
            self._log.info(line, number=self._number, **fields)
        else:
            self._restrained.info(about, line, number=self._number, **fields)
