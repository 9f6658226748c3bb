"""
A whole server as a configuration says: federation, and a listener for components.

Knows what becomes of each option, at the start and when the configuration changes while the server
runs. Does not know files (:mod:`muxs2s.server.config`) nor signals (:mod:`muxs2s.tap`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.hosts.components import ComponentFactory
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.evidence import PolicyJudge
from muxs2s.network.listening import ListeningPlaces
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Lookup, Resolver
from muxs2s.proof.dialback import DialbackProof
from muxs2s.proof.outcome import Evidence, Outcome
from muxs2s.proof.peers import PeerPolicies
from muxs2s.proof.pkix import PkixProof, TrustAnchors
from muxs2s.server.certificates import ConfiguredCertificates
from muxs2s.server.changes import Changes
from muxs2s.server.config import Configuration
from muxs2s.server.endpoints import ListenEndpoint
from muxs2s.server.option import ANY
from muxs2s.service.s2s import S2SService
from muxs2s.wire.names import DomainName

__all__ = ["FederationServer", "make_resolver"]


class FederationServer(MultiService):
    """
    Serves the domains of a configuration: peers over federation, our side by components.

    Hosts of other kinds attach to :attr:`federation`.

    :param lookup: asks DNS, in place of what the configuration says.
    """

    _log = Logger()

    def __init__(self, reactor: INetworkReactor, configuration: Configuration, *, lookup: Lookup | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted has not typed it
        self.configuration = configuration
        """What is in force, but for the options in :attr:`Changes.waiting`."""

        self._reactor, self._fixed = reactor, configuration.fixed
        self._trust = _Trust(configuration.trust_anchors, self._policies)
        self._certificates = ConfiguredCertificates(CertificateStore())
        self._unused = self._certificates.load(configuration, reactor.seconds()).problems
        self.federation = S2SService(
            reactor,
            configuration.domains,
            certificates=self._certificates.store,
            anchors=configuration.trust_anchors,
            endpoints=[ListenEndpoint(reactor, place) for place in configuration.listen],
            direct_endpoints=[ListenEndpoint(reactor, place) for place in configuration.listen_tls],
            lookup=lookup or make_resolver(reactor, configuration),
            overrides=configuration.overrides,
            bind_address=configuration.bind_address,
            limits=configuration.limits,
            policies=self._policies,
            dialback_secret=configuration.dialback_secret,
            bidi=configuration.bidi,
            hidden=_Hidden(lambda: self.configuration.hidden),
            announces=lambda: self.configuration.announces,
            judge=self._trust,
        )
        self.components = ComponentFactory(
            self.federation,
            self._secret_of,
            reactor,
            configuration.component_limits,
        )
        self._listener = _ComponentListener(
            self.components,
            [ListenEndpoint(reactor, place) for place in configuration.component_listen],
            lambda: bool(self.configuration.component_secrets),
        )
        self._listener.setServiceParent(self)  # type: ignore[no-untyped-call]  # Twisted has not typed it
        self.federation.setServiceParent(self)  # type: ignore[no-untyped-call]  # Twisted has not typed it

    @property
    def unserved(self) -> tuple[DomainName, ...]:
        """The domains that no component may serve."""
        secrets = self.configuration.component_secrets
        return tuple(domain for domain in self.configuration.domains if domain not in secrets)

    def startService(self) -> None:
        """Accept peers and components; warn of domains that peers will refuse."""
        configuration = self.configuration
        self._log.info(
            "serving {domains} domains with {certificates} certificates, peers at {listen}",
            domains=len(configuration.domains),
            certificates=len(self._certificates.store),
            listen=", ".join((*configuration.listen, *(f"{place} (direct TLS)" for place in configuration.listen_tls))),
        )
        self._warn((*map(str, self._unused), *self._complaints()))
        super().startService()  # type: ignore[no-untyped-call]  # Twisted has not typed it

    def stopService(self) -> Deferred[None]:
        """
        Stop what was added last first, each when the one before has stopped.

        So what peers send until their streams are closed, and what federation returns, still finds
        its component.

        :returns: fires when all is done; never fails.
        """
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop_in_turn())

    async def _stop_in_turn(self) -> None:
        for service in reversed(list(self)):
            stopping: Deferred[object] = maybeDeferred(service.stopService)
            await stopping.addErrback(self._not_stopped)

    def _not_stopped(self, failure: Failure) -> None:
        self._log.failure("a part of the server failed to stop", failure)

    def apply(self, configuration: Configuration) -> Changes:
        """
        Put another configuration into force, and log what came of it.

        Certificates are read again where their files changed. Streams and domains that are not
        affected go on. A component whose secret changed stays; the new one counts when it comes
        again.
        """
        before, self.configuration = self.configuration, configuration
        loaded = self._certificates.load(configuration, self._reactor.seconds())
        added, removed = self._change_domains(before, configuration)
        admitted, dismissed = self._change_components(before, configuration)
        has_other_anchors = not _are_same(before.trust_anchors, configuration.trust_anchors)
        if has_other_anchors:
            self._trust.take(configuration.trust_anchors)
        self.federation.overrides = configuration.overrides
        self.federation.end_denied()
        self.federation.announce()
        changes = Changes(
            added=added,
            removed=removed,
            hidden=_difference(configuration.hidden, before.hidden),
            shown=_difference(before.hidden, configuration.hidden),
            announces=None if before.announces is configuration.announces else configuration.announces,
            sharing=_sharing(before.peer_policies, configuration.peer_policies),
            secrets=admitted,
            dismissed=dismissed,
            overrides=before.overrides != configuration.overrides,
            policies=before.peer_policies != configuration.peer_policies,
            trust_anchors=has_other_anchors,
            certificates_read=tuple(credentials.path for credentials in loaded.read),
            certificates_removed=loaded.removed,
            problems=(*map(str, loaded.problems), *self._complaints()),
            waiting=tuple(name for name, value in configuration.fixed.items() if value != self._fixed[name]),
        )
        self._tell(changes)
        return changes

    def _change_domains(
        self, before: Configuration, now: Configuration
    ) -> tuple[tuple[DomainName, ...], tuple[DomainName, ...]]:
        added, removed = _difference(now.domains, before.domains), _difference(before.domains, now.domains)
        for domain in added:
            self.federation.add_domain(domain)
        for domain in removed:
            self.components.dismiss(domain)
            self.federation.remove_domain(domain)
        return added, removed

    def _change_components(
        self, before: Configuration, now: Configuration
    ) -> tuple[tuple[DomainName, ...], tuple[DomainName, ...]]:
        old, new = before.component_secrets, now.component_secrets
        dismissed = _difference(old, new)
        for domain in dismissed:
            self.components.dismiss(domain)
        self._listener.adjust()
        return tuple(domain for domain in new if new[domain] != old.get(domain)), dismissed

    def _policies(self) -> PeerPolicies:
        return self.configuration.peer_policies

    def _secret_of(self, domain: DomainName) -> str | None:
        return self.configuration.component_secrets.get(domain)

    def _complaints(self) -> Iterable[str]:
        return self._certificates.complaints(self.configuration.domains, self._reactor.seconds())

    def _tell(self, changes: Changes) -> None:
        place = self.configuration.place
        self._log.info("{place} read again: {changes}", place=place, changes=str(changes))
        if changes.waiting:
            options = ", ".join(changes.waiting)
            self._log.warn("{place}: restart to apply the changes of {options}", place=place, options=options)
        self._warn(changes.problems)

    def _warn(self, problems: Iterable[str]) -> None:
        for problem in problems:
            self._log.warn("{problem}", problem=problem)


class _Trust:
    """Judges by the trust anchors and policies of the moment."""

    def __init__(self, anchors: TrustAnchors, policies: Callable[[], PeerPolicies]) -> None:
        self._policies = policies
        self.take(anchors)

    def take(self, anchors: TrustAnchors) -> None:
        """Judge by these from now on."""
        self._judge = PolicyJudge((PkixProof(anchors), DialbackProof()), self._policies)

    async def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """As :meth:`muxs2s.network.evidence.Judge.judge`."""
        return await self._judge.judge(domain, evidence, now)


class _Hidden(Container[DomainName]):
    """The domains that are hidden at the moment."""

    def __init__(self, hidden: Callable[[], tuple[DomainName, ...]]) -> None:
        self._hidden = hidden

    def __contains__(self, domain: object) -> bool:
        return domain in self._hidden()


class _ComponentListener(Service):
    """
    Listens for components, as long as there may be any.

    :param wanted: tells whether there may.
    """

    def __init__(
        self, factory: ComponentFactory, endpoints: Sequence[IStreamServerEndpoint], wanted: Callable[[], bool]
    ) -> None:
        self._factory, self._wanted = factory, wanted
        self._places = ListeningPlaces(
            endpoints, "components cannot connect at {endpoint}: {reason}. Remedy: free it, or change components.listen"
        )

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]  # Twisted has not typed it
        self.adjust()

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        ending = [self._places.close(), self._factory.close()]
        return DeferredList(ending, consumeErrors=True).addCallback(lambda _: None)

    def adjust(self) -> None:
        """Begin or cease to listen, as it is wanted now."""
        if not self._wanted():
            self._places.close()
        elif self.running and not self._places.is_open:
            self._places.open(self._factory)


def make_resolver(reactor: INetworkReactor, configuration: Configuration) -> Resolver:
    """Make what asks the DNS servers of a configuration, or else those of the system."""
    if configuration.dns_servers:
        return Resolver(reactor, configuration.dns_servers, limits=configuration.dns_limits)
    return Resolver.from_system(reactor, limits=configuration.dns_limits)


def _difference(these: Iterable[DomainName], without: Iterable[DomainName]) -> tuple[DomainName, ...]:
    left_out = frozenset(without)
    return tuple(name for name in these if name not in left_out)


def _sharing(before: PeerPolicies, now: PeerPolicies) -> tuple[str, ...]:
    """Of which domains it changed whether they may share a stream, as :attr:`Changes.sharing` has them."""
    named = map(DomainName, sorted({*before.domains, *now.domains}))
    changed = [name for name in named if before.of(name).is_multiplexed is not now.of(name).is_multiplexed]
    has_other_default = before.default.is_multiplexed is not now.default.is_multiplexed
    return (*([ANY] if has_other_default else []), *changed)


def _are_same(these: TrustAnchors, those: TrustAnchors) -> bool:
    """Whether two lots of trust anchors are of the same certificates, in whichever order."""
    return frozenset(these.certificates) == frozenset(those.certificates)
