"""The seam to wokkel, with a real Router and real components, and federation in memory."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.component import Router as TwistedRouter
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.protocols.jabber.jid import JID
from twisted.words.xish.domish import Element
from twisted.words.xish.utility import EventDispatcher, XmlPipe

from muxs2s.hosts import RouterHost
from muxs2s.testing.federation import MemoryFederation, stanza_of
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.stanza import Slice
from tests.hosts.logs import Logged
from tests.hosts.wokkelrouter import Component, Router, element

HERE, SECOND, PEER = "a.example", "second.a.example", "b.example"


def incoming(to: str = f"u@{HERE}", body: str = "hi", sender: str = f"c@{PEER}", **attributes: str) -> str:
    """A message from a peer."""
    written = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return f"<message from='{sender}' to='{to}'{written}><body>{body}</body></message>"


class RouterTestCase(SynchronousTestCase):
    """A Router with a component for ``a.example``; the host runs for that and a second domain."""

    def setUp(self) -> None:
        self.federation = MemoryFederation(HERE, SECOND, "bücher.example")
        self.router = Router()
        self.component = Component(self.router, HERE)
        self.host = RouterHost(self.router, self.federation, [HERE, SECOND])
        self.host.start()
        self.logged = Logged(self)

    def sent(self) -> list[tuple[str | None, str | None]]:
        """The addresses of what reached federation."""
        return [(stanza.from_address, stanza.to_address) for stanza in self.federation.sent]

    def assertBounced(self, condition: str, stanza: Slice | None = None) -> None:
        """Exactly that error stanza reached federation, or is what was given."""
        if stanza is None:
            (stanza,) = self.federation.sent
        self.assertEqual("error", stanza.type)
        self.assertIn(f"<{condition} ".encode(), stanza.data)


class LifeTests(SynchronousTestCase):
    """The default route is borrowed."""

    def setUp(self) -> None:
        self.router = Router()
        self.federation = MemoryFederation(HERE, SECOND)
        self.host = RouterHost(self.router, self.federation, [HERE])

    def test_import_brings_no_wokkel(self) -> None:
        """Importing the seam imports no wokkel and no reactor and warns of nothing."""
        code = "import sys, muxs2s.hosts.wokkel; print({'wokkel', 'twisted.internet.reactor'} & set(sys.modules))"
        command = [sys.executable, "-W", "error", "-c", code]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - us
        self.assertEqual(("set()\n", ""), (done.stdout, done.stderr))

    def test_made_but_not_started(self) -> None:
        """Making a host takes nothing; ServerService took the default route in its constructor."""
        self.assertEqual(({}, {}), (self.router.routes, self.federation.hosts))

    def test_start_and_stop(self) -> None:
        """While it runs it holds the default route and its domains, and gives back both."""
        self.host.start()
        self.assertEqual([None], list(self.router.routes))
        self.assertEqual({HERE: self.host}, self.federation.hosts)
        self.host.stop()
        self.assertEqual(({}, {}), (self.router.routes, self.federation.hosts))

    def test_start_again(self) -> None:
        """A host that was stopped can be started again; one that runs cannot; stopping twice is nothing."""
        for _ in range(2):
            self.host.start()
            self.assertRaises(LocalMisuse, self.host.start)
            self.host.stop()
            self.host.stop()
        self.host.start()
        self.host.send(element(HERE, PEER))
        self.assertEqual(1, len(self.federation.sent))

    def test_domains_before_the_start(self) -> None:
        """Domains added and removed before the start concern nobody yet."""
        self.host.domains.add(SECOND)
        self.host.domains.discard(HERE)
        self.assertEqual({}, self.federation.hosts)
        self.host.start()
        self.assertEqual({SECOND: self.host}, self.federation.hosts)

    def test_domain_refused(self) -> None:
        """If federation refuses one of the domains, nothing is taken."""
        host = RouterHost(self.router, self.federation, [HERE, "c.example"])
        self.assertRaises(LocalMisuse, host.start)
        self.assertEqual(({}, {}), (self.router.routes, self.federation.hosts))

    def test_no_domain_name(self) -> None:
        """What is no domain name is refused where it is given."""
        self.assertRaises(NameRefused, RouterHost, self.router, self.federation, ["a..b"])

    def test_previous_default_route(self) -> None:
        """Whoever held the default route before has it back, and gets each stanza once."""
        pipe = XmlPipe()
        got: list[Element] = []
        pipe.source.addObserver("/*", got.append)
        self.router.addRoute(None, pipe.sink)
        self.host.start()
        self.router.route(element(HERE, PEER))
        self.assertEqual([], got)
        self.host.stop()
        self.router.route(element(HERE, PEER))
        self.assertEqual((1, 1), (len(got), len(self.federation.sent)))

    def test_default_route_taken_by_others(self) -> None:
        """A default route that somebody took or removed while the host ran is left alone."""
        for later in (EventDispatcher(), None):
            self.router.addRoute(None, EventDispatcher())
            self.host.start()
            del self.router.routes[None]
            if later is not None:
                self.router.addRoute(None, later)
            self.host.stop()
            if later is not None:
                self.assertIs(later, self.router.routes[None])

    def test_stopped_from_inside(self) -> None:
        """A component may stop the host while it is being handed a stanza."""
        component = Component(self.router, HERE, lambda _stanza: self.host.stop())
        self.host.start()
        self.federation.deliver(incoming())
        self.assertEqual((["hi"], [HERE]), (component.bodies, list(self.router.routes)))

    def test_stopped_too_early(self) -> None:
        """What a stopped host is handed all the same is bounced, not lost."""
        Component(self.router, HERE)
        self.host.deliver([stanza_of(incoming())])
        self.assertIn(b"<service-unavailable ", self.federation.sent[0].data)

    def test_router_of_twisted(self) -> None:
        """The Router of Twisted Words, which wokkel's descends from, will do as well."""
        router = TwistedRouter()
        host = RouterHost(router, self.federation, [HERE])
        host.start()
        router.route(element(HERE, PEER))
        self.assertEqual(1, len(self.federation.sent))


