"""Which stream a pair comes by: a shared one, its own, or the first of many that will be shared."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from types import SimpleNamespace

from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.events import Multiplexes, MultiplexRefused, NamesClosed, NamesOpened, Whose
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.targets import Target
from muxs2s.service.calls import PATIENCE_SECONDS
from muxs2s.service.linkseams import StreamUnavailable
from muxs2s.service.opening import Purpose
from muxs2s.service.searching import ENABLE_SECONDS, HINT_SECONDS, Search, SearchSeams
from muxs2s.service.ways import MULTIPLEXING, ORDINARY
from muxs2s.stream.machine import StreamState
from muxs2s.wire.errors import StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair
from tests.service.linkpeer import LinkWorld
from tests.service.samples import PAIR, B, message
from tests.service.sharedpeer import DoubleConnection, names, pair, refused

SERVER = Target(host="xmpp.b.example", port=5269)
ADDRESS = "192.0.2.2"


class DoubleGuide:
    """Knows one server, with one address, for every domain but those it is told of."""

    def __init__(self) -> None:
        self.elsewhere: dict[DomainName, Target] = {}
        self.before: dict[DomainName, Target] = {}
        """Further servers, which have their turn first."""
        self.goes_on: Deferred[None] | None = None

    def targets(self, domain: DomainName) -> Deferred[tuple[Target, ...]]:
        """As any guide."""
        return Deferred.fromCoroutine(self._targets(domain))

    async def _targets(self, domain: DomainName) -> tuple[Target, ...]:
        if self.goes_on is not None:
            await self.goes_on
        before = (self.before[domain],) if domain in self.before else ()
        return (*before, self.elsewhere.get(domain, SERVER))

    async def addresses(self, _host: str, rdtype: str) -> tuple[str, ...]:
        """As any guide."""
        return (ADDRESS,) if rdtype == "A" else ()


class SearchTestCase(SynchronousTestCase):
    """A search, and whatever it opens."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.guide = DoubleGuide()
        self.opened: list[tuple[Purpose, Deferred[StreamProtocol]]] = []
        self.looking: list[Deferred[StreamProtocol]] = []
        self.private: set[DomainName] = set()
        self.reached: list[AbstractSet[DomainName]] = []
        self.found: list[tuple[DomainPair, StreamProtocol]] = []
        self.search = Search(
            SearchSeams(
                clock=self.clock,
                guide=self.guide,
                open=self.open,
                find=lambda pair: self.search.find(pair, 0.0),
                may_share=lambda domain: domain not in self.private,
                reached=self.reached.append,
                found=lambda pair, connection: self.found.append((pair, connection)),
            )
        )

    def tearDown(self) -> None:
        for looking in self.looking:
            looking.addErrback(lambda failure: failure.trap(CancelledError, StreamUnavailable)).cancel()
        self.assertEqual([], self.clock.getDelayedCalls())

    async def open(self, purpose: Purpose) -> StreamProtocol:
        """As whoever opens streams."""
        opening: Deferred[StreamProtocol] = Deferred()
        self.opened.append((purpose, opening))
        return await opening

    def look(self, pair: DomainPair = PAIR) -> Deferred[StreamProtocol]:
        """Begin to look for a stream."""
        self.looking.append(Deferred.fromCoroutine(self.search.stream_for(pair)))
        return self.looking[-1]

    def look_for_many(self, count: int = 3) -> list[Deferred[StreamProtocol]]:
        """Begin for several pairs with one peer, the first one's header being that of :data:`PAIR`."""
        return [self.look(), *(self.look(pair("a", f"b{number}")) for number in range(1, count))]

    def connect(self, *, offered: bool, header: DomainPair = PAIR, which: int = 0, id: str = "1") -> DoubleConnection:
        """Let a stream carry that was opened; the peer has offered to multiplex or has not."""
        connection = DoubleConnection(header, id=id)
        connection.usable.add(header)
        connection.awaits_multiplexing = offered
        connection.transport = SimpleNamespace(getPeer=lambda: IPv4Address("TCP", ADDRESS, 5269))
        self.search.dials(connection.protocol, header, SERVER)
        self.search.ready(connection.protocol)
        self.opened[which][1].callback(connection.protocol)
        return connection

    def multiplex(self, connection: DoubleConnection) -> None:
        """Let both ends multiplex on a stream."""
        connection.awaits_multiplexing = False
        self.search.multiplex(connection.protocol, Multiplexes())

    def accept(self, connection: DoubleConnection, *pairs: DomainPair) -> None:
        """Let domains of the peer be accepted."""
        connection.usable.update(pairs)
        opened = NamesOpened(whose=Whose.PEERS, names=[pair.target for pair in pairs])
        self.search.multiplex(connection.protocol, opened)

    def end(self, connection: DoubleConnection) -> None:
        """Let a stream end."""
        connection.multiplexer = None
        self.search.closing(connection.protocol)
        self.search.gone(connection.protocol)

    def purposes(self) -> list[tuple[DomainPair, bool]]:
        """What streams were opened for, and whether others may use them."""
        return [(purpose.pair, purpose.is_shared) for purpose, _ in self.opened]


