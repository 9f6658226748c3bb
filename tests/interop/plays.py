"""
How each case of the matrix is played, whoever the peer is.

Knows what happens in a case, what may be lost then, and which streams have to be open in the end. Which
cases there are says :mod:`tests.interop.matrix`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Final, TypeVar

from muxs2s.testing import CLIENT as FOR_CLIENTS
from muxs2s.testing import SERVER as FOR_SERVERS
from muxs2s.testing import CertificateAuthority, IssuedCredentials
from tests.interop.cases import CLIENT, NAME_SERVER_ADDRESS, THEIRS, AnyPeer, PeerCase, reactor
from tests.interop.cloud import IMPATIENT, PATIENT, Options
from tests.interop.ledger import Flow
from tests.interop.matrix import Situation
from tests.interop.openstreams import expected, read_streams
from tests.interop.slowdns import SlowNameServer

__all__ = ["MatrixCase", "plays"]

FEW: Final = 5
"""Messages of one flow where nothing happens meanwhile."""

MANY: Final = 60
PAUSE_SECONDS: Final = 0.02
"""Messages of one flow in which something happens, and the time between two of them."""

NOT_REACHED: Final = ("remote-server-not-found", "remote-server-timeout")
"""What servers say of one that does not answer: either, according to taste."""

WATCHFUL: Final = {"quiet_seconds": 2.0, "answer_seconds": 2.0, "negotiation_seconds": 3.0}
"""Asks a silent peer whether it is there sooner than good manners let an operator have it."""

AnyCase = TypeVar("AnyCase", bound="type[MatrixCase[Any]]")


class MatrixCase(PeerCase[AnyPeer]):
    """One situation, played from beginning to end."""

    situation: Situation

    async def play(self, situation: Situation) -> None:
        """Let it happen, hold what came of it against what must have, and note it."""
        self.situation = situation
        self.prepare()
        await self.PLAYS[situation.fault](self)
        await self.look_at_streams()
        lost = [] if situation.fault in {"healthy", "refuses", "slow dns"} else list(self.crowd.ledger.flows.values())
        await self.finish(lost=lost)

    # Who is there.

    def prepare(self) -> None:
        """Make both servers as the situation wants them."""
        situation = self.situation
        if situation.fault == "slow dns":
            self.dns = SlowNameServer(reactor, self.zone, NAME_SERVER_ADDRESS)
            self.addCleanup(self.dns.stop)
        ours = [f"a{number}.example" for number in range(10 if situation.domains == "ten domains" else 1)]
        direct_tls = situation.security == "direct tls"
        limits = WATCHFUL if situation.fault == "half-open" else {}
        self.make_cloud(ours, self.certify, self.options(), direct_tls=direct_tls, stream_limits=limits)
        facts: dict[str, Any] = {"bidi": situation.bidi == "bidi"} if situation.peer == "prosody" else {}
        self.make_peer([THEIRS], self.certify, dialback=situation.proof == "dialback", direct_tls=direct_tls, **facts)
        if direct_tls:
            for domain in (*ours, THEIRS):
                self.zone.remove(f"_xmpp-server._tcp.{domain}", "SRV")

    def certify(self, domain: str) -> IssuedCredentials:
        """Certify a domain: for dialback by an authority that nobody trusts, else as the peer wants it."""
        if self.situation.proof == "dialback":
            return CertificateAuthority("a stranger").issue(domain)
        purposes = [FOR_SERVERS, FOR_CLIENTS] if self.situation.peer == "ejabberd" else [FOR_SERVERS]
        return self.authority.issue(domain, eku=purposes)

    def options(self) -> Options:
        """What our operator has configured."""
        patience = IMPATIENT if self.situation.fault in {"refuses", "half-open"} else PATIENT
        proofs = ["pkix", "dialback"] if self.situation.proof == "dialback" else ["pkix"]
        return {**patience, "policy": {"proofs": proofs}}

    async def start_ours(self) -> None:
        """Start muxs2s and its components."""
        await self.cloud.start()
        for domain in self.cloud.domains:
            await self.join_ours(domain)

    async def start_theirs(self) -> None:
        """Start the peer, and who speaks there."""
        await self.peer.start()
        await self.join_theirs()

    # What is said.

    def there(self, count: int = 1, pause: float = 0.0) -> list[Flow]:
        """Have each domain of ours send messages to the peer's."""
        return [self.say_there(our, count, pause) for our in self.cloud.domains]

    def back(self, count: int = 1, pause: float = 0.0) -> list[Flow]:
        """Have the peer's domain send messages to each of ours."""
        return [self.say_back(our, count, pause) for our in self.cloud.domains]

    def say_there(self, our: str, count: int = 1, pause: float = 0.0) -> Flow:
        """Have one domain of ours send messages."""
        self.crowd.send(our, CLIENT, count, sender=f"bot@{our}", pause=pause)
        return self.crowd.ledger.flow(f"bot@{our}", CLIENT)

    def say_back(self, our: str, count: int = 1, pause: float = 0.0) -> Flow:
        """Have the peer's domain send messages to one of ours."""
        return self.to_cloud(count, to=f"bot@{our}", pause=pause)

    async def meet(self) -> None:
        """Connect: whoever is first sends and is heard, then the other answers."""
        ways = [self.there, self.back] if self.situation.first == "we first" else [self.back, self.there]
        for way in ways:
            way()
            await self.crowd.settled()
        self.assert_complete(*self.crowd.ledger.flows.values())

    async def flow_both_ways(self) -> None:
        """Connect, then begin to send and wait until messages run on every flow."""
        await self.fence_all()
        flows = [*self.there(MANY, PAUSE_SECONDS), *self.back(MANY, PAUSE_SECONDS)]
        await self.crowd.until(lambda: all(len(flow.arrived) > MANY // 4 for flow in flows), "messages to flow")

    async def fence_all(self) -> None:
        """Send a last message on every flow and wait for it; whoever connects first begins."""
        ways = [self.say_there, self.say_back]
        for say in ways if self.situation.first == "we first" else reversed(ways):
            await self.fence(*(partial(say, our) for our in self.cloud.domains))

    # What happens.

    async def healthy(self) -> None:
        """All is well: everything arrives."""
        await self.start_ours()
        await self.start_theirs()
        await self.meet()
        self.there(FEW)
        self.back(FEW)
        await self.crowd.settled()
        self.assert_complete(*self.crowd.ledger.flows.values())

    async def restarted(self) -> None:
        """The peer is stopped in good order while messages flow, and started again."""
        await self.start_ours()
        await self.start_theirs()
        await self.flow_both_ways()
        self.assertTrue(await self.peer.stop(), f"{self.peer.name} had to be killed")
        await self.come_back()

    async def killed(self) -> None:
        """The peer is killed while messages flow, and started again."""
        await self.start_ours()
        await self.start_theirs()
        await self.flow_both_ways()
        await self.peer.kill()
        await self.come_back()

    async def half_open(self) -> None:
        """
        The peer falls silent while messages flow, and its connections stay; later it is gone and comes back.

        Where one stream serves both ways muxs2s notices, as its ping is not answered.
        """
        await self.start_ours()
        await self.start_theirs()
        await self.flow_both_ways()
        self.peer.pause()
        await self.crowd.sent()
        if self.situation.bidi == "bidi":
            await self.crowd.until(lambda: not self.cloud.streams, "muxs2s to notice the silence")
        await self.crowd.until(lambda: self.cloud.has_passed_on, "the kernel to have everything")
        await self.peer.kill()
        await self.come_back()

    async def refuses(self) -> None:
        """Whoever is called first does not listen: messages come back. Then it does: they arrive."""
        callers, called = (self.start_ours, self.start_theirs), (self.there, self.back)
        if self.situation.first == "peer first":
            callers, called = callers[::-1], called[::-1]
        await callers[0]()
        flows = called[0](FEW)
        await self.crowd.settled()
        for flow in flows:
            self.assert_bounced(flow, *NOT_REACHED)
        await callers[1]()
        await self.fence_all()
        for flow in flows:
            self.assert_returned(flow, *NOT_REACHED)

    async def come_back(self) -> None:
        """
        Start the peer again and wait until everything is as before.

        What came back meanwhile did so because the peer was not there, or not yet the one spoken to.
        """
        await self.start_theirs()
        await self.fence_all()
        for flow in self.crowd.ledger.flows.values():
            self.assert_returned(flow, *NOT_REACHED, *self.peer.says_of_absent)

    PLAYS: ClassVar[dict[str, Callable[[MatrixCase[Any]], Awaitable[None]]]] = {
        "healthy": healthy,
        "restarted": restarted,
        "killed": killed,
        "half-open": half_open,
        "refuses": refuses,
        "slow dns": healthy,
    }

    async def look_at_streams(self) -> None:
        """Wait until the streams that are open are those that this situation is to leave."""
        wanted = expected(self.situation, self.cloud.domains, THEIRS)

        def differences() -> list[str]:
            found = read_streams(self.cloud.streams)
            return [
                f"opened by {found.get(passages)}, not by one of {wanted.get(passages)}: {sorted(passages)}"
                for passages in {*wanted, *found}
                if found.get(passages) not in wanted.get(passages, ())
            ]

        with suppress(AssertionError):
            await self.crowd.until(lambda: not differences(), "the streams that are to be")
        self.assertEqual([], differences())
        self.streams_left = len(self.cloud.streams)


def plays(situations: Iterable[Situation]) -> Callable[[AnyCase], AnyCase]:
    """Give a class a test for each of the situations that have its peer."""

    def add(case: AnyCase) -> AnyCase:
        for situation in situations:
            if situation.peer == case.kind.name:
                setattr(case, f"test_{situation.name}", _test(situation))
        return case

    return add


def _test(situation: Situation) -> Callable[[MatrixCase[Any]], Awaitable[None]]:
    async def test(self: MatrixCase[Any]) -> None:
        await self.play(situation)

    test.__name__ = f"test_{situation.name}"
    test.__doc__ = f"{situation}."
    return test