class DomainsTests(RouterTestCase):
    """``domains`` and ``defaultDomain``, which others know from ServerService."""

    def test_default_domain(self) -> None:
        """The first domain is the default one; without domains there is none."""
        self.assertEqual(HERE, self.host.defaultDomain)
        self.assertIsNone(RouterHost(self.router, self.federation).defaultDomain)

    def test_add_and_remove(self) -> None:
        """A domain added while the host runs is served at once, one removed no more."""
        self.host.domains.add("BÜCHER.example.")
        self.host.domains.add("xn--bcher-kva.example")
        self.assertEqual(3, len(self.host.domains))
        self.assertIn("bücher.example", self.federation.hosts)
        self.host.domains.remove(DomainName.parse("bücher.example"))
        self.host.domains.discard("bücher.example")
        self.assertNotIn("bücher.example", self.federation.hosts)

    def test_spellings(self) -> None:
        """A domain is found in any spelling; what is no domain name is not there."""
        for spelling in (HERE, "A.Example", "a.example."):
            self.assertIn(spelling, self.host.domains)
        for other in (PEER, "a..b", None):
            self.assertNotIn(other, self.host.domains)
        self.host.domains.discard("a..b")
        self.assertEqual([HERE, SECOND], list(self.host.domains))

    def test_refused(self) -> None:
        """A domain that federation refuses is not among them afterwards."""
        self.assertRaises(LocalMisuse, self.host.domains.add, PEER)
        self.assertRaises(NameRefused, self.host.domains.add, "a..b")
        self.assertEqual([HERE, SECOND], list(self.host.domains))


