"""The requirements of multiplexing, between two services with real sockets, TLS, DNS and time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from muxs2s.network.evidence import PolicyJudge
from muxs2s.proof.outcome import Evidence, Outcome
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies
from muxs2s.proof.pkix import PkixProof
from muxs2s.testing import CertificateAuthority, IssuedCredentials
from muxs2s.wire.names import DomainName
from tests.interop.loopback import Heard, Loopback, Peer, overheard
from tests.service.world import AUTHORITY, credentials_of, limits

STRANGER = CertificateAuthority()
"""Nobody trusts it."""


def good(*domains: str) -> list[IssuedCredentials]:
    """Certificates that prove domains."""
    return [credentials_of(f"{domain}.example") for domain in domains]  # type: ignore[misc]  # issued, all of them


class MultiplexingCase(TestCase):
    """Services on loopback; everything they say inside TLS is heard."""

    def setUp(self) -> None:
        ear = overheard()
        self.heard = ear.__enter__()
        self.addCleanup(ear.__exit__, None, None, None)
        self.loopback = Loopback(reactor)  # type: ignore[arg-type]  # the module stands for the reactor
        self.addCleanup(lambda: Deferred.fromCoroutine(self.loopback.stop()))

    def untrusted(self, domain: str) -> IssuedCredentials:
        """A certificate whose issuer nobody knows; any good one of the same domain is preferred to it."""
        return STRANGER.issue(f"{domain}.example", not_after=self.loopback.reactor.seconds() + 1e6)

    def elements(self, name: str) -> list[Heard]:
        """What was said with one name."""
        return [each for each in self.heard if each.element.name == name]

    async def arrival(self, peer: Peer, *texts: str) -> None:
        """Wait until messages have arrived."""
        await self.loopback.until(lambda: {*texts} <= {*peer.mailbox.texts}, f"{texts} at {peer.domains}")

    async def say(self, sender: Peer, target: Peer, way: str, text: str) -> None:
        """Send a message, ``a1 b1`` for the pair of these, and wait until it has arrived."""
        sender.post(*way.split(), text)
        await self.arrival(target, text)

    def assert_undisturbed(self, *peers: Peer) -> None:
        """One stream, opened once and restarted but for SASL, without an error."""
        self.assertEqual([1] * len(peers), [len(peer.streams) for peer in peers])
        self.assertEqual([], self.elements("error"))


class DiscoveryTests(MultiplexingCase):
    """What either end learns of the other."""

    async def test_unaware(self) -> None:
        """M1: a peer that does not multiplex is told nothing of it, and has a stream for each pair, whoever calls."""
        a, b = self.loopback.peer("a1", "a2"), self.loopback.peer("b1", "b2", multiplex=False)
        for number in (1, 2):
            a.post("a1", f"b{number}", f"to b{number}")
            b.post(f"b{number}", "a2", f"from b{number}")
        await self.arrival(b, "to b1", "to b2")
        await self.arrival(a, "from b1", "from b2")
        told = [each for each in self.heard if each.is_multiplexing and each.server == a.address]
        self.assertEqual(([], 4), (told, len(a.streams)))
        self.assertEqual([None] * 4, [stream.multiplexing for stream in a.streams])

    async def features(self, sender: str, target: str, *, bidi: bool) -> bytes:
        """What one end offers first inside TLS; first of all, it is as the other end has taken it."""
        a, b = self.loopback.peer(sender), self.loopback.peer(target, bidi=bidi)
        self.heard.clear()
        await self.say(a, b, f"{sender} {target}", "hello")

        def is_decided() -> bool:
            (stream,) = a.streams
            return bool(stream.multiplexing or stream.why_not_multiplexed)

        await self.loopback.until(is_decided, "whether domains share the stream")
        self.assertEqual(bidi, a.streams[0].multiplexing is not None)
        return self.elements("features")[0].element.data

    async def test_bidi(self) -> None:
        """M2: whoever offers multiplexing offers streams in both directions; without these there is no offer."""
        with_bidi = await self.features("a1", "b1", bidi=True)
        without = await self.features("a2", "b2", bidi=False)
        for namespace in (b"urn:xmpp:mux-cert:0", b"urn:xmpp:features:bidi"):
            self.assertIn(namespace, with_bidi)
            self.assertNotIn(namespace, without)

    async def test_both_learn(self) -> None:
        """M3: the features tell the one who calls, ``enable`` the one who is called, who says nothing before."""
        a, b = self.loopback.peer("a1"), self.loopback.peer("b1")
        await self.say(a, b, "a1 b1", "hello")
        await self.say(b, a, "b1 a1", "hello yourself")
        await self.loopback.until(lambda: len(self.elements("accept")) == len((a, b)), "both have said what they take")
        said = [(each.server, each.element.name) for each in self.heard if each.is_multiplexing]
        self.assertEqual([(a.address, "enable"), (b.address, "enabled")], said[:2])
        self.assertEqual({(a.address, "accept"), (b.address, "accept")}, {*said[2:]})
        self.assertIsNotNone(a.streams[0].multiplexing)
        self.assertIsNotNone(b.streams[0].multiplexing)


class ProofTests(MultiplexingCase):
    """How domains come onto a stream, and how they do not."""

    async def test_failure(self) -> None:
        """M4: a bad certificate leaves the stream and the others alone; with a good one it is tried again there."""
        a = self.loopback.peer("a1", limits=limits(max_age_seconds=1.0))
        b = self.loopback.peer("b1", "b2", credentials=[*good("b1"), self.untrusted("b2")])
        await self.say(a, b, "a1 b1", "before")
        a.post("a1", "b2", "refused")
        await self.loopback.until(lambda: a.mailbox.errors, "the message comes back")
        await self.say(a, b, "a1 b1", "after")
        self.assertIn(b"certificate-untrusted", self.elements("reject")[-1].element.data)
        b.certificates.add(credentials_of("b2.example"))
        self.loopback.reactor.ahead_seconds = 61.0
        a.service.end_rests()
        await self.say(a, b, "a1 b2", "accepted")
        self.assertEqual(["b1.example", "b2.example"], a.accepted)

    async def test_dialback_is_not_enough(self) -> None:
        """M5: what only dialback proves never comes onto a shared stream; where policy allows it, it has its own."""
        policies = PeerPolicies(domains={"b2.example": DIALBACK_SUFFICES})
        a = self.loopback.peer("a1", limits=limits(max_age_seconds=1.0), policies=lambda: policies)
        b = self.loopback.peer("b1", "b2", "b3", credentials=good("b1"))
        await self.say(a, b, "a1 b1", "by certificate")
        await self.say(a, b, "a1 b2", "by dialback")
        a.post("a1", "b3", "by nothing")
        await self.loopback.until(lambda: a.mailbox.errors, "the message comes back")
        self.assertEqual(["b1.example"], a.accepted)
        self.assertEqual(["by certificate", "by dialback"], b.mailbox.texts)

    async def test_renewed(self) -> None:
        """M6: a certificate renewed on disk takes the place of the older one, on the stream and without a gap."""
        a, b = self.loopback.peer("a1", credentials=good("a1")), self.loopback.peer("b1")
        await self.say(a, b, "a1 b1", "first")
        directory = Path(self.mktemp()) / "a2"
        a.service.add_domain("a2.example")
        a.host("a2.example")
        AUTHORITY.issue("a2.example", not_after=self.loopback.reactor.seconds() + 1e6).write(directory)
        a.certificates.add_directory(directory.parent)
        await self.say(a, b, "a2 b1", "by the older")
        older = b.shared.peers[-1]
        AUTHORITY.issue("a2.example").write(directory)
        a.service.reload_certificates()
        await self.say(a, b, "a2 b1", "in between")
        await self.loopback.until(lambda: b.shared.peers[-1].until != older.until, "the newer one is accepted")
        self.assertEqual([("a1.example",), ("a2.example",)], [each.domains for each in b.shared.peers])
        await self.say(a, b, "a2 b1", "by the newer")
        self.assert_undisturbed(a, b)

    async def test_all_names(self) -> None:
        """M7: every name of an accepted certificate is good on the stream, without another exchange."""
        shared = AUTHORITY.issue("a2.example", "a3.example")
        a, b = self.loopback.peer("a1", "a2", "a3", credentials=[*good("a1"), shared]), self.loopback.peer("b1")
        await self.say(a, b, "a1 b1", "one")
        await self.say(a, b, "a2 b1", "two")
        self.heard.clear()
        await self.say(a, b, "a3 b1", "three")
        self.assertEqual(["message"], [each.element.name for each in self.heard])
        self.assertEqual(1, a.shared.presented)

    async def test_first_by_external(self) -> None:
        """M8: the first domain is proven by SASL EXTERNAL, the second on the stream."""
        a, b = self.loopback.peer("a1", "a2"), self.loopback.peer("b1")
        await self.say(a, b, "a1 b1", "first")
        await self.say(a, b, "a2 b1", "second")
        self.assertEqual((1, 0), (len(self.elements("auth")), len(self.elements("result"))))
        self.assertEqual(["a1.example", "a2.example"], b.accepted)
        self.assert_undisturbed(a, b)

    async def test_first_by_dialback(self) -> None:
        """M8: the first pair is proven by dialback, the second domain on the stream by its certificate."""
        policies = PeerPolicies(domains={"a1.example": DIALBACK_SUFFICES})
        a = self.loopback.peer("a1", "a2", credentials=[self.untrusted("a1"), *good("a2")])
        b = self.loopback.peer("b1", policies=lambda: policies)
        await self.say(a, b, "a1 b1", "first")
        await self.say(a, b, "a2 b1", "second")
        self.assertTrue(self.elements("result"))
        self.assertEqual(["a2.example"], b.accepted)


class GatedJudge:
    """Judges some domains only when it is let to: as a name server that takes its time would have it."""

    def __init__(self, *slow: str) -> None:
        self._judge, self._slow = PolicyJudge((PkixProof(AUTHORITY.trust_anchors),)), slow
        self.waiting: list[Deferred[None]] = []

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """As :meth:`muxs2s.network.evidence.Judge.judge`."""
        if domain in self._slow:
            self.waiting.append(Deferred())
            await self.waiting[-1]
        return await self._judge.judge(domain, evidence, now)


class ChangeTests(MultiplexingCase):
    """Domains come and go while others go on."""

    def clouds(self, **options: Any) -> tuple[Peer, Peer]:
        """Two services of two domains each."""
        return self.loopback.peer("a1", "a2", **options), self.loopback.peer("b1", "b2")

    async def test_steady_flow(self) -> None:
        """M9: while domains are added and their proofs take long, a pair goes on in order, and nothing restarts."""
        added = [f"a{number}" for number in range(2, 12)]
        judge = GatedJudge(*(f"{domain}.example" for domain in added))
        a, b = self.loopback.peer("a1", *added), self.loopback.peer("b1", judge=judge)
        await self.say(a, b, "a1 b1", "begun")
        self.heard.clear()
        for number in range(200):
            a.post("a1", "b1", str(number))
            if number % 20 == 0:
                a.post(added[number // 20], "b1", f"added {number}")
            await self.arrival(b, str(number))
        await self.loopback.until(lambda: len(judge.waiting) == len(added), "every proof waits to be judged")
        self.assertEqual(["begun", *map(str, range(200))], b.mailbox.texts, "none waited for a judgement")
        for waiting in judge.waiting:
            waiting.callback(None)
        await self.arrival(b, *(f"added {number}" for number in range(0, 200, 20)))
        self.assertEqual([], self.elements("features"), "no restart")
        self.assert_undisturbed(a, b)

    async def test_never_sent(self) -> None:
        """M11: what a domain has to say that was refused is never written; it comes back to who sent it."""
        options = {"credentials": [*good("a1"), self.untrusted("a2")], "limits": limits(max_age_seconds=1.0)}
        a, b = self.clouds(**options)
        await self.say(a, b, "a1 b1", "good")
        a.post("a2", "b1", "refused")
        await self.loopback.until(lambda: a.mailbox.errors, "the message comes back")
        await self.say(a, b, "a1 b1", "others go on")
        self.assertEqual(2 * ["a1.example"], [str(each.element.pair.sender) for each in self.elements("message")])
        self.assertEqual(["a1.example"], b.accepted)

    async def test_violation(self) -> None:
        """M11: a peer that lets a refused domain speak all the same is cut off with ``invalid-from``."""
        a, b = self.clouds()
        await self.say(a, b, "a1 b1", "good")
        a.force("<message from='x@a2.example' to='y@b1.example'><body>bad</body></message>")
        await self.loopback.until(lambda: not b.streams, "the stream is closed")
        (error,) = self.elements("error")
        self.assertEqual(b.address, error.server)
        self.assertIn(b"<invalid-from ", error.element.data)
        self.assertEqual(["good"], b.mailbox.texts)

    async def test_removed(self) -> None:
        """M12: a domain is taken off, the others go on, and it can be added again to the same stream."""
        a, b = self.clouds()
        await self.say(a, b, "a1 b1", "one")
        await self.say(a, b, "a2 b1", "two")
        a.service.remove_domain("a2.example")
        await self.loopback.until(lambda: b.accepted == ["a1.example"], "it is off")
        await self.say(a, b, "a1 b1", "still there")
        a.service.add_domain("a2.example")
        a.host("a2.example")
        await self.say(a, b, "a2 b1", "there again")
        self.assertEqual(["a1.example", "a2.example"], b.accepted)
        self.assert_undisturbed(a, b)

    async def test_removed_is_out(self) -> None:
        """M12: a stanza from a domain that was taken off ends the stream."""
        a, b = self.clouds()
        await self.say(a, b, "a2 b1", "two")
        await self.say(a, b, "a1 b1", "one")
        a.service.remove_domain("a1.example")
        await self.loopback.until(lambda: b.accepted == ["a2.example"], "it is off")
        a.force("<message from='x@a1.example' to='y@b1.example'><body>bad</body></message>")
        await self.loopback.until(lambda: not b.streams, "the stream is closed")
        self.assertIn(b"<invalid-from ", self.elements("error")[0].element.data)
        self.assertNotIn("bad", b.mailbox.texts)

    async def test_expired(self) -> None:
        """A certificate ends while its stream lives: its domain is revoked, others go on, a new one brings it back."""
        ends = self.loopback.reactor.seconds() + 3.0
        a, b = self.clouds(credentials=[*good("a1"), AUTHORITY.issue("a2.example", not_after=ends)])
        await self.say(a, b, "a1 b1", "one")
        await self.say(a, b, "a2 b1", "two")
        await self.loopback.until(lambda: b.accepted == ["a1.example"], "it has expired")
        await self.loopback.until(lambda: self.elements("revoke"), "the other end is told")
        self.assertIn(b"<certificate-expired", self.elements("revoke")[0].element.data)
        await self.say(a, b, "a1 b1", "still there")
        a.certificates.add(credentials_of("a2.example"))
        a.service.reload_certificates()
        await self.say(a, b, "a2 b1", "there again")
        self.assertEqual(["a1.example", "a2.example"], b.accepted)
        self.assert_undisturbed(a, b)

    async def test_crossed(self) -> None:
        """When both call at the same moment each stream carries what called; new pairs take the preferred one."""
        a, b = self.clouds()
        a.post("a1", "b1", "from a")
        b.post("b1", "a1", "from b")
        await self.arrival(b, "from a")
        await self.arrival(a, "from b")
        await self.loopback.until(lambda: len(self.elements("accept")) == 4, "all ends have said what they take")
        self.assertEqual({a.address, b.address}, {each.opener for each in self.heard})
        self.heard.clear()
        await self.say(b, a, "b2 a2", "new")
        await self.say(a, b, "a2 b2", "newer")
        self.assertEqual({a.address}, {each.opener for each in self.heard}, "a1.example comes before b1.example")
        self.assertEqual([], self.elements("error"))


class RoundTripTests(MultiplexingCase):
    """What the first stanza of a pair waits for, counted on the wire."""

    async def trips(self, sender: Peer, target: Peer, way: str) -> int:
        """How often what is asked is answered before a first message; everything is asked for at once."""
        self.heard.clear()
        await self.say(sender, target, way, f"first of {way}")
        until = [each.element.name for each in self.heard].index("message")
        exchanges: dict[str | None, list[Heard]] = {}
        for each in self.heard[:until]:
            exchanges.setdefault(each.element.id, []).append(each)
        self.assertLessEqual(len({exchange[0].write for exchange in exchanges.values()}), 1)
        answers = [sum(each.server == target.address for each in exchange) for exchange in exchanges.values()]
        return max(answers, default=0)

    async def test_round_trips(self) -> None:
        """M9: a pair that is new takes two round trips, one if only its target is, none if both are known."""
        a, b = self.loopback.peer("a1", "a2", "a3"), self.loopback.peer("b1", "b2", "b3")
        await self.say(a, b, "a1 b1", "begun")
        await self.loopback.until(lambda: len(self.elements("accept")) == len((a, b)), "both have said what they take")
        self.assertEqual(2, await self.trips(a, b, "a2 b2"))
        self.assertEqual(2, await self.trips(a, b, "a3 b1"))
        self.assertEqual(1, await self.trips(a, b, "a1 b3"))
        for way in ("a3 b3", "a1 b2", "a2 b1"):
            self.assertEqual(0, await self.trips(a, b, way))
        self.assertEqual(0, await self.trips(b, a, "b3 a2"))
        self.assert_undisturbed(a, b)
