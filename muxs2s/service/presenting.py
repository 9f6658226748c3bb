"""
What multiplexing takes the processor for: signatures of ours, and proofs of peers that are to be judged.

Knows which slices each consists of, how much of it one peer may have, and what comes of whatever goes wrong.
Does not know when it is due (:mod:`muxs2s.network.slices`), what a proof looks like
(:mod:`muxs2s.proof.authenticators`), nor what it proves (:mod:`muxs2s.network.evidence`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from cryptography.x509 import Certificate
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.events import ProofRecalled, ProofShown, SignatureWanted
from muxs2s.multiplex.verdicts import NotVouched, Vouched
from muxs2s.multiplex.vouching import verdict
from muxs2s.network.evidence import Judge
from muxs2s.network.restraint import RestrainedLog
from muxs2s.network.slices import Owner, Rate, Slices, Work
from muxs2s.proof.authenticators import AuthenticatorRefused, Authenticators, AuthenticatorTooLarge
from muxs2s.proof.outcome import Evidence
from muxs2s.proof.peers import PeerPolicies
from muxs2s.wire.names import DomainName
from muxs2s.wire.reasons import readable

__all__ = ["PresentationLimits", "Presentations", "ProvingConnection"]

_SIGN: Final = "sign"
_JUDGE: Final = "judge"
"""The two lines of work of each peer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationLimits:
    """
    How much of the processor one peer may take, an IPv4 address or IPv6 network; what exceeds it waits.

    Source: doc/protocol.rst, "Limits".
    """

    max_signatures_per_second: int = 200
    max_burst_signatures: int = 2_000
    """At once, if few came before."""

    max_judgements_per_second: int = 200
    max_burst_judgements: int = 2_000
    """The same two for proofs of the peer."""

    max_waiting_proofs: int = 10_000
    """Signatures, or proofs of the peer, that wait; the domains of others are refused for a while."""

    warn_names: int = 100
    """Names of one certificate past which the log says so: it is as weak as its weakest holder (RFC 9525, 7.5)."""


class ProvingConnection(Owner, Protocol):
    """What a connection on which domains are proven has to be: see :class:`muxs2s.network.protocol.StreamProtocol`."""

    @property
    def number(self) -> int:
        """What logs call its stream."""
        ...

    @property
    def source(self) -> str | None:
        """Who is at the other end, as far as its address shows."""
        ...

    @property
    def authenticators(self) -> Authenticators | None:
        """What makes and checks proofs on it."""
        ...

    def present(self, id: int, authenticator: bytes) -> None:
        """Show a proof."""
        ...

    def decline(self, id: int, condition: MultiplexCondition, text: str) -> None:
        """Show none."""
        ...

    def conclude(self, id: int, verdict: Vouched | NotVouched) -> None:
        """Tell what came of a proof of the peer."""
        ...


