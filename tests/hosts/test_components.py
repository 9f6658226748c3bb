"""The component listener: connections, who serves which domain, what waits, and the end."""

from __future__ import annotations

from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.component import componentFactory
from twisted.words.protocols.jabber.xmlstream import STREAM_AUTHD_EVENT, XmlStream
from twisted.words.xish.domish import Element
from zope.interface.verify import verifyObject

from muxs2s.hosts import ComponentFactory, ComponentLimits
from muxs2s.hosts.seam import Host
from muxs2s.testing.federation import MemoryFederation, stanza_of
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import COMPONENT
from muxs2s.wire.stanza import Slice
from tests.hosts.componentpeer import DOMAIN, HEADER, MESSAGE, SECRET, Component, Listener, Wire, digest
from tests.hosts.logs import Logged

END = "</stream:stream>"
OTHER = "other.a.example"
LIMITS = ComponentLimits()


def incoming(body: str = "hi", to: str = DOMAIN, **attributes: str) -> str:
    """A message from a peer."""
    written = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return f"<message xmlns='jabber:server' from='c@b.example' to='{to}'{written}><body>{body}</body></message>"


def of_size(size: int, mark: str = "") -> Slice:
    """A message of that many bytes from a peer."""
    stanza = stanza_of(incoming(mark))
    return stanza_of(incoming(mark + "x" * (size - len(stanza.data))))


class ListenerTestCase(SynchronousTestCase):
    """A listener with default limits."""

    def setUp(self) -> None:
        self.listener = Listener()
        self.federation = self.listener.federation


class StanzaTests(ListenerTestCase):
    """Stanzas between a component and federation."""

    def setUp(self) -> None:
        super().setUp()
        self.component = self.listener.connect_proven()

    def test_to_a_peer(self) -> None:
        """S32, S15: what a component sends reaches federation in ``jabber:server``."""
        self.component.write(MESSAGE)
        (sent,) = self.federation.sent
        self.assertTrue(sent.is_stanza)
        self.assertEqual((DOMAIN, "c@b.example"), (sent.from_address, sent.to_address))

    def test_batches(self) -> None:
        """All stanzas of one segment are sent in one call, in order."""
        self.component.write("".join(MESSAGE.replace("hello", str(number)) for number in range(5)) + "<message")
        self.assertEqual([5], self.federation.batches)
        self.assertEqual([str(number) for number in range(5)], [str(sent.tree().body) for sent in self.federation.sent])

    def test_from_a_peer(self) -> None:
        """S32, S15: what a peer sends reaches the component in its namespace, in one write, in order."""
        self.federation.deliver(incoming("1"), incoming("2"))
        one, two = self.component.read.split("</message>")[:2]
        self.assertIn("<message xmlns='jabber:component:accept' from='c@b.example' to='bot.a.example'><body>1", one)
        self.assertIn("<body>2", two)
        self.assertNotIn("jabber:server", self.component.read)
        self.assertEqual(1, self.component.wire.writes)

    def test_bounce_comes_back(self) -> None:
        """S17: what could not be sent comes back to the component as an error stanza."""
        error = incoming(type="error", id="7")
        self.federation.deliver(error)
        self.assertEqual("error", stanza_of(self.component.read, COMPONENT).type)

    def test_malformed_target(self) -> None:
        """A message to what is no address comes back at once; the next one is sent."""
        self.component.write(MESSAGE.replace("c@b.example", "c@b..example") + MESSAGE)
        self.assertIn("<jid-malformed ", self.component.read)
        self.assertEqual(1, len(self.federation.sent))

    def test_domain_withdrawn(self) -> None:
        """Once the domain is not ours any more, sending ends the stream with ``host-gone``."""
        self.federation.hosted.clear()
        self.component.write(MESSAGE)
        self.assertEqual("host-gone", self.component.condition)
        self.assertEqual([], self.federation.sent)

    def test_nothing_after_the_end(self) -> None:
        """What arrives after the stream has ended goes nowhere."""
        self.component.write("<oops/>")
        self.component.write(MESSAGE)
        self.assertEqual([], self.federation.sent)


