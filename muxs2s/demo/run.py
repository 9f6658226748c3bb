"""
The demonstration as a whole: DNS, certificates, two clouds, the exchange and what came of it.

Knows the order of things and waits for none of them without end. Does not know how a cloud federates
(:mod:`muxs2s.demo.cloud`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorProcess

from muxs2s.demo.plan import ADDRESSES, FIRST, SECOND, Plan, host_name
from muxs2s.demo.processes import CloudProcess, DemoFailed
from muxs2s.demo.progress import Watcher
from muxs2s.demo.report import Report
from muxs2s.demo.words import Begin, Finish, Finished, Listening, Measure, Prepare, Progress, Usage, Word
from muxs2s.network.reactors import INetworkReactor
from muxs2s.testing.authority import CertificateAuthority
from muxs2s.testing.dns import ServedZone, Zone

__all__ = ["DemoFailed", "IDemoReactor", "default_seconds", "demonstrate"]

DNS_ADDRESS: Final = "127.0.0.1"

LEAST_SECONDS: Final = 60.0
SECONDS_PER_PAIR: Final = 0.2
"""A generous time for one pair: two handshakes, each at both ends, on a slow machine."""

_Answer = TypeVar("_Answer")


class IDemoReactor(INetworkReactor, IReactorProcess):
    """What a demonstration asks of a reactor."""


def default_seconds(plan: Plan) -> float:
    """How long the exchange may take if nothing else is said."""
    return LEAST_SECONDS + SECONDS_PER_PAIR * plan.pairs


async def demonstrate(
    reactor: IDemoReactor, plan: Plan, *, command: Sequence[str], watcher: Watcher, limit_seconds: float
) -> Report:
    """
    Hold a demonstration, and clear up after it.

    :param command: starts the process of a cloud.
    :param limit_seconds: for the exchange; what has not arrived then is reported missing.
    :raises DemoFailed: if it cannot be held, or a cloud fails.
    """
    demonstration = _Demonstration(reactor, plan, watcher)
    try:
        await demonstration.prepare(command)
        return await demonstration.exchange(limit_seconds)
    finally:
        await demonstration.end()


class _Demonstration:
    """What there is while it lasts."""

    def __init__(self, reactor: IDemoReactor, plan: Plan, watcher: Watcher) -> None:
        self._reactor, self._plan, self._watcher = reactor, plan, watcher
        self._zone = Zone()
        self._served: ServedZone | None = None
        self._settled: Deferred[bool] = Deferred()
        self._progress = dict.fromkeys(ADDRESSES, Progress(arrived=0, bounced=0, connections=0))
        self._clouds = {
            name: CloudProcess(name, reactor, noted=self._note, lost=self._settle_badly) for name in ADDRESSES
        }

    async def prepare(self, command: Sequence[str]) -> None:
        """Serve DNS, certify every domain, start both clouds and say in DNS where they are."""
        self._watcher.stage("DNS and certificates")
        served = self._served = self._serve()
        authority = CertificateAuthority("muxs2s demo CA")
        self._watcher.stage("two processes")
        for cloud in self._clouds.values():
            cloud.start(self._reactor, command)
        words = {name: self._words_for(name, served, authority) for name in self._clouds}
        ports = await self._ask_all(words, Listening)
        for name, listening in ports.items():
            self._zone.add(host_name(name), "A", ADDRESSES[name])
            for domain in self._plan.names(name):
                self._zone.add_srv(domain, host_name(name), listening.port)

    async def exchange(self, limit_seconds: float) -> Report:
        """Let every domain write, wait until the fate of everything is known, and report."""
        before = await self._ask_all(dict.fromkeys(self._clouds, Measure()), Usage)
        self._watcher.stage("streams, TLS, proofs, messages")
        began = self._reactor.seconds()
        self._clouds[FIRST].tell(Begin())
        gave_up = not await self._is_settled_within(limit_seconds)
        seconds = self._reactor.seconds() - began
        after = await self._ask_all(dict.fromkeys(self._clouds, Measure()), Usage)
        self._watcher.stage("closing every stream")
        finished = await self._ask_all(dict.fromkeys(self._clouds, Finish()), Finished)
        return _report(self._plan, seconds, gave_up=gave_up, usage=_growth(before, after), finished=finished)

    async def end(self) -> None:
        """End both processes and DNS."""
        self._settled.addErrback(lambda _nobody_asks_any_more: None)
        await gatherResults([Deferred.fromCoroutine(cloud.end()) for cloud in self._clouds.values()])
        if self._served is not None:
            await self._served.stop()

    def _serve(self) -> ServedZone:
        try:
            return self._zone.listen(self._reactor, DNS_ADDRESS)
        except CannotListenError as error:
            raise DemoFailed(f"cannot serve DNS on {DNS_ADDRESS}: {error.socketError}") from None

    def _words_for(self, name: str, served: ServedZone, authority: CertificateAuthority) -> Prepare:
        issued = [authority.issue(domain) for domain in self._plan.names(name)]
        return Prepare(
            cloud=name,
            domains=self._plan.domains,
            peer_domains=self._plan.peer_domains,
            messages=self._plan.messages,
            way=self._plan.way.value,
            address=ADDRESSES[name],
            dns_address=served.address,
            dns_port=served.port,
            anchors=authority.certificate_pem.decode(),
            credentials=[(found.certificate_pem.decode(), found.key_pem.decode()) for found in issued],
        )

    async def _ask_all(self, words: Mapping[str, Word], kind: type[_Answer]) -> dict[str, _Answer]:
        """Say something to each cloud at the same time; the answers."""
        asked = [self._clouds[name].ask(word, kind) for name, word in words.items()]
        try:
            return dict(zip(words, await gatherResults(asked, consumeErrors=True), strict=True))
        except FirstError as first:
            first.subFailure.raiseException()

    def _note(self, cloud: CloudProcess, progress: Progress) -> None:
        self._progress[cloud.name] = progress
        known = self._progress
        self._watcher.advance(
            known[SECOND].arrived, known[FIRST].arrived, sum(found.connections for found in known.values())
        )
        # A message either came to the second cloud and is answered, or came back; so did its answer.
        fates = known[FIRST].arrived + sum(found.bounced for found in known.values())
        if fates >= self._plan.expected and not self._settled.called:
            self._settled.callback(True)

    def _settle_badly(self, failure: DemoFailed) -> None:
        if not self._settled.called:
            self._settled.errback(failure)

    async def _is_settled_within(self, seconds: float) -> bool:
        return await self._settled.addTimeout(seconds, self._reactor, lambda _result, _seconds: False)


def _growth(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> Usage:
    """What both processes used in between."""
    pairs = [(before[name], after[name]) for name in before]
    return Usage(
        resident_kib=sum(now.resident_kib - then.resident_kib for then, now in pairs),
        cpu_seconds=sum(now.cpu_seconds - then.cpu_seconds for then, now in pairs),
        presentations=sum(now.presentations - then.presentations for then, now in pairs),
        round_trips=sum(now.round_trips - then.round_trips for then, now in pairs),
    )


def _report(plan: Plan, seconds: float, *, gave_up: bool, usage: Usage, finished: Mapping[str, Finished]) -> Report:
    both = finished.values()
    return Report(
        plan=plan,
        delivered=finished[SECOND].arrived,
        replied=finished[FIRST].arrived,
        connections=sum(found.connections for found in both),
        seconds=seconds,
        cpu_seconds=usage.cpu_seconds,
        rss_kib_per_pair=usage.resident_kib / plan.pairs,
        bounced=sum(found.bounced for found in both),
        bounces=[bounce for found in both for bounce in found.bounces],
        repeated=sum(found.repeated for found in both),
        disordered=sum(found.disordered for found in both),
        unasked=sum(found.unasked for found in both),
        proofs=sum((Counter(found.proofs) for found in both), Counter()),
        presentations=usage.presentations,
        round_trips=usage.round_trips,
        tls_versions=sum((Counter(found.tls_versions) for found in both), Counter()),
        gave_up=gave_up,
    )