class FromRouterTests(RouterTestCase):
    """Stanzas from the Router to peers."""

    def test_sent(self) -> None:
        """S15: what a component sends to a peer reaches federation in ``jabber:server``, whatever it was in."""
        for uri in (None, "", "jabber:client", "jabber:component:accept", "jabber:server"):
            message = Element((uri, "message"), attribs={"from": HERE, "to": f"c@{PEER}"})
            message.addElement("body", content="hi")
            message.addElement(("urn:x", "x")).addElement("y")
            self.component.component.send(message)
        head = b"<message xmlns='jabber:server' from='a.example' to='c@b.example'>"
        payload = b"<body>hi</body><x xmlns='urn:x'><y/></x></message>"
        self.assertEqual([head + payload] * 5, [stanza.data.replace(b'"', b"'") for stanza in self.federation.sent])
        self.assertTrue(all(stanza.is_stanza for stanza in self.federation.sent))

    def test_not_changed(self) -> None:
        """A component that keeps what it sent finds it as it was."""
        for message in (
            element(HERE, PEER, "hi"),
            Element(("jabber:client", "presence"), attribs={"from": HERE, "to": PEER}),
        ):
            before = message.toXml()
            self.host.send(message)
            self.assertEqual(before, message.toXml())
        self.assertEqual(2, len(self.federation.sent))

    def test_empty_namespace_inside(self) -> None:
        """Payload in no namespace at all stays so: it is not mistaken for part of the stanza."""
        message = element(HERE, PEER)
        message.addElement(("urn:x", "x")).addElement(("", "y"))
        self.host.send(message)
        self.assertEqual("", self.federation.sent[0].tree().x.y.uri)

    def test_pitfall_6_a_stanza_for_a_third_domain_is_not_relayed(self) -> None:
        """A peer's stanza for a domain that is not ours ends at our door: nothing passes it on in the peer's name."""
        third = Component(self.router, "third.example")
        self.host.deliver([stanza_of(incoming("u@third.example")), stanza_of(incoming("u@d.example"))])
        self.host.send(element(f"c@{PEER}", "u@d.example", "relay"))
        self.assertEqual(([], []), (third.received, self.federation.sent))
        self.assertEqual(3, len([line for line in self.logged.lines if "not relayed" in line]))

    def test_nobody_serves_it(self) -> None:
        """A peer's stanza for a domain of ours without a component is answered ``service-unavailable``."""
        self.federation.deliver(incoming(f"u@{SECOND}", id="1"))
        self.assertEqual([(f"u@{SECOND}", f"c@{PEER}")], self.sent())
        self.assertBounced("service-unavailable")

    def test_nobody_serves_it_here(self) -> None:
        """A component that writes to such a domain is told so through the Router."""
        self.component.component.send(element(HERE, SECOND, id="1"))
        (answer,) = self.component.received
        self.assertEqual((SECOND, HERE, "error", "1"), tuple(answer[name] for name in ("from", "to", "type", "id")))
        self.assertEqual([], self.federation.sent)

    def test_errors_end(self) -> None:
        """An error for a domain nobody serves is dropped: no error answers an error, and nothing goes in circles."""
        self.federation.deliver(incoming(SECOND, type="error"))
        self.component.component.send(element(SECOND, SECOND))
        self.assertEqual([SECOND], [stanza.to_address for stanza in self.federation.sent])
        self.federation.deliver(*self.federation.sent)
        self.assertEqual(1, len(self.federation.sent))

    def test_foreign_sender(self) -> None:
        """A component whose domain is not federated is told ``not-allowed`` and sends nothing."""
        internal = Component(self.router, "internal.example")
        internal.component.send(element("internal.example", PEER))
        (answer,) = internal.received
        self.assertEqual("not-allowed", answer.error.firstChildElement().name)
        self.assertEqual([], self.federation.sent)

    def test_malformed_target(self) -> None:
        """A component that writes to what is no address is told ``jid-malformed``."""
        self.component.component.send(element(HERE, "c@" + "x" * 64 + ".example"))
        (answer,) = self.component.received
        self.assertEqual("jid-malformed", answer.error.firstChildElement().name)

    def test_pitfall_7_a_malformed_from_is_dropped_without_harm(self) -> None:
        """A malformed or missing ``from`` is dropped with a line in the log; the next stanza passes."""
        for sender in ("a..b", "@", "", None, "\ud800"):
            self.component.component.send(element(sender, PEER))
        self.host.deliver([stanza_of(incoming(sender="@@")), stanza_of(incoming(body="next"))])
        self.component.component.send(element(HERE, PEER))
        self.assertEqual([(HERE, PEER)], self.sent())
        self.assertEqual(["next"], self.component.bodies)
        self.assertEqual(6, len([line for line in self.logged.lines if line.startswith("dropped a stanza")]))
        self.assertEqual([], self.flushLoggedErrors())

    def test_no_stanza(self) -> None:
        """What is no stanza, or cannot be written as XML, is dropped with a line in the log."""
        for name, body in ((("urn:x", "message"), ""), ((None, "route"), ""), ((None, "message"), "\x00")):
            other = Element(name, attribs={"from": HERE, "to": PEER})
            other.addContent(body)
            self.component.component.send(other)
        self.assertEqual(([], 3), (self.federation.sent, len(self.logged.lines)))
        self.assertEqual([], self.flushLoggedErrors())

    def test_log_line_is_short(self) -> None:
        """A line in the log has at most 500 characters that name the fault: the sender has a hand in them."""
        rest = len(" in None is no stanza")
        for length in (500, 501):
            self.host.send(Element((None, "x" * (length - rest))))
        kept, cut = (event["reason"] for event in self.logged.ours)
        self.assertTrue(kept.endswith("stanza"), kept)
        self.assertEqual((500, 503), (len(kept), len(cut)))

    def test_domain_withdrawn(self) -> None:
        """A stanza of a domain that federation has given up is dropped, and the Router unharmed."""
        self.federation.hosted.clear()
        self.component.component.send(element(HERE, PEER))
        self.assertEqual([f"dropped a stanza at the router: {HERE} is not hosted here"], self.logged.lines)

    def test_another_host_of_ours(self) -> None:
        """A stanza for a domain of ours that hangs elsewhere goes to federation, which knows where."""
        self.component.component.send(element(HERE, "bücher.example"))
        self.assertEqual([(HERE, "bücher.example")], self.sent())


