"""
The seam to wokkel: federation behind the default route of a Router.

Knows what a Router and the components in it send and expect. Does not import wokkel, which would
install a reactor and warn of deprecated names: whatever has the routes of a Router will do, that of
:mod:`twisted.words.protocols.jabber.component` too.

Two things stay as they are in wokkel and Twisted. A Router logs each stanza it routes, in full. What
an observer in it raises is logged by Twisted and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from twisted.logger import Logger
from twisted.words.protocols.jabber import jid
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.xish.domish import Element
from twisted.words.xish.utility import EventDispatcher, XmlPipe

from muxs2s.hosts.domains import HostedDomains, parsed
from muxs2s.hosts.seam import Federation
from muxs2s.wire.errors import LocalMisuse, MuxS2SError, StanzaCondition, StreamCondition
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.namespaces import CLIENT, COMPONENT, SERVER
from muxs2s.wire.reasons import readable
from muxs2s.wire.stanza import STANZA_NAMES, Slice, error_reply, from_tree

__all__ = ["PeerStream", "Router", "RouterHost"]

_CONTENT: Final = frozenset({SERVER, COMPONENT, CLIENT, ""})
"""The namespaces stanzas have in a Router; those that its components make up have none."""

_EVERYTHING: Final = "/*"
_NOBODY: Final = "nobody serves this domain at present"


class Router(Protocol):
    """What is needed of :class:`wokkel.component.Router`."""

    @property
    def routes(self) -> Mapping[Any, EventDispatcher]:
        """Where stanzas for a domain go; under ``None`` where all others go."""
        ...

    def addRoute(self, destination: str | None, xs: EventDispatcher) -> None:
        """Send stanzas for ``destination`` to ``xs``, and route what comes from there."""
        ...

    def removeRoute(self, destination: str | None, xs: EventDispatcher) -> None:
        """Undo :meth:`addRoute`."""
        ...


class PeerStream(Protocol):
    """What :meth:`RouterHost.dispatch` is told of the stream an element came on."""

    @property
    def otherEntity(self) -> jid.JID | None:
        """The peer: its domain is the one that stanzas may come from."""
        ...

    def sendStreamError(self, error: StreamError, /) -> None:
        """Tell the peer what it did wrong and close the stream."""
        ...


class RouterHost:
    """
    Hangs a wokkel Router on federation; a :class:`~muxs2s.hosts.seam.Host`.

    While it runs it holds the Router's default route. What the Router sends there from one of
    :attr:`domains` goes to peers; what peers send to one of them goes to the component that serves
    it. Nothing is relayed from or to any other domain.

    :attr:`domains`, :attr:`defaultDomain`, :meth:`send` and :meth:`dispatch` stand where those of
    :class:`wokkel.server.ServerService` stood.

    :param domains: in any spelling; the first is :attr:`defaultDomain`.
    :raises NameRefused: if one of them is no domain name.
    """

    _log = Logger()

    domains: HostedDomains

    def __init__(self, router: Router, federation: Federation, domains: Iterable[str] = ()) -> None:
        self.router = router
        self.federation = federation
        self.domains = HostedDomains(self._attach, self._detach)
        self._running = False
        self._previous: EventDispatcher | None = None
        self._pipe = XmlPipe()
        for domain in domains:
            self.domains.add(domain)

    @property
    def defaultDomain(self) -> DomainName | None:
        """The domain that was added first, ``None`` if there is none."""
        return next(iter(self.domains), None)

    def start(self) -> None:
        """
        Take the default route and attach the domains.

        :raises LocalMisuse: if it runs already, or if federation refuses a domain; nothing is taken
            then.
        """
        if self._running:
            raise LocalMisuse("this RouterHost is running; stop it before it is started again")
        self._running = True
        self._previous = self.router.routes.get(None)
        self.router.addRoute(None, self._pipe.sink)
        self._pipe.source.addObserver(_EVERYTHING, self.send)
        try:
            for domain in self.domains:
                self._attach(domain)
        except LocalMisuse:
            self.stop()
            raise

    def stop(self) -> None:
        """
        Detach the domains and give the default route back to whoever held it before.

        Nothing happens if it does not run. A default route somebody took meanwhile stays theirs.
        """
        if not self._running:
            return
        for domain in self.domains:
            self._detach(domain)
        self._running = False
        self._pipe.source.removeObserver(_EVERYTHING, self.send)
        with suppress(KeyError):
            self.router.removeRoute(None, self._pipe.sink)
        previous, self._previous = self._previous, None
        if previous is not None and None not in self.router.routes:
            self.router.addRoute(None, previous)

    def _attach(self, domain: DomainName) -> None:
        if self._running:
            self.federation.attach(domain, self)

    def _detach(self, domain: DomainName) -> None:
        if self._running:
            self.federation.detach(domain, self)

    # From the Router.

    def send(self, element: Element) -> None:
        """
        Send a stanza of one of our domains to a peer, as if it came by the default route.

        :param element: in the namespace ``jabber:server``, ``jabber:client``,
            ``jabber:component:accept`` or none; not changed.

        What cannot be sent comes back through the Router as an error stanza, sooner or later. What
        has no sender to tell is dropped with a line in the log, and so is what claims to be from
        another domain. Unlike ``ServerService.send``, it never raises for what is in the stanza.
        """
        try:
            stanza = _read(element)
            sender = stanza.sender
        except (LocalMisuse, NameRefused) as refused:
            self._drop(refused)
            return
        target = _target(stanza)
        if target is None:
            self._answer(stanza, sender, StanzaCondition.JID_MALFORMED, "'to' is no address")
        elif target in self.domains:
            self._take_back(stanza, sender)
        elif sender in self.domains:
            self._hand_on(stanza)
        else:
            self._answer(stanza, sender, StanzaCondition.NOT_ALLOWED, f"{sender} does not send to other servers")

    def _take_back(self, stanza: Slice, sender: DomainName) -> None:
        """What is for a domain of ours came by the default route: nobody serves it, or it is spelled otherwise."""
        if self._respelled(stanza) != stanza.to_address:
            self._route(stanza)
        else:
            self._answer(stanza, sender, StanzaCondition.SERVICE_UNAVAILABLE, _NOBODY)

    def _hand_on(self, stanza: Slice) -> None:
        try:
            self.federation.send([stanza])
        except LocalMisuse as misuse:
            self._drop(misuse)

    def _answer(self, stanza: Slice, sender: DomainName, condition: StanzaCondition, text: str) -> None:
        """Bounce a stanza to a component of the Router, or to a peer in the name of a domain of ours."""
        reply = error_reply(stanza, condition, text)
        if reply is None:
            self._drop(f"an error or a result that cannot go on: {text}")
        elif self._route_of(sender) is not None:
            self._route(reply)
        elif _target(stanza) in self.domains:
            self._hand_on(reply)
        else:
            self._drop(f"not relayed: {text}")

    def _drop(self, reason: object) -> None:
        self._log.warn("dropped a stanza at the router: {reason}", reason=readable(str(reason)))

    # From peers.

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """
        Hand stanzas to the Router, one by one; one that cannot be handed over stops no other.

        A stanza for a domain that is not in :attr:`domains` is not handed over: the Router would
        relay it.
        """
        for stanza in stanzas:
            try:
                self._deliver(stanza)
            except MuxS2SError as error:
                self._drop(error)
            except Exception:  # noqa: BLE001 - whatever is wrong with one, the others go on
                self._log.failure("a stanza could not be handed to the router")

    def dispatch(self, xs: PeerStream, element: Element) -> None:
        """
        Hand an element to the Router that a stream of the caller's own received.

        Like ``ServerService.dispatch`` it answers a missing address with ``improper-addressing`` and a
        ``from`` that is not in the domain of ``xs.otherEntity`` with ``invalid-from``, and drops a
        malformed one. Unlike it, it answers a ``to`` that is not in :attr:`domains` with
        ``host-unknown``: nothing is relayed for a third domain. That ``otherEntity`` is proven is
        the caller's responsibility; the streams of this package do not come this way.
        """
        if not (element.getAttribute("from") and element.getAttribute("to")):
            xs.sendStreamError(StreamError(StreamCondition.IMPROPER_ADDRESSING.value))
            return
        try:
            stanza = _read(element)
            sender, target = stanza.pair
        except (LocalMisuse, NameRefused) as refused:
            self._drop(refused)
            return
        if xs.otherEntity is None or parsed(xs.otherEntity.host) != sender:
            xs.sendStreamError(StreamError(StreamCondition.INVALID_FROM.value))
        elif target not in self.domains:
            xs.sendStreamError(StreamError(StreamCondition.HOST_UNKNOWN.value))
        else:
            self._deliver(stanza)

    def _deliver(self, stanza: Slice) -> None:
        sender, target = stanza.pair
        if target not in self.domains:
            self._drop(f"not relayed: {target} is not served by this router")
        elif not _routable(stanza.to_address or ""):
            self._answer(stanza, sender, StanzaCondition.JID_MALFORMED, "'to' has a character no address may have")
        elif not self._route(stanza):
            self._answer(stanza, sender, StanzaCondition.SERVICE_UNAVAILABLE, _NOBODY)

    def _route(self, stanza: Slice) -> bool:
        """Let the Router have a stanza, addressed as it spells the domain; tells whether it took it."""
        tree = stanza.tree()
        tree["to"] = self._respelled(stanza)
        return bool(self._pipe.sink.dispatch(tree))

    def _respelled(self, stanza: Slice) -> str:
        """The address a stanza is for, its domain spelled as the Router spells it."""
        address = stanza.to_address or ""
        spelled = self._route_of(stanza.target)
        return address if spelled is None else _readdressed(address, spelled)

    def _route_of(self, domain: DomainName) -> str | None:
        """The domain as the Router spells it, ``None`` if it has no route for it."""
        return next((spelled for spelled in (domain, domain.ascii) if spelled in self.router.routes), None)


def _read(element: Element) -> Slice:
    """
    Make a slice in the namespace between servers of what a component sends.

    :raises LocalMisuse: if it is no stanza or cannot be written.
    """
    if element.name not in STANZA_NAMES or (element.uri or "") not in _CONTENT:
        raise LocalMisuse(f"{element.name} in {element.uri!r} is no stanza")
    return from_tree(element, SERVER)


def _target(stanza: Slice) -> DomainName | None:
    """The domain a stanza is for, if its address has one."""
    try:
        return stanza.target
    except NameRefused:
        return None


def _routable(address: str) -> bool:
    """Tell whether a Router can read an address; it would log an error for each it cannot."""
    try:
        jid.parse(address)
    except (jid.InvalidFormat, IndexError):
        return False
    return True


def _readdressed(address: str, domain: str) -> str:
    """Spell the domainpart of an address another way."""
    bare, slash, resource = address.partition("/")
    localpart, at, _ = bare.rpartition("@")
    return f"{localpart}{at}{domain}{slash}{resource}"