class Eager(MemoryFederation):
    """Has a stanza in store for whoever attaches."""

    def attach(self, domain: DomainName, host: Host) -> None:
        """Deliver it at once."""
        super().attach(domain, host)
        host.deliver([stanza_of(incoming())])


class AdmissionTests(ListenerTestCase):
    """Who may serve which domain."""

    def test_attached(self) -> None:
        """S32: after the handshake the component is answered and its domain is attached."""
        component = self.listener.connect()
        component.write(HEADER)
        self.assertEqual({}, self.federation.hosts)
        component.write(f"<handshake>{digest(component.stream_id)}</handshake>")
        self.assertTrue(component.read.endswith("<handshake/>"), component.read)
        self.assertEqual({DOMAIN: component.connection}, self.federation.hosts)
        self.assertEqual({DOMAIN}, self.listener.factory.connected)

    def test_delivery_while_attaching(self) -> None:
        """What federation has in store for the domain comes after the answer to the handshake."""
        self.federation = self.listener.factory.federation = Eager(DOMAIN)
        component = self.listener.connect()
        component.write(HEADER)
        component.write(f"<handshake>{digest(component.stream_id)}</handshake>")
        self.assertIn("<handshake/><message ", component.read)

    def test_stream_ids_differ(self) -> None:
        """Each stream has an id of its own, so that a handshake overheard is worth nothing."""
        first, second = self.listener.connect(), self.listener.connect()
        first.write(HEADER)
        second.write(HEADER)
        self.assertNotEqual(first.stream_id, second.stream_id)
        second.write(f"<handshake>{digest(first.stream_id)}</handshake>")
        self.assertEqual("not-authorized", second.condition)

    def test_secrets_change_while_it_runs(self) -> None:
        """A new domain and its secret count from the next connection on."""
        component = self.listener.connect()
        component.write(HEADER.replace(DOMAIN, OTHER))
        self.assertEqual("host-unknown", component.condition)
        self.listener.secrets[OTHER] = "new"
        self.federation.hosted.update(MemoryFederation(OTHER).hosted)
        component = self.listener.connect()
        component.write(HEADER.replace(DOMAIN, OTHER))
        component.write(f"<handshake>{digest(component.stream_id, 'new')}</handshake>")
        self.assertEqual({OTHER}, self.listener.factory.connected)

    def test_not_hosted(self) -> None:
        """A component whose domain has a secret but is not ours is ``host-unknown``."""
        self.federation.hosted.clear()
        self.assertEqual("host-unknown", self.refused().condition)

    def test_served_otherwise(self) -> None:
        """A domain that another host serves is a ``conflict``."""
        self.federation.attach(next(iter(self.federation.hosted)), self.listener.connect().connection)
        self.assertEqual("conflict", self.refused().condition)

    def test_several_domains(self) -> None:
        """S33: a stream carries one domain; a component with two of them opens two."""
        listener = Listener(None, DOMAIN, OTHER)
        listener.secrets[OTHER] = SECRET
        first, second = listener.connect_proven(), listener.connect()
        second.write(HEADER.replace(DOMAIN, OTHER))
        second.write(f"<handshake>{digest(second.stream_id)}</handshake>")
        self.assertEqual({DOMAIN, OTHER}, listener.factory.connected)
        first.write(MESSAGE.replace(DOMAIN, OTHER))
        self.assertEqual("invalid-from", first.condition)
        self.assertEqual({OTHER}, listener.factory.connected)

    def test_system_entropy(self) -> None:
        """Unless entropy is given, the system's is taken."""
        factory = ComponentFactory(self.federation, self.listener.secrets.get, self.listener.clock)
        ids = set()
        for _ in range(2):
            connection = factory.buildProtocol(None)
            assert connection is not None
            component = Component(connection)
            component.write(HEADER)
            ids.add(component.stream_id)
        self.assertEqual(({32}, 2), ({len(id) for id in ids}, len(ids)))

    def refused(self) -> Component:
        """A component that knew the secret and was not let in."""
        component = self.listener.connect()
        component.write(HEADER)
        component.write(f"<handshake>{digest(component.stream_id)}</handshake>")
        self.assertNotIn("<handshake/>", component.read)
        self.assertTrue(component.wire.disconnecting)
        return component


