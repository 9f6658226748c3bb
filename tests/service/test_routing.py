"""Where a stanza goes: to a host of ours, into a queue, or back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.hosts.seam import Host
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.service.linkseams import Link
from muxs2s.service.outgoing import OutgoingSeams
from muxs2s.service.queues import PairQueue, QueueBudget, QueueLimits
from muxs2s.service.routing import Routing
from muxs2s.testing import stanza_of
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice
from tests.service.samples import PAIR, A, B, C, bodies, message

OURS = DomainName.parse("other.example")
"""Another domain of ours."""

DENIED = PeerPolicies(domains={B: PeerPolicy(is_admitted=False)})

LIMITS = QueueLimits(max_pair_stanzas=2)


class DoubleHost:
    """Keeps what it is given, or fails."""

    def __init__(self) -> None:
        self.taken: list[Slice] = []
        self.batches: list[int] = []
        self.broken = False
        self.on_delivery: Callable[[Slice], None] = lambda _stanza: None

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """As :class:`~muxs2s.hosts.seam.Host`."""
        if self.broken:
            raise ZeroDivisionError
        self.batches.append(len(stanzas))
        for stanza in stanzas:
            self.taken.append(stanza)
            self.on_delivery(stanza)


class DoubleLink:
    """Keeps a record of what it is told."""

    def __init__(self, queue: PairQueue) -> None:
        self.queue = queue
        self.told: list[str] = []

    def waiting(self) -> list[Slice]:
        """Take what waits."""
        return [self.queue.take() for _ in range(len(self.queue))]

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: self.told.append(name)


class RoutingTestCase(SynchronousTestCase):
    """Routing for two domains, each with a host, with links that do nothing."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.links: dict[DomainPair, DoubleLink] = {}
        self.policies = PeerPolicies()
        seams = OutgoingSeams(clock=self.clock, find=lambda _pair: None, link=self.make_link)
        self.routing = Routing([A, OURS], QueueBudget(LIMITS), seams, lambda: self.policies)
        self.host, self.other = DoubleHost(), DoubleHost()
        self.routing.attach(A, self.host)
        self.routing.attach(OURS, self.other)

    def make_link(self, queue: PairQueue) -> Link:
        """Make a link that does nothing."""
        self.links[queue.pair] = DoubleLink(queue)
        return self.links[queue.pair]  # type: ignore[return-value]  # it answers to every name

    def waiting(self, pair: DomainPair = PAIR) -> list[str]:
        """What waits for a domain pair."""
        return bodies(self.links[pair].waiting()) if pair in self.links else []

    def assert_returned(self, host: DoubleHost, condition: StanzaCondition, times: int = 1) -> None:
        """A host has got that many errors back and nothing else."""
        self.assertEqual(["error"] * times, [stanza.type for stanza in host.taken])
        for stanza in host.taken:
            self.assertIn(f"<{condition.value} ".encode(), stanza.data)


class ToPeersTests(RoutingTestCase):
    """Stanzas for domains that are not ours."""

    def test_into_the_queue_of_the_pair(self) -> None:
        """B11: stanzas wait in the queue of their domain pair, in order; each link is told once."""
        self.routing.send([message("1"), message("2", target="y@c.example"), message("3")])
        self.assertEqual((["1", "3"], ["2"]), (self.waiting(), self.waiting(DomainPair(A, C))))
        self.assertEqual([["stanzas_wait"]] * 2, [link.told for link in self.links.values()])

    def test_told_once_until_empty(self) -> None:
        """While something waits already the link is not told again; once all is taken it is."""
        self.routing.send([message("1")])
        self.routing.send([message("2")])
        self.assertEqual(1, len(self.links[PAIR].told))
        self.waiting()
        self.links[PAIR].queue.confirm()
        self.routing.send([message("3")])
        self.assertEqual(2, len(self.links[PAIR].told))

    def test_addresses_in_any_spelling(self) -> None:
        """Spellings of a domain are one domain."""
        self.routing.send([message("1"), message("2", "X@A.example.", "B.Example")])
        self.assertEqual([PAIR], list(self.links))

    def test_full(self) -> None:
        """At the limit of a queue one more stanza comes back with ``resource-constraint``."""
        self.routing.send([message("1"), message("2"), message("3", id="7")])
        self.assert_returned(self.host, StanzaCondition.RESOURCE_CONSTRAINT)
        self.assertEqual(("7", "y@b.example", "x@a.example"), self.addresses(self.host.taken[0]))
        self.assertEqual(["1", "2"], self.waiting())

    def addresses(self, stanza: Slice) -> tuple[str | None, str | None, str | None]:
        """The id of a stanza, its sender and its target."""
        return stanza.id, stanza.from_address, stanza.to_address