class FromPeersTests(RouterTestCase):
    """Stanzas from peers to the components of the Router."""

    def test_delivered(self) -> None:
        """Stanzas reach the component of their domain, in order, as trees in ``jabber:server``."""
        self.federation.deliver(*(incoming(body=str(number)) for number in range(3)))
        self.assertEqual(["0", "1", "2"], self.component.bodies)
        self.assertEqual("jabber:server", self.component.received[0].uri)

    def test_answered(self) -> None:
        """A component may answer from inside, as wokkel's do."""

        def answer(stanza: Element) -> None:
            component.component.send(element(stanza["to"], stanza["from"], "pong"))

        component = Component(self.router, HERE, answer)
        self.federation.deliver(incoming())
        self.assertEqual([(f"u@{HERE}", f"c@{PEER}")], self.sent())

    def test_bounces(self) -> None:
        """S17: what could not be sent comes back to the component that sent it."""
        self.federation.deliver(incoming(HERE, type="error"))
        self.assertEqual("error", self.component.received[0]["type"])

    def test_spelled_otherwise(self) -> None:
        """However a peer spells the domain, the stanza reaches its component, addressed as that spells it."""
        self.host.domains.add("bücher.example")
        for route, spellings in (
            (HERE, ("u@A.EXAMPLE/r", "u@a.example./r")),
            ("bücher.example", ("u@xn--bcher-kva.example/r", "u@Bücher.example./r")),
            ("xn--bcher-kva.example", ("u@xn--bcher-kva.example/r", "u@Bücher.example./r")),
        ):
            self.router.routes.pop("bücher.example", None)
            component = Component(self.router, route)
            self.federation.deliver(*(incoming(spelling) for spelling in spellings))
            self.assertEqual([f"u@{route}/r"] * 2, [stanza["to"] for stanza in component.received], route)
        self.assertEqual([], self.federation.sent)

    def test_spelled_otherwise_here(self) -> None:
        """The same holds for what the components of the Router send to each other."""
        self.component.component.send(element(HERE, "u@a.example./r"))
        self.assertEqual([f"u@{HERE}/r"], [stanza["to"] for stanza in self.component.received])

    def test_unreadable_to_the_router(self) -> None:
        """An address that the Router cannot read is answered ``jid-malformed`` and does not reach it."""
        self.federation.deliver(incoming("\u2ff0@a.example"), incoming())
        self.assertBounced("jid-malformed")
        self.assertEqual((["hi"], []), (self.component.bodies, self.flushLoggedErrors()))

    def test_one_bad_stanza(self) -> None:
        """A stanza that cannot be handed over does not stop those after it."""
        good = stanza_of(incoming())
        self.host.deliver([good._replace(data=b"<message>"), good])
        self.assertEqual(["hi"], self.component.bodies)
        self.assertEqual(1, len(self.logged.ours))

    def test_pitfall_14_an_exception_of_a_component_reaches_the_log(self) -> None:
        """A component that raises is named in the log with its traceback; the stanzas after it pass."""

        def fail(_stanza: Element) -> None:
            raise ZeroDivisionError

        component = Component(self.router, HERE, fail)
        self.federation.deliver(incoming(body="1"), incoming(body="2"))
        self.assertEqual(["1", "2"], component.bodies)
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_pitfall_14_an_exception_on_our_side_reaches_the_log(self) -> None:
        """So does what goes wrong between us and the Router, whichever way the stanza went."""

        def fail(_stanzas: object) -> None:
            raise ZeroDivisionError

        self.federation.send = fail  # type: ignore[assignment]  # federation is broken
        self.federation.deliver(incoming("\u2ff0@a.example"), incoming())
        self.component.component.send(element(HERE, PEER))
        self.assertEqual(["hi"], self.component.bodies)
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_pitfall_1_no_stanza_is_logged_by_us(self) -> None:
        """The Router logs each stanza in full, that is wokkel's; of ours no line holds one."""
        self.federation.deliver(incoming(body="the word"), incoming(SECOND, "the word"))
        self.host.deliver([stanza_of(incoming("third.example", "the word"))])
        for sender in (HERE, PEER, "@"):
            self.component.component.send(element(sender, PEER, "the word"))
        self.assertIn("the word", repr(self.logged.events))
        self.assertTrue(self.logged.ours)
        self.assertNotIn("the word", repr(self.logged.ours))