class Presentations:
    """
    Signs, checks and judges, a slice at a time.

    :param judge: as for the certificates of handshakes.
    :param hosted: our own domains, a live view.
    :param policies: gives the policies of the moment.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        judge: Judge,
        hosted: Container[DomainName],
        policies: Callable[[], PeerPolicies],
        limits: PresentationLimits | None = None,
    ) -> None:
        limits = limits or PresentationLimits()
        self._clock, self._judge, self._hosted, self._policies = clock, judge, hosted, policies
        self._warn_names = limits.warn_names
        self._signatures = Rate(
            per_second=limits.max_signatures_per_second,
            burst=limits.max_burst_signatures,
            max_waiting=limits.max_waiting_proofs,
        )
        self._judgements = Rate(
            per_second=limits.max_judgements_per_second,
            burst=limits.max_burst_judgements,
            max_waiting=limits.max_waiting_proofs,
        )
        self._slices = Slices(clock)
        self._peers: dict[ProvingConnection, Hashable] = {}
        """Who counts for a connection that has asked for something."""

        self._judging: dict[ProvingConnection, set[Deferred[None]]] = {}
        """Judgements that wait for others, such as DNS."""

        self._restrained = RestrainedLog(self._log, clock)
        self._failures: set[type[Exception]] = set()
        """How judges have failed: the log tells of each once."""

    def take(self, connection: ProvingConnection, event: SignatureWanted | ProofShown | ProofRecalled) -> None:
        """Do what is asked for when its turn has come, then tell the connection."""
        peer = self._peers.get(connection)
        if peer is None:
            peer = self._peers[connection] = connection.source or id(connection)
        match event:
            case SignatureWanted():
                sign = partial(self._sign, connection, event)
                if not self._slices.add((peer, _SIGN), self._signatures, connection, sign):
                    connection.decline(event.id, MultiplexCondition.TOO_MANY, "too many signatures are to be made")
            case ProofShown():
                self._take_proof(connection, event, partial(self._check, connection, event))
            case ProofRecalled(chain=chain):  # pragma: no branch - there is no other event
                self._take_proof(connection, event, partial(self._begin_judging, connection, event, chain))

    def gone(self, connection: ProvingConnection) -> None:
        """The connection is over: nobody waits any more for what it has asked for."""
        peer = self._peers.pop(connection, None)
        for kind in (_SIGN, _JUDGE):
            self._slices.leave((peer, kind), connection)
        for judging in tuple(self._judging.pop(connection, ())):
            judging.cancel()

    def close(self) -> None:
        """Drop everything."""
        for connection in tuple(self._peers):
            self.gone(connection)
        self._slices.close()
        self._restrained.close()

    # Slices.

    def _take_proof(self, connection: ProvingConnection, shown: ProofShown | ProofRecalled, work: Work) -> None:
        if not self._slices.add((self._peers[connection], _JUDGE), self._judgements, connection, work):
            connection.conclude(shown.id, _not(MultiplexCondition.TOO_MANY, "too many proofs are to be judged"))

    def _sign(self, connection: ProvingConnection, wanted: SignatureWanted) -> None:
        try:
            authenticator = _of(connection).authenticate(wanted.request, wanted.certificate)
        except AuthenticatorTooLarge as refused:
            connection.decline(wanted.id, MultiplexCondition.TOO_LARGE, str(refused))
        except AuthenticatorRefused as refused:
            connection.decline(wanted.id, MultiplexCondition.UNKNOWN_DOMAIN, str(refused))
        else:
            connection.present(wanted.id, authenticator)

    def _check(self, connection: ProvingConnection, shown: ProofShown) -> Work | None:
        """Check signature and MAC; only then is it worth while to look at the chain, or to ask anybody about it."""
        try:
            chain = _of(connection).check(shown.request, shown.authenticator)
        except AuthenticatorRefused as refused:
            self._conclude(connection, shown, _not(MultiplexCondition.BAD_AUTHENTICATOR, str(refused)))
            return None
        if not chain:
            self._conclude(connection, shown, _not(MultiplexCondition.UNKNOWN_DOMAIN, "the peer declines to prove it"))
            return None
        return partial(self._begin_judging, connection, shown, chain)

    def _begin_judging(
        self, connection: ProvingConnection, shown: ProofShown | ProofRecalled, chain: tuple[Certificate, ...]
    ) -> None:
        """Judge; where that has to wait for others, it is no slice any more."""
        judging = Deferred.fromCoroutine(self._judge_chain(connection, shown, chain))
        if not judging.called:
            under_way = self._judging.setdefault(connection, set())
            under_way.add(judging)
            judging.addBoth(lambda _: under_way.discard(judging))

    # Verdicts.

    async def _judge_chain(
        self, connection: ProvingConnection, shown: ProofShown | ProofRecalled, chain: tuple[Certificate, ...]
    ) -> None:
        try:
            outcome = await self._judge.judge(shown.domain, Evidence(chain=chain), self._clock.seconds())
            found = verdict(outcome, chain, self._hosted, self._policies())
        except Exception as error:  # noqa: BLE001 - whatever a judge does, the peer gets an answer
            if connection in self._peers and type(error) not in self._failures:
                self._failures.add(type(error))
                self._log.failure("judging {domain} on stream {number}", domain=shown.domain, number=connection.number)
            found = _not(MultiplexCondition.INTERNAL_ERROR, "an internal error, see the log")
        self._conclude(connection, shown, found)

    def _conclude(
        self, connection: ProvingConnection, shown: ProofShown | ProofRecalled, found: Vouched | NotVouched
    ) -> None:
        if connection not in self._peers:
            return
        if isinstance(found, Vouched):
            self._note_names(connection, found)
        else:
            self._restrained.info(
                (shown.domain, found.condition),
                "not accepted on stream {number}: {domain}: {condition} ({reasons})",
                number=connection.number,
                domain=shown.domain,
                condition=found.condition.value,
                reasons=readable(found.text),
            )
        connection.conclude(shown.id, found)

    def _note_names(self, connection: ProvingConnection, vouched: Vouched) -> None:
        """Tell of a certificate that names a domain of ours, or very many."""
        domain, ours, count = vouched.names[0].name, vouched.ours, len(vouched.names)
        said = "the certificate that proves {domain} on stream {number} "
        if ours:
            line = said + "names {ours} as well, hosted here: that does not count"
            self._restrained.info(("ours", domain), line, domain=domain, number=connection.number, ours=", ".join(ours))
        if count > self._warn_names:
            line = said + "gives {count} names: whoever holds its key speaks for all of them"
            self._restrained.info(("names", domain), line, domain=domain, number=connection.number, count=count)


def _of(connection: ProvingConnection) -> Authenticators:
    """What makes and checks proofs on a connection; without it, nothing is asked of us."""
    authenticators = connection.authenticators
    if authenticators is None:
        raise AuthenticatorRefused("this connection is not fit for authenticators")
    return authenticators


def _not(condition: MultiplexCondition, text: str) -> NotVouched:
    return NotVouched(condition=condition, text=text)