class DeniedTests(RoutingTestCase):
    """Stanzas for domains that the policy denies."""

    def test_comes_back(self) -> None:
        """Incident 21: a stanza for a domain that is denied comes back at once; there is no link, none dials."""
        self.policies = DENIED
        self.routing.send([message(), message(target="y@rooms.b.example"), message(target="y@c.example")])
        self.assert_returned(self.host, StanzaCondition.NOT_ALLOWED, 2)
        self.assertIn(b"the policy of this server denies b.example", self.host.taken[0].data)
        self.assertEqual([DomainPair(A, C)], list(self.links))

    def test_denied_while_stanzas_wait(self) -> None:
        """What waits for a domain when it is denied comes back for the same reason, and its link ends."""
        self.routing.send([message(), message(target="y@c.example")])
        self.policies = DENIED
        self.routing.end_denied()
        self.assert_returned(self.host, StanzaCondition.NOT_ALLOWED)
        self.assertEqual(["stanzas_wait", "stop"], self.links[PAIR].told)
        self.assertEqual([DomainPair(A, C)], [queue.pair for queue in self.routing.outgoing])

    def test_ours(self) -> None:
        """What a policy says of a domain of ours does not count between our domains."""
        self.policies = PeerPolicies(default=PeerPolicy(is_admitted=False))
        self.routing.send([message(target="y@other.example")])
        self.assertEqual((1, []), (len(self.other.taken), self.host.taken))


class MisuseTests(RoutingTestCase):
    """What a host must not send."""

    def test_foreign_sender(self) -> None:
        """A stanza from a domain that is not ours is refused; what stood before it is sent, nothing after it."""
        with self.assertRaises(LocalMisuse) as raised:
            self.routing.send([message("1"), message("2", "x@c.example"), message("3")])
        self.assertIn("c.example", str(raised.exception))
        self.assertEqual((["1"], ["stanzas_wait"]), (self.waiting(), self.links[PAIR].told))

    def test_bad_sender(self) -> None:
        """A missing or malformed 'from' is refused with the reason."""
        for stanza in ("<message to='b.example'/>", "<message from='a..example' to='b.example'/>"):
            self.assertRaises(LocalMisuse, self.routing.send, [stanza_of(stanza)])

    def test_no_stanza(self) -> None:
        """What is no stanza between servers would end the stream of others: it is refused."""
        for element in ("<a from='a.example' to='b.example'/>", "<iq xmlns='x' from='a.example' to='b.example'/>"):
            self.assertRaises(LocalMisuse, self.routing.send, [stanza_of(element)])
        self.assertEqual({}, self.links)

    def test_bad_target(self) -> None:
        """A missing or malformed 'to' comes back with ``jid-malformed``."""
        self.routing.send([message("1", target="y@b..example"), stanza_of("<message from='a.example'/>")])
        self.assert_returned(self.host, StanzaCondition.JID_MALFORMED, times=2)

    def test_attach(self) -> None:
        """Only a domain that is ours and that nobody else serves can be attached; twice by the same host is once."""
        self.assertRaises(LocalMisuse, self.routing.attach, C, self.host)
        self.assertRaises(LocalMisuse, self.routing.attach, A, self.other)
        self.routing.attach(A, self.host)

    def test_detach(self) -> None:
        """A host can detach what it serves and nothing else; then another may serve it."""
        self.routing.detach(A, self.other)
        self.assertRaises(LocalMisuse, self.routing.attach, A, self.other)
        self.routing.detach(A, self.host)
        self.routing.attach(A, self.other)