class OthersTests(ListenerTestCase):
    """A component that is not ours: that of Twisted Words."""

    def test_component_of_twisted(self) -> None:
        """S32: a component written by others shakes hands and exchanges stanzas."""
        theirs = componentFactory(DOMAIN, SECRET).buildProtocol(None)
        their_wire = Wire()
        received: list[Element] = []
        theirs.addObserver(STREAM_AUTHD_EVENT, lambda _stream: theirs.send(MESSAGE))
        theirs.addObserver("/message", received.append)
        theirs.makeConnection(their_wire)
        component = self.listener.connect()
        for _ in range(5):
            self.pump(component, theirs, their_wire)
        self.federation.deliver(incoming("welcome"))
        self.pump(component, theirs, their_wire)
        self.assertEqual(1, len(self.federation.sent))
        self.assertEqual(["welcome"], [str(message.body) for message in received])

    @staticmethod
    def pump(component: Component, theirs: XmlStream, their_wire: Wire) -> None:
        """Carry what either has written to the other."""
        there, here = their_wire.value(), component.wire.value()
        their_wire.clear()
        component.wire.clear()
        component.write(there)
        theirs.dataReceived(here)


class ConflictTests(ListenerTestCase):
    """A second component for the same domain."""

    def setUp(self) -> None:
        super().setUp()
        self.component = self.listener.connect_proven()
        self.rival = self.listener.connect()
        self.rival.write(HEADER)
        self.rival.write(f"<handshake>{digest(self.rival.stream_id)}</handshake>")

    def test_newcomer_is_told(self) -> None:
        """The newcomer is sent ``conflict``; the component that is there keeps its place."""
        self.assertEqual("conflict", self.rival.condition)
        self.federation.deliver(incoming())
        self.assertIn("<body>hi", self.component.read)
        self.assertNotIn("<body>hi", self.rival.read)

    def test_living_component_stays(self) -> None:
        """The component that is there is pinged; its answer keeps its place and goes no further."""
        ping = stanza_of(self.component.read, COMPONENT)
        self.assertEqual(("iq", "get", DOMAIN, DOMAIN), (ping.name, ping.type, ping.from_address, ping.to_address))
        self.listener.clock.advance(LIMITS.answer_seconds - 0.001)
        self.component.write(f"<iq type='result' from='{DOMAIN}' to='{DOMAIN}' id='{ping.id}'/>")
        self.listener.clock.advance(LIMITS.answer_seconds * 2)
        self.assertEqual({DOMAIN}, self.listener.factory.connected)
        self.assertEqual([], self.federation.sent)

    def test_any_sign_of_life_counts(self) -> None:
        """White space or a stanza is as good as an answer, and the stanza is sent."""
        self.component.write(" ")
        self.listener.clock.advance(LIMITS.answer_seconds)
        self.component.write(
            f"<iq type='get' from='{DOMAIN}' to='b.example'/><iq type='get' id='1' from='{DOMAIN}' to='b.example'/>"
        )
        self.assertEqual({DOMAIN}, self.listener.factory.connected)
        self.assertEqual(2, len(self.federation.sent))

    def test_dead_component_makes_room(self) -> None:
        """Without a sign of life in 10 s the connection is ended, and the newcomer's next attempt succeeds."""
        self.listener.clock.advance(LIMITS.answer_seconds - 0.001)
        self.assertIsNone(self.component.condition)
        self.listener.clock.advance(0.001)
        self.assertEqual("connection-timeout", self.component.condition)
        self.assertEqual(frozenset(), self.listener.factory.connected)
        self.listener.connect_proven()
        self.assertEqual({DOMAIN}, self.listener.factory.connected)

    def test_one_ping_at_a_time(self) -> None:
        """However many newcomers ask, the component is pinged once, and asking again gives it no more time."""
        self.listener.clock.advance(LIMITS.answer_seconds / 2)
        self.listener.connect_proven()
        self.assertEqual(1, self.component.read.count("<ping "))
        self.listener.clock.advance(LIMITS.answer_seconds / 2)
        self.assertEqual("connection-timeout", self.component.condition)

    def test_component_leaves_meanwhile(self) -> None:
        """A component that disconnects while it is being asked leaves no timer behind."""
        self.component.lose()
        self.rival.lose()
        self.assertEqual([], self.listener.clock.getDelayedCalls())


