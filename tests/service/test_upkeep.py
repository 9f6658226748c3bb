"""What changes of domains, policies and certificates come to on streams that multiplex."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from cryptography.x509 import Certificate
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.accepted import AcceptedCertificate
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.multiplexer import Multiplexer
from muxs2s.multiplex.names import AcceptedNames
from muxs2s.network.protocol import StreamProtocol
from muxs2s.proof.authenticators import OwnCertificate
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.service.upkeep import renew, revoke_denied, revoke_hosted
from muxs2s.stream.associations import OWN_KEY, AssociationTable, Direction
from muxs2s.wire.names import DomainName, DomainPattern, Name
from tests.service.samples import PAIR, A, B, C
from tests.service.sharedpeer import names
from tests.service.world import credentials_of

DENIED = PeerPolicy(is_admitted=False)
D = DomainName.parse("d.b.example")
BELOW_B = DomainPattern(B)


class DoubleConnection:
    """Notes what it is asked; what is accepted on it, the test says."""

    def __init__(self) -> None:
        self.own, self.peers = AcceptedNames(), AcceptedNames()
        self.multiplexer: Multiplexer | None = cast(Multiplexer, SimpleNamespace(own=self.own, peers=self.peers))
        self.stream = SimpleNamespace(associations=AssociationTable())
        self.revoked: list[Name] = []
        self.renewed: list[DomainName] = []

    def revoke(self, domains: list[Name], condition: MultiplexCondition) -> None:
        """As a connection."""
        assert domains and condition is MultiplexCondition.POLICY_VIOLATION, (domains, condition)
        self.revoked += domains

    def renew(self, domain: DomainName) -> None:
        """As a connection."""
        self.renewed.append(domain)


class UpkeepTestCase(SynchronousTestCase):
    """A stream that multiplexes, and one that does not."""

    def setUp(self) -> None:
        self.connection = DoubleConnection()
        self.ordinary = DoubleConnection()
        self.ordinary.multiplexer = None
        self.protocols = [cast(StreamProtocol, each) for each in (self.connection, self.ordinary)]

    def accept(self, whose: AcceptedNames, *given: Name, id: int = 0, leaf: Certificate | None = None) -> None:
        """Have names accepted by one certificate."""
        whose.add(AcceptedCertificate(id=id, leaf=leaf))
        whose.give(id, given)

    def tearDown(self) -> None:
        self.assertEqual(([], []), (self.ordinary.revoked, self.ordinary.renewed))


class HostedTests(UpkeepTestCase):
    """A domain is about to be ours."""

    def host(self, domain: DomainName) -> list[Name]:
        """Host it, and see what is revoked."""
        for protocol in self.protocols:
            revoke_hosted(protocol, domain)
        return self.connection.revoked

    def test_of_the_peer(self) -> None:
        """T24: a name of the peer is revoked, though but a pattern stands for it."""
        self.accept(self.connection.peers, B, BELOW_B)
        self.assertEqual([B], self.host(B))
        self.assertEqual([B, D], self.host(D))

    def test_of_nobody(self) -> None:
        """Nothing is said of a domain that nobody has proven."""
        self.accept(self.connection.peers, B)
        self.assertEqual([], self.host(C))


class DeniedTests(UpkeepTestCase):
    """The policies have changed."""

    def deny(self, *domains: str) -> set[Name]:
        """Deny domains, and see what is revoked."""
        policies = PeerPolicies(domains=dict.fromkeys(domains, DENIED))
        for protocol in self.protocols:
            revoke_denied(protocol, policies, {A})
        return set(self.connection.revoked)

    def test_names(self) -> None:
        """Names that are denied are revoked, however they were proven; others stay, and so do ours."""
        self.accept(self.connection.peers, B, C)
        earlier = PAIR._replace(target=DomainName.parse("e.example"))
        self.connection.stream.associations.accept_pair(Direction.OUTBOUND, earlier, OWN_KEY)
        self.assertEqual({C, *names("e")}, self.deny("a.example", "c.example", "e.example"))

    def test_below_a_pattern(self) -> None:
        """A name for which but a pattern stands is revoked by itself; where all below it are denied, the pattern is."""
        self.accept(self.connection.peers, BELOW_B)
        self.assertEqual({D}, self.deny("d.b.example", "x.c.example"))
        self.assertEqual({D, BELOW_B}, self.deny("b.example"))

    def test_closed_already(self) -> None:
        """A name that is out need not be revoked."""
        self.accept(self.connection.peers, C)
        self.connection.peers.drop(0)
        self.assertEqual(set(), self.deny("c.example"))


class RenewTests(UpkeepTestCase):
    """Certificates were read again."""

    def renew(self) -> list[DomainName]:
        """Show what is new, and see of which domains."""
        for protocol in self.protocols:
            renew(protocol, self.certificate_of, 0.0)
        return self.connection.renewed

    def certificate_of(self, domain: DomainName, _now: float) -> OwnCertificate | None:
        """C has none any more; the others share one."""
        return None if domain == C else credentials_of("a.example")

    def test_newer(self) -> None:
        """M6: a certificate that has taken the place of older ones is shown once, for one of its domains."""
        self.accept(self.connection.own, A, B, BELOW_B)
        self.assertEqual([A], self.renew())

    def test_shown_already(self) -> None:
        """What was shown on the stream, or has no successor, is not shown again."""
        self.accept(self.connection.own, A, leaf=credentials_of("a.example").leaf)
        self.accept(self.connection.own, C, id=1)
        self.assertEqual([], self.renew())