class FromPeersTests(RoutingTestCase):
    """Stanzas that streams bring."""

    def test_to_the_host_of_the_domain(self) -> None:
        """S16: each host gets its stanzas in order, those in a row in one call."""
        ours = "x@other.example"
        incoming = [("1", "x@a.example"), ("2", "z@a.example"), ("3", ours), ("4", "x@a.example")]
        self.routing.deliver([message(body, "y@b.example", target) for body, target in incoming])
        self.assertEqual((["1", "2", "4"], ["3"]), (bodies(self.host.taken), bodies(self.other.taken)))
        self.assertEqual([2, 1], self.host.batches)

    def test_pitfall_6_stanza_for_a_third_domain_is_not_relayed(self) -> None:
        """A peer's stanza for a domain that is not ours goes nowhere, whatever let it in; nobody is asked to answer."""
        self.routing.deliver([message("1", "y@b.example", "z@c.example")])
        self.assertEqual(({}, [], []), (self.links, self.host.taken, self.other.taken))

    def test_nobody_serves_the_domain(self) -> None:
        """A domain of ours without a host answers ``service-unavailable``, in its own name, to what wants an answer."""
        self.routing.detach(A, self.host)
        self.routing.deliver([message("1", "y@b.example", "x@a.example"), self.incoming("error")])
        (answer,) = self.links[PAIR].waiting()
        self.assertIn(b"<service-unavailable ", answer.data)
        self.assertEqual(PAIR, answer.pair)

    def test_host_that_raises(self) -> None:
        """A host that fails answers ``internal-server-error``, its failure is logged, other hosts get theirs."""
        self.host.broken = True
        self.routing.deliver([self.incoming(), message("2", "y@b.example", "x@other.example")])
        (answer,) = self.links[PAIR].waiting()
        self.assertIn(b"<internal-server-error ", answer.data)
        self.assertEqual(["2"], bodies(self.other.taken))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_never_an_error_for_an_error(self) -> None:
        """S17: errors, and results of IQs, that cannot be delivered are dropped."""
        self.host.broken = True
        result = stanza_of("<iq type='result' id='1' from='y@b.example' to='x@a.example'/>")
        self.routing.deliver([self.incoming("error"), result])
        self.assertEqual({}, self.links)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def incoming(self, kind: str = "chat") -> Slice:
        """A message from a peer."""
        return message("1", "y@b.example", "x@a.example", type=kind)


class BetweenOursTests(RoutingTestCase):
    """Stanzas from one domain of ours to another."""

    def test_delivered(self) -> None:
        """They reach the other host at once, without a stream."""
        self.routing.send([message("1", target="y@other.example")])
        self.assertEqual((["1"], {}), (bodies(self.other.taken), self.links))

    def test_answered_at_once(self) -> None:
        """A host may answer from within a delivery: to the other host, and to peers in the order of sending."""
        self.other.on_delivery = lambda stanza: self.routing.send(
            [message("answer", "y@other.example", stanza.from_address or ""), message("2")]
        )
        self.routing.send([message("1"), message("question", target="y@other.example")])
        self.assertEqual((["answer"], ["1", "2"]), (bodies(self.host.taken), self.waiting()))
        self.assertEqual(["stanzas_wait"], self.links[PAIR].told)

    def test_nobody_there(self) -> None:
        """If nobody serves the other domain the stanza comes back; if nobody does either end, that is the end."""
        self.routing.detach(OURS, self.other)
        self.routing.send([message("1", target="y@other.example")])
        self.assert_returned(self.host, StanzaCondition.SERVICE_UNAVAILABLE)
        self.routing.detach(A, self.host)
        self.routing.send([message("2", target="y@other.example")])
        self.assertEqual(1, len(self.host.taken))

    def test_host_that_raises(self) -> None:
        """If the other host fails the stanza comes back with ``internal-server-error``."""
        self.other.broken = True
        self.routing.send([message("1", target="y@other.example")])
        self.assert_returned(self.host, StanzaCondition.INTERNAL_SERVER_ERROR)
        self.flushLoggedErrors(ZeroDivisionError)