class PressureTests(SynchronousTestCase):
    """A component that does not read."""

    LIMIT = 1_000

    def setUp(self) -> None:
        self.listener = Listener(ComponentLimits(max_waiting_bytes=self.LIMIT))
        self.federation = self.listener.federation
        self.component = self.listener.connect_proven()
        self.logged = Logged(self)

    def pause(self) -> None:
        """Let the transport say that it is full."""
        self.component.producer.pauseProducing()

    def test_registered(self) -> None:
        """The transport can tell the connection to pause."""
        verifyObject(IPushProducer, self.component.connection)
        self.assertIs(self.component.connection, self.component.wire.producer)
        self.assertTrue(self.component.wire.streaming)

    def test_waits_and_goes_on(self) -> None:
        """While the component does not read, stanzas wait; they are written in order once it does."""
        self.pause()
        self.federation.deliver(incoming("1"))
        self.federation.deliver(incoming("2"))
        self.assertEqual("", self.component.read)
        self.component.producer.resumeProducing()
        self.assertLess(self.component.read.index("<body>1"), self.component.read.index("<body>2"))
        self.assertEqual([], self.federation.sent)

    def test_at_the_limit(self) -> None:
        """Exactly 1,000 bytes may wait; the stanza one byte past it is bounced with ``resource-constraint``."""
        self.pause()
        self.federation.deliver(of_size(500, "a"), of_size(500, "b"))
        self.assertEqual([], self.federation.sent)
        self.federation.deliver(incoming("c", id="9"))
        (bounce,) = self.federation.sent
        self.assertIn(b"<resource-constraint ", bounce.data)
        self.assertEqual(
            (DOMAIN, "c@b.example", "error", "9"), (bounce.from_address, bounce.to_address, bounce.type, bounce.id)
        )

    def test_one_past_the_limit(self) -> None:
        """1,001 bytes are one too many: the second stanza is bounced, the first waits."""
        self.pause()
        self.federation.deliver(of_size(500, "a"), of_size(501, "b"))
        self.assertEqual(1, len(self.federation.sent))
        self.component.producer.resumeProducing()
        self.assertIn("<body>ax", self.component.read)
        self.assertNotIn("<body>bx", self.component.read)

    def test_room_again(self) -> None:
        """Once it reads, the limit is there in full again."""
        self.pause()
        self.federation.deliver(of_size(1_000))
        self.component.producer.resumeProducing()
        self.pause()
        self.federation.deliver(of_size(1_000))
        self.assertEqual([], self.federation.sent)

    def test_errors_are_not_bounced(self) -> None:
        """An error that finds no room is dropped: no error answers an error."""
        self.pause()
        self.federation.deliver(of_size(1_000), incoming(type="error"))
        self.assertEqual([], self.federation.sent)

    def test_a_component_that_reads(self) -> None:
        """To a component that reads, more than the limit goes in one call, in several writes."""
        self.federation.deliver(*[of_size(400, str(number)) for number in range(10)])
        self.assertEqual([], self.federation.sent)
        self.assertEqual(10, self.component.read.count("</message>"))

    def test_transport_that_has_enough(self) -> None:
        """What exceeds one write waits until the transport has room: written anew, it may be longer than it came."""
        listener = Listener(ComponentLimits())
        component = listener.connect_proven()
        write = component.wire.write

        def fill(data: bytes) -> None:
            write(data)
            component.producer.pauseProducing()

        self.patch(component.wire, "write", fill)
        listener.federation.deliver(*[of_size(40_000, str(number)) for number in range(5)])
        self.assertEqual(2, component.read.count("</message>"))
        component.producer.resumeProducing()
        self.assertEqual(4, component.read.count("</message>"))
        component.lose()
        self.assertEqual(1, len(listener.federation.sent))

    def test_told_once(self) -> None:
        """The log says once that the component does not read, until it has read again."""
        for _ in range(2):
            self.pause()
            self.federation.deliver(of_size(1_000), incoming(), incoming())
            self.federation.deliver(incoming())
            self.component.producer.resumeProducing()
        self.assertEqual(2, len([line for line in self.logged.lines if "does not read" in line]))

    def test_lost_while_stanzas_wait(self) -> None:
        """What waits when the connection is lost is bounced with ``service-unavailable``."""
        self.pause()
        self.federation.deliver(incoming(id="1"), incoming(id="2"))
        self.component.producer.stopProducing()
        self.component.lose()
        self.assertEqual(["1", "2"], [bounce.id for bounce in self.federation.sent])
        self.assertIn(b"<service-unavailable ", self.federation.sent[0].data)

    def test_bounce_of_a_withdrawn_domain(self) -> None:
        """If the domain is not ours any more, what cannot be bounced is counted in the log."""
        self.pause()
        self.federation.deliver(incoming(), incoming())
        self.federation.hosted.clear()
        self.component.lose()
        self.assertIn(f"2 stanzas for {DOMAIN} were dropped: {DOMAIN} is not hosted here", self.logged.lines)

    def test_delivered_too_late(self) -> None:
        """What is delivered to a connection that has ended is bounced."""
        self.component.lose()
        self.component.connection.deliver([stanza_of(incoming())])
        self.assertIn(b"<service-unavailable ", self.federation.sent[0].data)


