"""
What every case against Prosody has: a name server, an authority, Prosody, muxs2s and a crowd.

Knows how they are put together and taken down, and what holds at the end of each case.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from muxs2s.network.reactors import INetworkReactor
from muxs2s.testing import CertificateAuthority, IssuedCredentials
from muxs2s.testing.dns import Zone
from muxs2s.wire.names import DomainName
from tests.interop.cloud import IMPATIENT, SECRET, Cloud, Options
from tests.interop.crowd import Crowd
from tests.interop.ledger import Flow
from tests.interop.processes import IChildReactor
from tests.interop.servers import ACCOUNT, PASSWORD, Prosody, ProsodyHost, require_prosody

__all__ = ["BOT", "CLIENT", "CLOUD_ADDRESS", "OURS", "PROSODY_ADDRESS", "THEIRS", "Certify", "ProsodyCase"]

PROSODY_ADDRESS: Final = "127.0.0.2"
CLOUD_ADDRESS: Final = "127.0.0.3"

OURS: Final = "a0.example"
THEIRS: Final = "b0.example"

BOT: Final = f"bot@{OURS}"
"""An address of the component."""

CLIENT: Final = f"{ACCOUNT}@{THEIRS}"
"""The client on Prosody, whose only resource is called ``home``."""

Certify = Callable[[str], IssuedCredentials | None]
"""What a domain shows; nothing for ``None``."""


class IReactor(INetworkReactor, IChildReactor):
    """What the cases take of the reactor."""


reactor = cast(IReactor, global_reactor)


class ProsodyCase(TestCase):
    """One case: everything is new, and all of it is gone in the end."""

    timeout = 120

    def setUp(self) -> None:
        """Begin with DNS, an authority and a crowd; a case adds the rest with :meth:`populate`."""
        require_prosody()
        self.place = Path(self.mktemp()).absolute()
        self.place.mkdir(parents=True)
        self.zone = Zone()
        self.zone.add("prosody.example", "A", PROSODY_ADDRESS)
        self.zone.add("cloud.example", "A", CLOUD_ADDRESS)
        self.dns = self.zone.listen(reactor, "127.0.0.1")
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
        **prosody: Any,
    ) -> None:
        """Start muxs2s, a component for each domain of ours, Prosody and a client on each of its hosts."""
        self.make_cloud(ours, certify_ours or self.authority.issue)
        self.make_prosody(theirs, certify_theirs or self.authority.issue, **prosody)
        await self.cloud.start()
        await self.prosody.start()
        for domain in self.cloud.domains:
            await self.join_component(domain)
        for host in self.prosody.hosts:
            await self.join_client(host.domain)

    def make_cloud(self, domains: Iterable[str], certify: Certify, options: Options = IMPATIENT) -> None:
        """Prepare muxs2s, which is not started yet."""
        self.cloud = Cloud(
            reactor=reactor,
            place=self._directory("cloud"),
            address=CLOUD_ADDRESS,
            certificates={domain: certify(domain) for domain in domains},
            authorities=self.authorities,
            dns=(self.dns.address, self.dns.port),
            options=options,
        )
        self._finally(self.cloud.stop)
        for domain in self.cloud.domains:
            self.zone.add_srv(DomainName.parse(domain).ascii, "cloud.example", self.cloud.s2s_port)

    def make_prosody(
        self,
        domains: Iterable[str],
        certify: Certify,
        *,
        host_options: Mapping[str, str] | None = None,
        tls_options: str = "",
        **facts: Any,
    ) -> None:
        """Prepare Prosody, which is not started yet; options are in Lua, those of hosts by their domains."""
        options = host_options or {}
        self.prosody = Prosody(
            reactor=reactor,
            place=self._directory("prosody"),
            address=PROSODY_ADDRESS,
            dns=(self.dns.address, self.dns.port),
            authorities=self.authorities,
            hosts=[
                ProsodyHost(
                    domain=domain,
                    credentials=certify(domain),
                    options=options.get(domain, ""),
                    tls_options=tls_options,
                )
                for domain in domains
            ],
            **facts,
        )
        self._finally(self.prosody.stop)
        for host in self.prosody.hosts:
            self.zone.add_srv(DomainName.parse(host.domain).ascii, "prosody.example", self.prosody.s2s_port)

    async def join_component(self, domain: str = OURS) -> None:
        """Connect the component of a domain to muxs2s."""
        await self.crowd.join(domain, SECRET, self.cloud.address, self.cloud.component_port)

    async def join_client(self, domain: str = THEIRS) -> None:
        """Connect the client of a host to Prosody."""
        await self.crowd.join(f"{ACCOUNT}@{domain}/home", PASSWORD, self.prosody.address, self.prosody.c2s_port)

    # What cases do and ask.

    def to_prosody(self, count: int = 1, *, to: str = CLIENT, pause: float = 0.0, padding: int = 0) -> Flow:
        """Have the component send messages."""
        self.crowd.send(OURS, to, count, sender=BOT, pause=pause, padding=padding)
        return self.crowd.ledger.flow(BOT, to)

    def to_cloud(self, count: int = 1, *, to: str = BOT, pause: float = 0.0) -> Flow:
        """Have the client send messages."""
        self.crowd.send(f"{CLIENT}/home", to, count, pause=pause)
        return self.crowd.ledger.flow(CLIENT, to)

    async def finish(self, *, lost: Iterable[Flow] = ()) -> None:
        """
        End everything in good order and look at the books.

        Order is that in which each side sent: Prosody sends a stanza that comes to it between
        authentication and the last features of a new stream ahead of those that have waited.

        :param lost: the flows that may miss stanzas which a kernel had taken when their reader died;
            how many is printed.
        """
        await self.cloud.stop()
        await self.prosody.stop()
        await self.crowd.gone()
        print(f"\n{self.crowd.ledger.summary()}", end=" ")
        for flow in self.crowd.ledger.between(host.domain for host in self.prosody.hosts):
            flow.put_in_order(self.prosody.passed_on)
        self.assertEqual([], self.crowd.ledger.faults())
        excepted = list(lost)
        for (sender, to), flow in self.crowd.ledger.flows.items():
            if any(flow is each for each in excepted):
                self.assertLessEqual(flow.gaps(), 1, "what is missing is not one run of stanzas")
                print(
                    f"\n  excepted: {len(flow.missing)} from {sender} to {to} went with a kernel or a process", end=" "
                )
            else:
                self.assertEqual([], flow.missing, f"{sender} to {to}")

    async def fence(self, *sends: Callable[[], Flow]) -> None:
        """
        Send one more message on each flow and wait for it: nothing sent before can arrive any more.

        :param sends: :meth:`to_prosody` and :meth:`to_cloud`.
        """
        await self.crowd.sent()
        flows = [send() for send in sends]
        last = [(flow, flow.sent[-1]) for flow in flows]
        await self.crowd.until(lambda: all(id_ in flow.arrived for flow, id_ in last), "messages sent as the last")

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

    def _directory(self, name: str) -> Path:
        directory = self.place / name
        directory.mkdir()
        return directory

    def _finally(self, work: Callable[[], Coroutine[Deferred[Any], Any, Any]]) -> None:
        self.addCleanup(lambda: Deferred.fromCoroutine(work()))