class FirstCallTests(SearchTestCase):
    """Nothing is known of the peer: one calls, others wait."""

    def test_multiplexes(self) -> None:
        """Whoever wants the same peer meanwhile has its pair asked for on the stream of the first, all at once."""
        looking = self.look_for_many()
        self.assertEqual([(PAIR, True)], self.purposes())
        connection = self.connect(offered=True)
        self.assertIs(connection.protocol, self.successResultOf(looking[0]))
        self.assertEqual([], connection.wanted)
        self.multiplex(connection)
        others = [pair("a", "b1"), pair("a", "b2")]
        self.assertEqual(others, connection.wanted)
        self.accept(connection, *others)
        for each in looking[1:]:
            self.assertIs(connection.protocol, self.successResultOf(each))
        self.assertEqual([MULTIPLEXING], [choice.way for choice in self.search.ways.choices()])

    def test_ordinary(self) -> None:
        """Where the peer does not offer it each opens its own at once, and so does whoever comes later."""
        self.look_for_many()
        self.connect(offered=False)
        self.look(pair("a", "b3"))
        self.assertEqual([f"b{number}.example" for number in (1, 2, 3)], [p.target for p, _ in self.purposes()[1:]])
        (choice,) = self.search.ways.choices()
        self.assertEqual((ORDINARY, True), (choice.way, bool(choice.why_not_better)))

    def test_refused_by_the_peer(self) -> None:
        """Where the peer offers it and then refuses, too."""
        self.look_for_many()
        connection = self.connect(offered=True)
        connection.awaits_multiplexing = False
        self.search.multiplex(connection.protocol, MultiplexRefused(text="policy-violation"))
        self.assertEqual(3, len(self.opened))

    def test_never_agrees(self) -> None:
        """Nor is a peer waited for that offers it and does not agree; if it does in the end, that counts."""
        self.look_for_many()
        connection = self.connect(offered=True)
        self.clock.advance(ENABLE_SECONDS)
        self.assertEqual(3, len(self.opened))
        self.assertEqual([ORDINARY], [choice.way for choice in self.search.ways.choices()])
        self.multiplex(connection)
        self.assertEqual([MULTIPLEXING], [choice.way for choice in self.search.ways.choices()])

    def test_reached(self) -> None:
        """That the server is there is told of every domain that was found there."""
        self.look_for_many()
        self.multiplex(self.connect(offered=True))
        self.assertEqual([{B, *names("b1", "b2")}], self.reached)

    def test_patience(self) -> None:
        """A first call that shows nothing for long is not waited for."""
        self.look_for_many()
        self.clock.advance(PATIENCE_SECONDS)
        self.assertEqual(3, len(self.opened))

    def test_gets_on(self) -> None:
        """A first call that is answered, if slowly, is waited for: others would make it slower still."""
        self.look_for_many()
        connection = DoubleConnection()
        self.search.dials(connection.protocol, PAIR, SERVER)
        for state in (StreamState.SECURING, StreamState.PROVING):
            connection.stream._machine.state = state
            self.clock.advance(PATIENCE_SECONDS)
        self.assertEqual(1, len(self.opened))
        self.clock.advance(PATIENCE_SECONDS)
        self.assertEqual(3, len(self.opened))

    def test_one_pair_twice(self) -> None:
        """A pair that calls again, as its first call is stuck, is none the worse when that one ends."""
        _, again = self.look(), self.look()
        self.clock.advance(PATIENCE_SECONDS)
        self.opened[0][1].errback(StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, "nobody", final=False))
        connection = self.connect(offered=False, which=1)
        self.assertIs(connection.protocol, self.successResultOf(again))

    def test_unreachable(self) -> None:
        """Where nobody answers, nobody else needs to call: each hears it, and comes back in its own time."""
        looking = self.look_for_many()
        self.opened[0][1].errback(StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, "nobody", final=False))
        for each in looking:
            self.failureResultOf(each, StreamUnavailable)
        self.assertEqual(1, len(self.opened))

    def test_first_pair_refused(self) -> None:
        """What is wrong with the first pair alone lets the next one call, and the others wait for that."""
        looking = self.look_for_many()
        self.opened[0][1].errback(StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, "not you", final=True))
        self.failureResultOf(looking[0], StreamUnavailable)
        self.assertEqual([PAIR, pair("a", "b1")], [p for p, _ in self.purposes()])

    def test_first_caller_leaves(self) -> None:
        """Nor does anybody wait for a call that was given up."""
        looking = self.look_for_many()
        looking[0].cancel()
        self.failureResultOf(looking[0], CancelledError)
        self.assertEqual(2, len(self.opened))

    def test_stream_ends_before_it_is_known(self) -> None:
        """A stream that ends before it is clear whether it multiplexes says nothing: the next one calls."""
        self.look_for_many()
        self.end(self.connect(offered=True))
        self.assertEqual(2, len(self.opened))

    def test_peers_apart(self) -> None:
        """Peers at other endpoints do not wait for one another."""
        self.guide.elsewhere[B] = Target(host="192.0.2.9", port=5269)
        self.look_for_many(2)
        self.assertEqual(2, len(self.opened))

    def lead_astray(self, *labels: str) -> None:
        """Let somebody have his domains lead to the server of others, and to one of his own before; call them."""
        for label in labels:
            astray = pair("a", label)
            self.guide.before[astray.target] = Target(host="192.0.2.66", port=5269)
            self.look(astray)

    def test_led_astray(self) -> None:
        """A call that may lead elsewhere holds nobody up for long, and no one who finds a better one to wait for."""
        self.search.ways.note((("xmpp.b.example", 5269),), MULTIPLEXING, 0.0)
        self.lead_astray("evil")
        self.look()
        for _ in range(2):
            self.clock.advance(PATIENCE_SECONDS / 2)
            call = self.search._calls.find(frozenset({("192.0.2.66", 5269)}))
            assert call is not None
            call.wake()
        self.assertEqual(PAIR, self.purposes()[-1][0])
        self.look(pair("a", "b1"))
        self.clock.advance(PATIENCE_SECONDS)
        self.assertEqual(2, len(self.opened))

    def test_other_host_name(self) -> None:
        """Who has a host name of his own on the same server waits and hears as any other."""
        other = pair("a", "b1")
        self.guide.elsewhere[other.target] = Target(host="customer.example", port=5269)
        looking = [self.look(), self.look(other)]
        self.opened[0][1].errback(StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, "nobody", final=False))
        for each in looking:
            self.failureResultOf(each, StreamUnavailable)
        self.assertEqual(1, len(self.opened))

    def test_astray_in_vain(self) -> None:
        """That such a call is in vain says nothing of the peer: the next one calls."""
        self.lead_astray("evil")
        looking = self.look()
        self.opened[0][1].errback(StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, "nobody", final=False))
        self.assertNoResult(looking)
        self.assertEqual(PAIR, self.purposes()[-1][0])

    def test_policy(self) -> None:
        """A domain that is not to share a stream has its own at once, which says nothing of the peer."""
        self.private.add(B)
        self.look()
        self.assertEqual([(PAIR, False)], self.purposes())