class EndTests(ListenerTestCase):
    """Time-outs and closing."""

    def test_no_handshake(self) -> None:
        """A connection without a handshake within 30 s is closed, header sent or not."""
        silent, greeting = self.listener.connect(), self.listener.connect()
        greeting.write(HEADER)
        self.listener.clock.advance(LIMITS.handshake_seconds - 0.001)
        self.assertIsNone(silent.condition)
        self.listener.clock.advance(0.001)
        for component in (silent, greeting):
            self.assertEqual("connection-timeout", component.condition)
            self.assertTrue(component.wire.disconnecting)
            self.assertEqual(1, component.read.count("<?xml "))

    def test_handshake_in_time(self) -> None:
        """After the handshake there is no time-out: a component may be silent for ever."""
        self.listener.connect_proven()
        self.assertEqual([], self.listener.clock.getDelayedCalls())

    def test_component_closes(self) -> None:
        """The component's closing tag is answered, its domain given back, the connection closed."""
        component = self.listener.connect_proven()
        component.write(MESSAGE + END)
        self.assertEqual((END, True), (component.read, component.wire.disconnecting))
        self.assertEqual({}, self.federation.hosts)
        self.assertIsNone(component.wire.producer)
        self.assertEqual(1, len(self.federation.sent))

    def test_cut_when_it_does_not_close(self) -> None:
        """A connection that is not gone 10 s after its stream is cut."""
        component = self.listener.connect_proven()
        component.write("<oops/>")
        self.listener.clock.advance(LIMITS.closing_seconds - 0.001)
        self.assertFalse(component.wire.aborted)
        self.listener.clock.advance(0.001)
        self.assertTrue(component.wire.aborted)
        component.lose()

    def test_lost(self) -> None:
        """A connection that is lost leaves neither its domain nor a timer behind."""
        for component in (self.listener.connect(), self.listener.connect_proven()):
            component.lose()
        self.assertEqual(({}, []), (self.federation.hosts, self.listener.clock.getDelayedCalls()))
        self.listener.connect_proven()

    def test_dismiss(self) -> None:
        """A domain taken away ends its component with ``host-gone``; others do not notice."""
        component = self.listener.connect_proven()
        self.listener.factory.dismiss(next(iter(MemoryFederation(OTHER).hosted)))
        self.assertIsNone(component.condition)
        self.listener.factory.dismiss(next(iter(self.federation.hosted)))
        self.assertEqual("host-gone", component.condition)

    def test_shutdown(self) -> None:
        """When the listener closes, each component is told ``system-shutdown`` and may finish what it is saying."""
        component = self.listener.connect_proven()
        closed = self.listener.factory.close()
        self.assertEqual("system-shutdown", component.condition)
        self.assertFalse(component.wire.disconnecting)
        component.write(MESSAGE + END)
        self.assertEqual(1, len(self.federation.sent))
        self.assertTrue(component.wire.disconnecting)
        self.assertNoResult(closed)
        component.lose()
        self.assertIsNone(self.successResultOf(closed))

    def test_shutdown_of_a_silent_component(self) -> None:
        """A component that does not close its stream delays the shutdown by 10 s at most."""
        component = self.listener.connect_proven()
        self.listener.factory.close()
        self.listener.clock.advance(LIMITS.closing_seconds)
        self.assertTrue(component.wire.aborted)

    def test_stop_listening(self) -> None:
        """Stopping the port is closing the listener; it lets nobody in until it listens again."""
        factory = self.listener.factory
        factory.doStart()
        component = self.listener.connect_proven()
        factory.doStop()
        self.assertEqual("system-shutdown", component.condition)
        self.assertIsNone(factory.buildProtocol(None))
        component.lose()
        factory.doStart()
        self.listener.connect_proven()

    def test_nobody_there(self) -> None:
        """Closing a listener without components is done at once."""
        self.assertIsNone(self.successResultOf(self.listener.factory.close()))


