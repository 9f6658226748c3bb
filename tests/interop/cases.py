"""
What every case against a server of others has: a name server, an authority, that server, muxs2s, a crowd.

Knows how they are put together and taken down, and what holds at the end of each case.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from muxs2s.network.reactors import INetworkReactor
from muxs2s.testing import CertificateAuthority, IssuedCredentials
from muxs2s.testing.dns import Zone
from muxs2s.wire.names import DomainName
from tests.interop.cloud import IMPATIENT, PATIENT, SECRET, Cloud, Options
from tests.interop.crowd import Crowd
from tests.interop.ledger import Flow
from tests.interop.matrix import Situation
from tests.interop.processes import IChildReactor
from tests.interop.results import Result, note
from tests.interop.servers import ACCOUNT, HostedDomain, Peer, Prosody

__all__ = [
    "BOT",
    "CLIENT",
    "CLOUD_ADDRESS",
    "NAME_SERVER_ADDRESS",
    "OURS",
    "PEER_ADDRESS",
    "THEIRS",
    "AnyPeer",
    "Certify",
    "PeerCase",
    "ProsodyCase",
    "reactor",
]

NETWORK: Final = f"127.{os.getpid() // 250 % 250}.{os.getpid() % 250}"
"""Of this process alone, so that several can run side by side."""

NAME_SERVER_ADDRESS: Final = f"{NETWORK}.1"
PEER_ADDRESS: Final = f"{NETWORK}.2"
CLOUD_ADDRESS: Final = f"{NETWORK}.3"

OURS: Final = "a0.example"
THEIRS: Final = "b0.example"

BOT: Final = f"bot@{OURS}"
"""An address of the component."""

CLIENT: Final = f"{ACCOUNT}@{THEIRS}"
"""The client on the other server, or an address of a component there."""

AnyPeer = TypeVar("AnyPeer", bound=Peer)

MAX_FENCES: Final = 100
"""How often a message is sent until one arrives."""

Certify = Callable[[str], IssuedCredentials | None]
"""What a domain shows; nothing for ``None``."""


class NameServer(Protocol):
    """Where questions about the zone are answered."""

    @property
    def address(self) -> str:
        """An IP address of this host."""
        ...

    @property
    def port(self) -> int:
        """For UDP, and TCP if there is any."""
        ...

    def stop(self) -> Deferred[Any]:
        """Answer nothing any more."""
        ...


class IReactor(INetworkReactor, IChildReactor):
    """What the cases take of the reactor."""


reactor = cast(IReactor, global_reactor)


class PeerCase(TestCase, Generic[AnyPeer]):
    """One case: everything is new, and all of it is gone in the end."""

    timeout = 300

    kind: ClassVar[type[Peer]]
    """The server that stands on the other side."""

    situation: Situation | None = None
    """Where the case stands in the matrix, if it does."""

    streams_left = 0
    """How many streams were open before the end, if somebody looked."""

    def setUp(self) -> None:
        """Begin with DNS, an authority and a crowd; a case adds the rest with :meth:`populate`."""
        self.kind.require()
        self.place = Path(self.mktemp()).absolute()
        self.place.mkdir(parents=True)
        self.zone = Zone()
        self.zone.add("peer.example", "A", PEER_ADDRESS)
        self.zone.add("cloud.example", "A", CLOUD_ADDRESS)
        self.dns: NameServer = self.zone.listen(reactor, NAME_SERVER_ADDRESS)
        self.addCleanup(self.dns.stop)
        self.authority = CertificateAuthority()
        self.authorities = self.authority.write(self.place / "authorities.pem")
        self.crowd = Crowd(reactor)
        self._finally(self.crowd.end)

    async def populate(
        self,
        ours: Iterable[str] = (OURS,),
        theirs: Iterable[str] = (THEIRS,),
        *,
        certify_ours: Certify | None = None,
        certify_theirs: Certify | None = None,
        patience: Options = IMPATIENT,
        **facts: Any,
    ) -> None:
        """Start muxs2s, a component for each domain of ours, the peer and whoever speaks for its domains."""
        self.make_cloud(ours, certify_ours or self.authority.issue, patience)
        self.make_peer(theirs, certify_theirs or self.authority.issue, **facts)
        await self.cloud.start()
        await self.peer.start()
        for domain in self.cloud.domains:
            await self.join_ours(domain)
        for domain in self.peer.domains:
            await self.join_theirs(domain)

    def make_cloud(self, domains: Iterable[str], certify: Certify, options: Options = IMPATIENT, **facts: Any) -> None:
        """Prepare muxs2s, which is not started yet."""
        self.cloud = Cloud(
            reactor=reactor,
            place=self._directory("cloud"),
            address=CLOUD_ADDRESS,
            certificates={domain: certify(domain) for domain in domains},
            authorities=self.authorities,
            dns=(self.dns.address, self.dns.port),
            options=options,
            **facts,
        )
        self._finally(self.cloud.stop)
        target = "cloud.example" if self.kind.finds_addresses else CLOUD_ADDRESS
        for domain in self.cloud.domains:
            self._lead(domain, target, self.cloud.s2s_port, self.cloud.direct_tls_port)

    def make_peer(self, domains: Iterable[str], certify: Certify, **facts: Any) -> None:
        """Prepare the peer, which is not started yet."""
        made = self.kind(
            reactor=reactor,
            place=self._directory(self.kind.name),
            address=PEER_ADDRESS,
            dns=(self.dns.address, self.dns.port),
            authorities=self.authorities,
            hosts=[HostedDomain(name=domain, credentials=certify(domain)) for domain in domains],
            **facts,
        )
        self.peer = cast("AnyPeer", made)
        self._finally(self.peer.stop)
        for domain in self.peer.domains:
            self._lead(domain, "peer.example", self.peer.s2s_port, self.peer.direct_tls_port)

    async def join_ours(self, domain: str = OURS) -> None:
        """Connect the component of a domain to muxs2s."""
        await self.crowd.join(domain, SECRET, self.cloud.address, self.cloud.component_port)

    async def join_theirs(self, domain: str = THEIRS) -> None:
        """Connect who speaks for a domain of the peer."""
        voice = self.peer.voice(domain)
        await self.crowd.join(voice.who, voice.password, self.peer.address, voice.port)

    # What cases do and ask.

    def to_peer(self, count: int = 1, *, to: str = CLIENT, pause: float = 0.0, padding: int = 0) -> Flow:
        """Have the component send messages."""
        self.crowd.send(OURS, to, count, sender=BOT, pause=pause, padding=padding)
        return self.crowd.ledger.flow(BOT, to)

    def to_cloud(self, count: int = 1, *, to: str = BOT, pause: float = 0.0) -> Flow:
        """Have the client, or the component there, send messages."""
        voice = self.peer.voice(THEIRS)
        self.crowd.send(voice.who, to, count, sender=voice.sender, pause=pause)
        return self.crowd.ledger.flow(CLIENT, to)

    async def talk_every_pair(self, certify_ours: Certify | None = None) -> None:
        """Have ten domains talk with ten, each with each and both ways, on a stream for each pair and direction."""
        ours, theirs = ([f"{side}{number}.example" for number in range(10)] for side in "ab")
        await self.populate(ours, theirs, certify_ours=certify_ours, patience=PATIENT)
        for our, their in product(ours, theirs):
            self.crowd.send(our, f"{ACCOUNT}@{their}", sender=f"bot@{our}")
            self.crowd.send(f"{ACCOUNT}@{their}/home", f"bot@{our}")
        await self.crowd.settled()
        self.assert_complete(*self.crowd.ledger.flows.values())
        self.assertEqual(200, len(self.cloud.streams))
        self.assertEqual(200, len(self.cloud.accepted))

    async def finish(self, *, lost: Iterable[Flow] = ()) -> None:
        """
        End everything in good order and look at the books.

        Order is that in which each side sent: Prosody sends a stanza that comes to it between
        authentication and the last features of a new stream ahead of those that have waited.

        :param lost: the flows that may miss stanzas which a kernel had taken when their reader died;
            how many is printed.
        """
        await self.cloud.stop()
        await self.peer.stop()
        await self.crowd.gone()
        print(f"\n{self.crowd.ledger.summary()}", end=" ")
        excepted, from_peer = list(lost), self.crowd.ledger.between(self.peer.domains)
        for flow in from_peer:
            flow.put_in_order(self.peer.passed_on)
        self.assertEqual([], self.crowd.ledger.faults())
        for (sender, to), flow in self.crowd.ledger.flows.items():
            if any(flow is each for each in excepted):
                runs = self.peer.processes if any(flow is each for each in from_peer) else 1
                self.assertLessEqual(flow.gaps(), runs, f"stanzas from {sender} to {to} are missing in several runs")
            else:
                self.assertEqual([], flow.missing, f"{sender} to {to}")
        if excepted:
            print(
                f"\n  excepted: {sum(len(flow.missing) for flow in excepted)} went with a kernel or a process", end=" "
            )
        note(Result.of(self.id(), self.kind.version(), self.crowd.ledger, self.situation, self.streams_left))

    async def fence(self, *sends: Callable[[], Flow]) -> None:
        """
        Send one more message on each flow until it arrives: nothing sent before can arrive any more.

        Servers that were turned away may go on returning messages for a while.

        :param sends: :meth:`to_peer` and :meth:`to_cloud`.
        """
        await self.crowd.sent()
        for _ in range(MAX_FENCES):
            sends = await self._send_last(sends)
            if not sends:
                return
        self.fail(f"messages still come back\n{self.crowd.ledger.summary()}")

    async def _send_last(self, sends: Sequence[Callable[[], Flow]]) -> tuple[Callable[[], Flow], ...]:
        """Send a message on each flow; tells which of them came back."""
        last = [(send, flow, flow.sent[-1]) for send in sends for flow in (send(),)]
        await self.crowd.until(
            lambda: all(flow.has_ended(id_) for _, flow, id_ in last), "the last messages to arrive or to come back"
        )
        return tuple(send for send, flow, id_ in last if id_ not in flow.arrived)

    def assert_bounced(self, flow: Flow, *conditions: str) -> None:
        """Nothing arrived, and everything came back, for one of these conditions."""
        self.assertEqual([], flow.arrived)
        self.assertEqual(len(flow.sent), len(flow.bounced))
        self.assert_returned(flow, *conditions)

    def assert_returned(self, flow: Flow, *conditions: str) -> None:
        """What came back, if anything, did so for one of these conditions."""
        self.assertEqual(set(), flow.conditions - set(conditions))

    def assert_complete(self, *flows: Flow) -> None:
        """Everything arrived; in which order is looked at in the end."""
        for flow in flows:
            self.assertEqual(sorted(flow.sent), sorted(flow.arrived))

    def _lead(self, domain: str, target: str, port: int, direct_tls_port: int | None) -> None:
        """Let DNS say where a domain is, with STARTTLS and, where there is that, with TLS from the start."""
        name = DomainName.parse(domain).ascii
        self.zone.add_srv(name, target, port)
        if direct_tls_port is not None:
            self.zone.add_srv(name, target, direct_tls_port, service="xmpps-server")

    def _directory(self, name: str) -> Path:
        directory = self.place / name
        directory.mkdir()
        return directory

    def _finally(self, work: Callable[[], Coroutine[Deferred[Any], Any, Any]]) -> None:
        self.addCleanup(lambda: Deferred.fromCoroutine(work()))


class ProsodyCase(PeerCase[Prosody]):
    """One case against Prosody."""

    kind = Prosody