class SharedTests(SearchTestCase):
    """A stream to the peer multiplexes already."""

    def setUp(self) -> None:
        super().setUp()
        self.look()
        self.connection = self.connect(offered=True)
        self.multiplex(self.connection)
        self.pair = pair("a", "b1")

    def test_nothing_to_do(self) -> None:
        """A pair whose domains are accepted has the stream without a question."""
        self.accept(self.connection, self.pair)
        self.assertIs(self.connection.protocol, self.successResultOf(self.look(self.pair)))
        self.assertEqual([], self.connection.wanted)

    def test_nothing_missing(self) -> None:
        """A pair of which nothing is missing on the stream has it at once."""
        self.connection.usable.add(self.pair)
        self.assertIs(self.connection.protocol, self.successResultOf(self.look(self.pair)))

    def test_own_domain_last(self) -> None:
        """A pair whose own domain is accepted last has the stream then."""
        looking = self.look(self.pair)
        self.connection.usable.add(self.pair)
        opened = NamesOpened(whose=Whose.OURS, names=[self.pair.sender])
        self.search.multiplex(self.connection.protocol, opened)
        self.assertIs(self.connection.protocol, self.successResultOf(looking))

    def test_refused(self) -> None:
        """M4: a domain that is refused has a stream of its own for each of its pairs; the shared one goes on."""
        looking = [self.look(self.pair), self.look(pair("x", "b1"))]
        self.search.multiplex(self.connection.protocol, refused(self.pair.target))
        self.assertEqual([(self.pair, False), (pair("x", "b1"), False)], self.purposes()[1:])
        for each in looking:
            self.assertNoResult(each)
        self.connection.refusing.add(self.pair)
        self.look(self.pair)
        self.assertEqual(4, len(self.opened))

    def test_taken_off(self) -> None:
        """A name that is taken off while a pair waits for its other domain is not waited for, at either end."""
        for whose, name in ((Whose.PEERS, self.pair.target), (Whose.OURS, self.pair.sender)):
            self.look(self.pair)
            before = len(self.opened)
            self.search.multiplex(self.connection.protocol, NamesClosed(whose=whose, names=[name], condition=None))
            self.assertEqual(before + 1, len(self.opened))

    def test_gone(self) -> None:
        """When the stream ends, one of those who wait calls, and the others wait for it for as long as it takes."""
        for number in range(1, 4):
            self.look(pair("a", f"b{number}"))
        self.end(self.connection)
        self.assertEqual(2, len(self.opened))
        self.clock.advance(PATIENCE_SECONDS)
        self.assertEqual(2, len(self.opened))
        again = self.connect(offered=True, header=pair("a", "b1"), which=1)
        self.multiplex(again)
        self.assertEqual([pair("a", "b2"), pair("a", "b3")], again.wanted)

    def test_looks_anew(self) -> None:
        """Where the peer has moved meanwhile, it is called there."""
        self.guide.elsewhere[self.pair.target] = Target(host="192.0.2.9", port=5269)
        self.look(self.pair)
        self.assertEqual((2, []), (len(self.opened), self.connection.wanted))