class BounceTests(RoutingTestCase):
    """Stanzas of ours that come back."""

    def test_to_where_they_came_from(self) -> None:
        """S17: each comes back to the host of its sender, with the reason, in order."""
        self.bounce(message("1"), message("2", "x@other.example"), message("3"))
        self.assert_returned(self.host, StanzaCondition.REMOTE_SERVER_TIMEOUT, times=2)
        self.assert_returned(self.other, StanzaCondition.REMOTE_SERVER_TIMEOUT)
        self.assertIn(b">too slow<", self.other.taken[0].data)

    def test_iq(self) -> None:
        """S17: a request is answered; a result and an error are not."""
        kinds = ("get", "set", "result", "error")
        request = "<iq type='{0}' id='{0}' from='x@a.example' to='b.example'/>"
        self.bounce(*(stanza_of(request.format(kind)) for kind in kinds), message("4", type="error"))
        self.assertEqual(["get", "set"], [stanza.id for stanza in self.host.taken])

    def test_nobody_to_take_it(self) -> None:
        """What comes back for a domain that nobody serves any more is dropped."""
        self.routing.detach(A, self.host)
        self.bounce(message("1"))
        self.assertEqual([], self.host.taken)

    def test_host_that_raises(self) -> None:
        """A host that fails to take a bounce is logged; others get theirs."""
        self.host.broken = True
        self.bounce(message("1"), message("2", "x@other.example"))
        self.assertEqual(1, len(self.other.taken))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def bounce(self, *stanzas: Slice) -> None:
        """Send stanzas back."""
        self.routing.bounce(stanzas, StanzaCondition.REMOTE_SERVER_TIMEOUT, "too slow")


class LifeTests(RoutingTestCase):
    """Domains come and go, and so does the service."""

    def test_add(self) -> None:
        """A domain that was added can be attached and sent from."""
        self.routing.add(C)
        host: Host = DoubleHost()
        self.routing.attach(C, host)
        self.routing.send([message("1", "x@c.example", "y@b.example")])
        self.assertEqual([DomainPair(C, B)], list(self.links))

    def test_remove(self) -> None:
        """A domain that was removed has back what waits from it, and its host is let go; others are not touched."""
        self.routing.send([message("1"), message("2", "x@other.example")])
        self.routing.remove(A)
        self.assertEqual(["stanzas_wait", "stop"], self.links[PAIR].told)
        self.assertEqual(["stanzas_wait"], self.links[DomainPair(OURS, B)].told)
        self.assertEqual({OURS}, self.routing.hosted)
        self.assertRaises(LocalMisuse, self.routing.send, [message("3")])
        self.routing.deliver([message("4", "y@b.example", "x@a.example")])
        self.assert_returned(self.host, StanzaCondition.REMOTE_SERVER_TIMEOUT)

    def test_stop(self) -> None:
        """When the service stops, links do; what hosts send to peers then comes back, to each other it still goes."""
        self.routing.send([message("1")])
        self.routing.stop()
        self.assertEqual(["stanzas_wait", "stop"], self.links[PAIR].told)
        self.routing.send([message("2"), message("3", target="y@other.example")])
        self.assert_returned(self.host, StanzaCondition.REMOTE_SERVER_TIMEOUT, times=2)
        self.assertEqual(["3"], bodies(self.other.taken))

    def test_start_again(self) -> None:
        """When the service starts again, stanzas wait for new links."""
        self.routing.send([message("1")])
        first = self.links[PAIR]
        self.routing.stop()
        self.routing.start()
        self.routing.send([message("2")])
        self.assertIsNot(first, self.links[PAIR])
        self.assertEqual(["2"], self.waiting())
