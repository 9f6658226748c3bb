"""
The running server: federation for the domains we host.

Knows how the rooms below make one service, and its life: start, stop, domains that come and go,
certificates that change. What hangs on it attaches through :class:`muxs2s.hosts.seam.Federation`. Does not know what
a change comes to on streams that are there: see :mod:`muxs2s.service.upkeep`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IStreamServerEndpoint

from muxs2s.hosts.seam import Host
from muxs2s.hosts.wokkel import Router, RouterHost
from muxs2s.network.accepting import AcceptLimits
from muxs2s.network.certificates import CertificateStore, Reload
from muxs2s.network.connecting import ConnectLimits, Connector
from muxs2s.network.evidence import Judge, PolicyJudge
from muxs2s.network.listening import ListeningPlaces
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Lookup, Resolver
from muxs2s.network.targets import Overrides
from muxs2s.network.tls import TLSContexts
from muxs2s.proof.dialback import DialbackKeys, DialbackProof, DialbackSecret
from muxs2s.proof.peers import PeerPolicies
from muxs2s.proof.pkix import PkixProof, TrustAnchors
from muxs2s.service.backoff import Backoff, BackoffLimits, Backoffs
from muxs2s.service.factory import StreamFactory
from muxs2s.service.links import new_link
from muxs2s.service.linkseams import Link, LinkSeams
from muxs2s.service.outgoing import OutgoingSeams
from muxs2s.service.presenting import PresentationLimits
from muxs2s.service.queues import Carrier, PairQueue, QueueBudget, QueueLimits
from muxs2s.service.routing import Routing
from muxs2s.service.status import QueueStatus, ServiceStatus, stream_status
from muxs2s.service.streams import Streams, StreamSeams
from muxs2s.service.upkeep import Upkeep, announce
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.side import OwnSide
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

__all__ = ["S2SService", "ServiceLimits"]


RANDOM_SECRET_BYTES: Final = 32
"""Of the dialback secret that is made where none is given."""

_COMPLAINT: Final = "peers cannot connect at {endpoint}: {reason}. Remedy: free it, or listen elsewhere"

_chance: Final = SystemRandom().random


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """Every limit and time-out of the service."""

    accept: AcceptLimits = field(default_factory=AcceptLimits)
    stream: StreamLimits = field(default_factory=StreamLimits)
    queue: QueueLimits = field(default_factory=QueueLimits)
    connect: ConnectLimits = field(default_factory=ConnectLimits)
    backoff: BackoffLimits = field(default_factory=BackoffLimits)
    presentation: PresentationLimits = field(default_factory=PresentationLimits)


class S2SService(Service):
    """
    Federates the domains of ours with the rest of the network.

    It is a :class:`~muxs2s.hosts.seam.Federation`: hosts attach to it. Peers are accepted on the
    endpoints it is given, or wherever :attr:`factory` is made to listen.

    :param domains: ours, in any spelling.
    :param certificates: of our domains.
    :param anchors: the certificate authorities whose word counts.
    :param endpoints: where to accept peers, from ``startService`` to ``stopService``.
    :param direct_endpoints: the same for peers that begin with TLS (XEP-0368).
    :param lookup: asks DNS; by default the name servers of the system.
    :param overrides: where peers are, for those the operator knows better about than DNS.
    :param bind_address: the IP address to connect from.
    :param policies: gives the policies of the moment; see :meth:`end_denied`.
    :param dialback_secret: what our dialback keys are made from, the same on all nodes that serve a domain;
        by default a random one.
    :param bidi: whether stanzas may go in both directions of one stream, where the peer wants that, too.
    :param multiplex: whether many domains may share one stream, each proven by its own certificate.
    :param hidden: domains of ours that no peer is shown that asks for them; a live view, if it may change.
    :param announces: whether all the others are proven at once to every peer with which domains share a stream.
    :param judge: decides what proves a peer's domain; by default PKIX and dialback, where the policies let them.
    :raises NameRefused: if a domain is no domain name.
    """

    name = "muxs2s"

    def __init__(
        self,
        reactor: INetworkReactor,
        domains: Iterable[str],
        *,
        certificates: CertificateStore,
        anchors: TrustAnchors,
        endpoints: Sequence[IStreamServerEndpoint] = (),
        direct_endpoints: Sequence[IStreamServerEndpoint] = (),
        lookup: Lookup | None = None,
        overrides: Overrides | None = None,
        bind_address: str | None = None,
        limits: ServiceLimits | None = None,
        policies: Callable[[], PeerPolicies] = PeerPolicies,
        dialback_secret: DialbackSecret | None = None,
        bidi: bool = True,
        multiplex: bool = True,
        hidden: Container[DomainName] = (),
        announces: Callable[[], bool] = lambda: False,
        judge: Judge | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        chance: Callable[[], float] = _chance,
    ) -> None:
        limits = limits or ServiceLimits()
        self.certificates = certificates
        self._hidden, self._announces = hidden, announces
        self._reactor = reactor
        self._backoffs = Backoffs(lambda: Backoff(limits=limits.backoff, chance=chance))
        self._places = ListeningPlaces(endpoints, _COMPLAINT)
        self._direct_places = ListeningPlaces(direct_endpoints, _COMPLAINT)
        self._routers: list[RouterHost] = []
        self._routing = Routing(
            map(DomainName.parse, domains),
            QueueBudget(limits.queue),
            OutgoingSeams(clock=reactor, find=self._find, link=self._new_link),
            policies,
        )
        self._streams = Streams(
            StreamSeams(
                clock=reactor,
                connector=Connector(
                    reactor,
                    lookup or Resolver.from_system(reactor),
                    overrides=overrides,
                    bind_address=bind_address,
                    limits=limits.connect,
                ),
                contexts=TLSContexts(certificates, reactor),
                judge=judge or PolicyJudge((PkixProof(anchors), DialbackProof()), policies),
                side=OwnSide(
                    hosted=self._routing.hosted,
                    keys=DialbackKeys(dialback_secret or DialbackSecret(entropy(RANDOM_SECRET_BYTES))),
                    policies=policies,
                    limits=limits.stream,
                    is_bidi=bidi,
                    multiplex=multiplex,
                    hidden=hidden,
                    certificate_of=certificates.for_domain,
                ),
                accept=limits.accept,
                presentation=limits.presentation,
                entropy=entropy,
                deliver=self._routing.deliver,
                reached=self._reached,
                shared=self._shared,
                server_reached=self._server_reached,
            )
        )
        self._upkeep = Upkeep(reactor, self._streams, self._streams.seams.side)
        self._seams = LinkSeams(
            clock=reactor,
            dial=self._streams.dial,
            opened=self._routing.outgoing.opened,
            forget=self._routing.outgoing.forget,
            chance=chance,
        )

    # Federation.

    @property
    def hosted(self) -> AbstractSet[DomainName]:
        """The domains that are ours; a live view."""
        return self._routing.hosted

    def attach(self, domain: DomainName, host: Host) -> None:
        """See :meth:`muxs2s.hosts.seam.Federation.attach`."""
        self._routing.attach(domain, host)

    def detach(self, domain: DomainName, host: Host) -> None:
        """See :meth:`muxs2s.hosts.seam.Federation.detach`."""
        self._routing.detach(domain, host)

    def send(self, stanzas: Sequence[Slice]) -> None:
        """See :meth:`muxs2s.hosts.seam.Federation.send`."""
        self._routing.send(stanzas)

    def attach_router(self, router: Router, *domains: str) -> RouterHost:
        """
        Let a wokkel Router serve domains of ours, for as long as this service runs.

        This is what :class:`wokkel.server.ServerService` did in its constructor.

        :param domains: ours; all of them if none is named.
        :returns: the host: its ``domains`` may change later.
        :raises LocalMisuse: if a domain is not ours, or is served by another host.
        """
        host = RouterHost(router, self, domains or sorted(self.hosted))
        self._routers.append(host)
        if self.running:
            host.start()
        return host

    # Life.

    @property
    def factory(self) -> StreamFactory:
        """Makes the protocols of accepted connections, for any endpoint."""
        return self._streams.accepting()

    @property
    def direct_factory(self) -> StreamFactory:
        """The same for connections that begin with TLS; the endpoint itself must not do TLS."""
        return self._streams.accepting(direct_tls=True)

    def startService(self) -> None:
        """Accept peers on every endpoint; one that cannot be used is logged and the others serve."""
        super().startService()  # type: ignore[no-untyped-call]  # Twisted has not typed it
        self._routing.start()
        self._streams.start()
        for host in self._routers:
            host.stop()  # it may run still, for streams of before that are closing
            host.start()
        self._places.open(self.factory)
        self._direct_places.open(self.direct_factory)

    def stopService(self) -> Deferred[None]:
        """
        Stop accepting, bounce what waits, close every stream.

        Hosts hear from peers until their streams are closed.

        :returns: fires when all that is done; never fails.
        """
        Service.stopService(self)
        self._upkeep.stop()
        self._routing.stop()
        ending = [self._places.close(), self._direct_places.close(), self._streams.stop()]
        return DeferredList(ending).addCallback(self._stopped)

    def add_domain(self, domain: str) -> None:
        """
        Host one more domain from now on; a peer that has proven it may use it no longer.

        :raises NameRefused: if it is no domain name.
        """
        name = DomainName.parse(domain)
        self._upkeep.take_over(name)
        self._routing.add(name)
        if self._announces() and name not in self._hidden:
            self._upkeep.announce([name])

    def remove_domain(self, domain: str) -> None:
        """
        Host a domain no longer: what waits from it is bounced, streams for it are closed, and it is taken off others.

        :raises NameRefused: if it is no domain name.
        """
        name = DomainName.parse(domain)
        self._routing.remove(name)
        self._upkeep.give_up(name)

    @property
    def overrides(self) -> Overrides:
        """Where peers are, for those the operator knows better about than DNS; may be replaced at any time."""
        return self._streams.seams.connector.overrides

    @overrides.setter
    def overrides(self, overrides: Overrides) -> None:
        """Replace them; attempts that are under way go on as they were."""
        self._streams.seams.connector.overrides = overrides
        self._streams.look_anew()
        self.end_rests()

    def end_rests(self) -> None:
        """Try every peer at once that was to be tried later: what kept us apart may have been mended."""
        self._backoffs.clear()
        self._routing.outgoing.reached_all()

    def end_denied(self) -> None:
        """
        The policies have changed: send back what waits for peers they deny, and end what such peers have.

        Streams opened with a domain that is denied are closed; one that others share goes on without it.
        """
        self._routing.end_denied()
        self._upkeep.end_denied()

    def announce(self) -> None:
        """Prove to peers what is to be announced by now and was not before."""
        self._upkeep.announce(self._announced())

    def reload_certificates(self) -> Reload:
        """
        Read changed certificates again; what cannot be read stays as it was.

        New streams show them, and so do those that many domains share.
        """
        reload = self.certificates.reload(self._reactor.seconds())
        self._upkeep.renew()
        self.end_rests()
        return reload

    def status(self) -> ServiceStatus:
        """What is going on now."""
        return ServiceStatus(
            domains=tuple(sorted(self.hosted)),
            streams=tuple(stream_status(connection) for connection in self._streams),
            queues=tuple(QueueStatus(pair=queue.pair, stanzas=len(queue)) for queue in self._routing.outgoing if queue),
            ways=self._streams.choices(),
        )

    def _find(self, pair: DomainPair) -> Carrier | None:
        return self._streams.find(pair)

    def _new_link(self, queue: PairQueue) -> Link:
        return new_link(queue, self._seams, self._backoffs.of(queue.pair))

    def _shared(self, connection: StreamProtocol) -> None:
        """Domains share a stream from now on."""
        announce(connection, self._announced())
        if self.running:
            self._upkeep.renew_from_now_on()

    def _announced(self) -> AbstractSet[DomainName]:
        """The domains that are proven to peers without being asked for."""
        return {name for name in self.hosted if name not in self._hidden} if self._announces() else frozenset()

    def _reached(self, pair: DomainPair) -> None:
        self._backoffs.reset(pair)
        self._routing.outgoing.reached(pair)

    def _server_reached(self, targets: AbstractSet[DomainName]) -> None:
        """The server of these domains is there: whatever has failed with it may be tried again."""
        for whom in self._backoffs.failing():
            if isinstance(whom, DomainPair) and whom.target in targets:
                self._reached(whom)

    def _stopped(self, _ended: object) -> None:
        if not self.running:
            for host in self._routers:
                host.stop()