class PeersStreamTests(SearchTestCase):
    """A stream that the peer has opened multiplexes."""

    def accept_stream(self, address: str = ADDRESS) -> DoubleConnection:
        """Let one come from an address; its header says that it is b.example."""
        connection = DoubleConnection(PAIR.reversed(), initiated=False)
        connection.transport = SimpleNamespace(getPeer=lambda: IPv4Address("TCP", address, 40_000))
        self.search.ready(connection.protocol)
        self.multiplex(connection)
        return connection

    def test_asked(self) -> None:
        """It leads to where DNS has the domain of its header, if that is where it comes from."""
        connection = self.accept_stream()
        self.look(pair("a", "b1"))
        self.clock.advance(HINT_SECONDS)
        self.assertEqual(([pair("a", "b1")], []), (connection.wanted, self.opened))
        self.assertEqual([f"{ADDRESS}:5269"], [choice.peer for choice in self.search.ways.choices()])

    def test_hint(self) -> None:
        """Otherwise it is asked, too: a server may call from another address than it is called at."""
        connection = self.accept_stream("192.0.2.77")
        looking = self.look(pair("a", "b1"))
        self.accept(connection, pair("a", "b1"))
        self.assertIs(connection.protocol, self.successResultOf(looking))
        self.assertEqual((), self.search.ways.choices())

    def test_turns_up(self) -> None:
        """A pair for which a stream is being opened uses it, if it is taken there."""
        for each in (pair("a", "b1"), pair("a", "b2")):
            self.look(each)
            self.clock.advance(PATIENCE_SECONDS)
        connection = self.accept_stream()
        self.accept(connection, pair("a", "b1"))
        self.search.multiplex(connection.protocol, refused(pair("a", "b2").target))
        self.assertEqual([(pair("a", "b1"), connection.protocol)], self.found)

    def test_wrong_hint(self) -> None:
        """But whoever names the server of others in DNS does not keep us from them by silence."""
        connection = self.accept_stream("192.0.2.77")
        self.look(pair("a", "b1"))
        self.clock.advance(HINT_SECONDS)
        self.look(pair("a", "b2"))
        self.assertEqual(([pair("a", "b1")], [(pair("a", "b1"), True)]), (connection.wanted, self.purposes()))

    def test_wrong_hint_refused(self) -> None:
        """Nor by a refusal, after which no other hint is followed for that pair."""
        streams = [self.accept_stream(address) for address in ("192.0.2.77", "192.0.2.78")]
        self.look(pair("a", "b1"))
        for connection in streams:
            self.search.multiplex(connection.protocol, refused(pair("a", "b1").target))
        self.assertEqual([(pair("a", "b1"), True)], self.purposes())
        self.assertEqual(1, sum(len(connection.wanted) for connection in streams))

    def test_gone_while_looked_for(self) -> None:
        """A stream that ends before it is known where it leads is looked for no longer."""
        self.guide.goes_on = Deferred()
        self.end(self.accept_stream())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_unexpected(self) -> None:
        """What must not go wrong in that, and does, stands in the log."""
        self.patch(self.guide, "targets", broken)
        self.accept_stream()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_no_address(self) -> None:
        """A stream from a Unix socket, or one that is lost already, comes from nowhere."""
        connection = self.accept_stream()
        self.end(connection)
        connection = DoubleConnection(PAIR.reversed(), initiated=False)
        self.multiplex(connection)
        self.assertEqual(1, len(self.search.ways.choices()))