class Stream:
    """A stream of the caller's own, as ``dispatch`` is told of it."""

    def __init__(self, peer: str | None) -> None:
        self.otherEntity = JID(peer) if peer else None
        self.errors: list[str] = []

    def sendStreamError(self, error: StreamError, /) -> None:
        """Keep the condition."""
        self.errors.append(error.condition)


class DispatchTests(RouterTestCase):
    """``dispatch``, which others know from ServerService."""

    def assertDispatched(self, errors: list[str], stanza: Element, peer: str | None = PEER) -> None:
        """These stream errors were sent; the stanza reached the component if there were none."""
        stream = Stream(peer)
        self.component.received.clear()
        self.host.dispatch(stream, stanza)
        self.assertEqual(errors, stream.errors)
        self.assertEqual(0 if errors else 1, len(self.component.received))

    def test_routed(self) -> None:
        """An element of the peer for a domain of ours is routed, in any spelling."""
        self.assertDispatched([], element(f"c@{PEER}", f"u@{HERE}"))
        self.assertDispatched([], element(f"c@{PEER}.", "u@A.EXAMPLE."), PEER.upper())

    def test_missing_addresses(self) -> None:
        """Without ``from`` or ``to`` the stream is told ``improper-addressing``."""
        for sender, target in ((None, HERE), (PEER, None), ("", HERE), (PEER, "")):
            self.assertDispatched(["improper-addressing"], element(sender, target))

    def test_wrong_sender(self) -> None:
        """A ``from`` that is not the peer's is ``invalid-from``; so is any while no peer is known."""
        self.assertDispatched(["invalid-from"], element("d.example", HERE))
        self.assertDispatched(["invalid-from"], element(PEER, HERE), None)

    def test_third_domain(self) -> None:
        """Pitfall 6: a ``to`` that is not ours is ``host-unknown``; nothing is relayed."""
        self.assertDispatched(["host-unknown"], element(PEER, "d.example"))
        self.assertEqual([], self.federation.sent)

    def test_malformed(self) -> None:
        """Pitfall 7: malformed addresses and what is no stanza are dropped with a line in the log."""
        stream = Stream(PEER)
        for bad in (
            element("a..b", HERE),
            element(PEER, "@"),
            Element(("urn:x", "x"), attribs={"from": PEER, "to": HERE}),
        ):
            self.host.dispatch(stream, bad)
        self.assertEqual(([], [], 3), (stream.errors, self.component.received, len(self.logged.ours)))