class CrowdTests(SynchronousTestCase):
    """Connections that have not shaken hands."""

    def setUp(self) -> None:
        self.logged = Logged(self)
        self.listener = Listener(ComponentLimits(max_unproven_connections=2))

    def test_limit(self) -> None:
        """Two of two may be without a handshake; for a third the oldest is cut."""
        served = self.listener.connect_proven()
        crowd = [self.listener.connect() for _ in range(2)]
        self.assertEqual([False, False], [component.wire.aborted for component in crowd])
        crowd.append(self.listener.connect())
        self.assertEqual([True, False, False], [component.wire.aborted for component in crowd])
        self.assertFalse(served.wire.aborted)

    def test_locks_nobody_out(self) -> None:
        """However many connections say nothing, a component that shakes hands is served."""
        crowd = [self.listener.connect() for _ in range(100)]
        self.listener.connect_proven()
        for component in crowd:
            component.lose()
        self.assertEqual({DOMAIN}, self.listener.factory.connected)

    def test_gone(self) -> None:
        """One that has proven itself or left makes room by itself."""
        first, second = self.listener.connect(), self.listener.connect()
        first.lose()
        self.listener.connect_proven()
        self.listener.connect()
        self.assertFalse(second.wire.aborted)

    def test_closing(self) -> None:
        """A component that was served and takes its time to close does not count."""
        self.listener.connect_proven().write("<oops/>")
        waiting = self.listener.connect()
        self.listener.connect()
        self.assertFalse(waiting.wire.aborted)

    def test_log(self) -> None:
        """Many that come to nothing make one line, and one that says how many more there were."""
        for component in [self.listener.connect() for _ in range(10)]:
            component.lose()
        line, more = self.logged.lines
        self.assertIn("ended: resource-constraint: it was the oldest of 2 that had not shaken hands", line)
        self.assertIn("ended: the connection was lost", more)
        self.listener.clock.advance(60.0)
        self.assertEqual("and 8 more lines like the last ones, left out of the log", self.logged.lines[-1])
        self.assertEqual([], self.listener.clock.getDelayedCalls())


class LogTests(ListenerTestCase):
    """What the log says of components."""

    def test_pitfall_1_no_stanza_is_logged_by_us(self) -> None:
        """The log names who came and who went and why, and holds no stanza and no secret."""
        logged = Logged(self)
        component = self.listener.connect_proven()
        component.write(MESSAGE.replace("hello", "the word") + MESSAGE.replace("c@b.example", "@"))
        self.federation.deliver(incoming("the word"))
        component.write("<message><body>the word</body></message>")
        component.lose()
        came, went = logged.lines
        self.assertIn(f"component {DOMAIN} connected from 192.168.1.1:54321", came)
        self.assertIn("ended: improper-addressing: a stanza needs 'from' and 'to'", went)
        for secret in ("the word", SECRET):
            self.assertNotIn(secret, repr(logged.events))

    def test_component_nobody_knows(self) -> None:
        """One that was not let in is no component of ours, and the reason says whose it wanted to be."""
        logged = Logged(self)
        component = self.listener.connect()
        component.wire.peerAddr = UNIXAddress("")
        component.write(HEADER.replace(DOMAIN, OTHER))
        (line,) = logged.lines
        self.assertIn(f"a component from a Unix socket ended: host-unknown: no component is known as {OTHER}", line)