def broken(_domain: DomainName) -> Deferred[tuple[Target, ...]]:
    """A guide that fails in a way it must not."""
    raise ZeroDivisionError


class LobbyTests(SearchTestCase):
    """Others want the same domain while it is found out which way leads there."""

    def setUp(self) -> None:
        super().setUp()
        self.guide.goes_on = Deferred()
        self.worlds: list[LinkWorld] = []

    def wait(self, sender: str, target: str = "b") -> LinkWorld:
        """Let something wait for a pair, as it is sent."""
        self.worlds.append(LinkWorld())
        world, each = self.worlds[-1], pair(sender, target)
        held = self.search.hold(each)
        world.halls = {} if held is None else {each: held}
        world.push_stanzas(message(sender=f"x@{sender}.example", target=f"y@{target}.example"))
        world.halls = {}
        return world

    def call(self) -> None:
        """Let DNS answer, and the first one call."""
        self.look()
        self.clock.advance(0)
        goes_on, self.guide.goes_on = self.guide.goes_on, None
        assert goes_on is not None
        goes_on.callback(None)

    def states(self) -> list[str]:
        """What has become of each: a link, or nothing yet."""
        return [world.state for world in self.worlds]

    def test_multiplexes(self) -> None:
        """The first one searches; others wait without a link until there is a stream to ask on, and then there."""
        for sender in ("a", "a1", "a2"):
            self.wait(sender)
        self.call()
        self.wait("a3")
        self.assertEqual(["resting", "none", "none", "none"], self.states())
        connection = self.connect(offered=True)
        self.multiplex(connection)
        self.assertIsNotNone(self.search.hold(pair("a1", "b")))
        self.assertIn(pair("a1", "b"), connection.wanted)

    def test_ordinary(self) -> None:
        """Where the peer turns out not to multiplex each searches by itself, and so does whoever comes then."""
        self.wait("a")
        self.wait("a1")
        self.call()
        self.connect(offered=False)
        self.assertEqual(["resting", "resting"], self.states())
        self.wait("a2")
        self.assertEqual("resting", self.states()[-1])

    def test_unreachable(self) -> None:
        """Where the peer cannot be reached each searches by itself, all at the same time."""
        self.wait("a")
        self.wait("a1")
        self.wait("a2")
        self.call()
        why = StreamUnavailable(StanzaCondition.REMOTE_SERVER_TIMEOUT, "not today", final=False)
        self.opened[0][1].errback(why)
        self.assertEqual(["resting"] * 3, self.states())

    def test_nobody_calls(self) -> None:
        """Where the first one does not call at once, as it rests, others do not wait for it."""
        self.wait("a")
        self.wait("a1")
        self.assertEqual(["resting", "none"], self.states())
        self.clock.advance(0)
        self.assertEqual(["resting", "resting"], self.states())

    def test_carried(self) -> None:
        """A pair that a stream carries all the same, say because the peer has opened it, waits no more."""
        self.search.carried(PAIR)
        self.wait("a")
        world = self.wait("a1")
        self.search.carried(pair("a1", "b"))
        self.assertEqual("resting", world.state)
        self.call()

    def test_private(self) -> None:
        """Nobody waits for a domain that does not share streams."""
        self.private.add(B)
        self.assertIsNone(self.search.hold(PAIR))
        self.wait("a")
        self.assertEqual(["resting"], self.states())
