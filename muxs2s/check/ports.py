"""
Where the server will listen: free, taken by the running service, or taken by something else.

Knows how to find out without leaving anything behind: it listens for an instant and turns away whoever
comes. Where somebody else listens, see :mod:`muxs2s.check.answering`.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple, cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, UNIXClientEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorUNIX, IStreamClientEndpoint
from twisted.internet.protocol import Factory

from muxs2s.check.answering import ANSWER_SECONDS, NotAnswered, answers_components, certificate_at
from muxs2s.check.finding import Area, Finding, Grade, day
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.reactors import INetworkReactor
from muxs2s.proof.identity import names_in
from muxs2s.server.config import Configuration
from muxs2s.server.endpoints import ListenEndpoint, read_address
from muxs2s.wire.names import DomainName

__all__ = ["check_ports", "port_of"]

_LOOPBACK: Final[Mapping[str, str]] = MappingProxyType({"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"})  # noqa: S104 - where others listen
"""Where a server is reached that listens at every address."""

_REMEDIES: Final[Mapping[int | None, str]] = MappingProxyType(
    {
        errno.EACCES: "take a port above 1023, or let the service have it: AmbientCapabilities=CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: "name an address of this host",
    }
)

_finding = partial(Finding, area=Area.PORTS)


def port_of(place: str) -> int | None:
    """The TCP port of a place to listen; ``None`` if it has none, or does not say so plainly."""
    address = read_address(place)
    if address is not None:
        return address.port
    kind, _, rest = place.partition(":")
    number = rest.partition(":")[0].removeprefix("port=")
    return int(number) if kind in {"tcp", "tcp6", "ssl"} and number.isascii() and number.isdigit() else None


async def check_ports(
    reactor: INetworkReactor, configuration: Configuration, store: CertificateStore
) -> AsyncIterator[Finding]:
    """Look at each place where peers, and where components are to be accepted."""
    for option, places in (("listen", configuration.listen), ("listen_tls", configuration.listen_tls)):
        peers = _Peers(reactor, configuration.domains[0], store, direct_tls=option == "listen_tls")
        for place in places:
            yield await _Place(reactor, option, place).look(peers)
    if configuration.component_secrets:
        components = _Components(reactor, next(iter(configuration.component_secrets)))
        for place in configuration.component_listen:
            yield await _Place(reactor, "components.listen", place).look(components)


class _Place:
    """One place to listen, as the configuration has it."""

    def __init__(self, reactor: INetworkReactor, option: str, place: str) -> None:
        self._reactor, self._option, self._place = reactor, option, place

    async def look(self, expected: _Peers | _Components) -> Finding:
        """Listen there for an instant; where that fails, find out who does."""
        try:
            port = await ListenEndpoint(self._reactor, self._place).listen(_TurnAway())
        except CannotListenError as error:
            return await self._refused(error, expected)
        except Exception as error:  # noqa: BLE001 - endpoints of others fail in ways of their own
            return self._finding(Grade.ERROR, f"nothing can listen there: {error}", self._other(taken=False))
        await maybeDeferred(port.stopListening)
        return self._finding(Grade.OK, "free")

    async def _refused(self, error: CannotListenError, expected: _Peers | _Components) -> Finding:
        number = getattr(error.socketError, "errno", None)
        taken = number == errno.EADDRINUSE or isinstance(error.socketError, str)  # the lock of a Unix socket
        there = self._endpoint() if taken else None
        if there is not None:
            met = await expected.meet(there)
            return self._finding(met.grade, met.text, met.remedy or self._other(taken=True))
        remedy = _REMEDIES.get(number) or self._other(taken=taken)
        return self._finding(Grade.ERROR, str(error).rstrip("."), remedy)

    def _other(self, *, taken: bool) -> str:
        shows = "stop what is there (ss -ltnpx shows it), or change" if taken else "change"
        return f"{shows} {self._option}"

    def _finding(self, grade: Grade, text: str, remedy: str = "") -> Finding:
        return _finding(
            about=f"{self._option} {self._place}",
            grade=grade,
            text=text,
            remedy="" if grade is Grade.OK else remedy,
            details={"option": self._option, "place": self._place},
        )

    def _endpoint(self) -> IStreamClientEndpoint | None:
        """Whatever leads to who listens here; ``None`` if the place does not say so plainly."""
        address = read_address(self._place)
        if address is not None:
            host = _LOOPBACK.get(address.interface, address.interface)
            kind = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
            made: object = kind(self._reactor, host, address.port, timeout=ANSWER_SECONDS)
        elif self._place.startswith("unix:"):
            path = self._place.split(":")[1].removeprefix("address=")
            made = UNIXClientEndpoint(cast(IReactorUNIX, self._reactor), path, timeout=ANSWER_SECONDS)
        else:
            return None
        return cast(IStreamClientEndpoint, made)


class _TurnAway(Factory):
    """Takes no connection."""

    noisy = False

    def buildProtocol(self, addr: object) -> None:
        """Make none."""


class _Met(NamedTuple):
    """Who listens where we are to listen."""

    grade: Grade
    text: str
    remedy: str = ""
    """Empty for what helps anywhere: to have another place, or to stop whoever is there."""


class _Peers:
    """Expects our own server, which shows our own certificate."""

    def __init__(
        self, reactor: INetworkReactor, domain: DomainName, store: CertificateStore, *, direct_tls: bool
    ) -> None:
        self._reactor, self._domain, self._store, self._direct_tls = reactor, domain, store, direct_tls

    async def meet(self, there: IStreamClientEndpoint) -> _Met:
        """Call, and compare the certificate that is shown with ours."""
        try:
            shown = await certificate_at(there, self._domain, self._reactor, direct_tls=self._direct_tls)
        except NotAnswered as failed:
            return _Met(Grade.ERROR, f"taken: {failed}")
        ours = self._store.for_domain(self._domain, self._reactor.seconds())
        if shown is not None and ours is not None and shown == ours.leaf:
            return _Met(Grade.OK, "the running service is there, and shows our certificate")
        if shown is None or not names_in(shown).covers(self._domain):
            names = "none" if shown is None else f"one for {names_in(shown)}"
            return _Met(Grade.ERROR, f"taken by another server: of certificates for {self._domain} it shows {names}")
        ends = day(shown.not_valid_after_utc.timestamp())
        text = f"the server there shows another certificate for {self._domain} than the file holds; it ends on {ends}"
        return _Met(Grade.WARNING, text, "reload it, if it is this service: systemctl reload muxs2s")


class _Components:
    """Expects a listener for components."""

    def __init__(self, reactor: INetworkReactor, domain: DomainName) -> None:
        self._reactor, self._domain = reactor, domain

    async def meet(self, there: IStreamClientEndpoint) -> _Met:
        """Call as a component would."""
        try:
            await answers_components(there, self._domain, self._reactor)
        except NotAnswered as failed:
            return _Met(Grade.ERROR, f"taken: {failed}")
        return _Met(Grade.OK, "components are accepted there already, by the running service most likely")
