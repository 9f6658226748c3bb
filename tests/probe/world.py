"""A network in memory with a name server, an authority that everybody trusts, and servers to be called."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.protocols.tls import TLSMemoryBIOProtocol

from muxs2s.network.certificates import CertificateStore
from muxs2s.network.tls import ServerTLS, TLSContexts
from muxs2s.probe import Caller, Report, Way, probe
from muxs2s.server.federation import FederationServer
from muxs2s.testing import IssuedCredentials, MemoryNetwork, MemoryResolver, Zone
from muxs2s.wire.names import DomainName, DomainPair
from tests.server.configured import AUTHORITY, ConfiguredTestCase

__all__ = [
    "AUTH_FAILED",
    "DOMAIN",
    "EXTERNAL",
    "HEADER",
    "PEER",
    "STARTTLS",
    "SUCCESS",
    "ProbeCase",
    "Turn",
    "features",
    "header",
    "stream_error",
]

OURS: Final = DomainName.parse("a.example")
DOMAIN: Final = DomainName.parse("b.example")
PEER: Final = "192.0.2.2"


class Turn(Enum):
    """What a server of a script does instead of saying something."""

    TLS = auto()
    """Begins the handshake, after ``<proceed/>`` where something was said before."""

    NOTHING = auto()
    HANG_UP = auto()


def header(domain: str = DOMAIN) -> str:
    """The header with which a server answers."""
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
        f"id='1' from='{domain}' to='{OURS}' version='1.0'>"
    )


def features(*offers: str) -> str:
    """What a server offers."""
    return f"<stream:features>{''.join(offers)}</stream:features>"


def stream_error(condition: str, more: str = "") -> str:
    """How a server ends a stream."""
    namespace = "urn:ietf:params:xml:ns:xmpp-streams"
    return f"<stream:error><{condition} xmlns='{namespace}'>{more}</{condition}></stream:error></stream:stream>"


HEADER: Final = header()
STARTTLS: Final = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
EXTERNAL: Final = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>"
SUCCESS: Final = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
AUTH_FAILED: Final = (
    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/><text>who are you?</text></failure>"
)
_PROCEED: Final = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

Script = Sequence[str | Turn]


class _ScriptedServer(Protocol):
    """Answers whatever it is sent with what its script has next."""

    def __init__(self, script: Script, tls: ServerTLS) -> None:
        self._left, self._tls = list(script), tls

    def connectionMade(self) -> None:
        """On direct TLS nothing is said before."""
        if self._left and self._left[0] is Turn.TLS:
            self._left.pop(0)
            cast(Any, self.transport).startTLS(self._tls)

    def dataReceived(self, data: bytes) -> None:
        """Take the next turn; hang up when the stream is closed."""
        transport = cast(Any, self.transport)
        if b"</stream:stream>" in data:
            self._left = [Turn.HANG_UP]
        turn = self._left.pop(0) if self._left else Turn.NOTHING
        if turn is Turn.TLS:
            transport.write(_PROCEED.encode())
            transport.startTLS(self._tls)
        elif turn is Turn.HANG_UP:
            transport.loseConnection()
        elif isinstance(turn, str) and transport.TLS:
            # At once, not in the next turn of the global reactor.
            TLSMemoryBIOProtocol.write(transport.getHandle().layer(), turn.encode())
        elif isinstance(turn, str):
            transport.write(turn.encode())


class _ScriptedFactory(ServerFactory):
    def __init__(self, script: Script, tls: ServerTLS) -> None:
        self._script, self._tls = script, tls

    def buildProtocol(self, addr: IAddress | None) -> _ScriptedServer:
        return _ScriptedServer(self._script, self._tls)


class ProbeCase(ConfiguredTestCase):
    """We are ``a.example`` with a good certificate; DNS leads to ``b.example`` at one address."""

    def setUp(self) -> None:
        super().setUp()
        self.network, self.zone = MemoryNetwork(), Zone()
        self.zone.add_srv(DOMAIN, "peer.example", 5269)
        self.zone.add("peer.example", "A", PEER)
        self.ours = AUTHORITY.issue(OURS)
        self.theirs: IssuedCredentials = AUTHORITY.issue(DOMAIN)

    # Who is called.

    def run_server(self, **options: object) -> FederationServer:
        """Let a server of ours be the peer."""
        self.theirs.write(self.directory / "theirs" / DOMAIN)
        configuration = self.made(
            **{
                "domains": [DOMAIN],
                "listen": [f"{PEER}:5269"],
                "certificates": {"directories": [str(self.directory / "theirs")]},
                **options,
            }
        )
        server = FederationServer(self.network, configuration, lookup=self.lookup)
        server.startService()
        return server

    def run_script(self, *script: str | Turn, port: int = 5269) -> None:
        """Let a server of a script be the peer."""
        store = CertificateStore()
        store.add(self.theirs)
        factory = _ScriptedFactory(script, ServerTLS(TLSContexts(store, self.network), None))
        self.network.listenTCP(port, factory, interface=PEER)

    # Who calls.

    @property
    def lookup(self) -> MemoryResolver:
        """Asks the name server."""
        return MemoryResolver(self.zone, self.network)

    def caller(self, **options: object) -> Caller:
        """With a configuration."""
        self.ours.write(self.directory / "ours" / OURS)
        certificates = {"directories": [str(self.directory / "ours")]}
        configuration = self.made(**{"certificates": certificates, **options})
        return Caller.configured(self.network, configuration, DomainPair(OURS, DOMAIN), lookup=self.lookup)

    def stranger(self) -> Caller:
        """Without one."""
        return Caller.unconfigured(self.network, DomainPair(OURS, DOMAIN), lookup=self.lookup)

    def report(self, caller: Caller | None = None, *, seconds: float = 0.0, **options: object) -> Report:
        """
        Probe, with a configuration of these options unless somebody else calls.

        :param seconds: how long it may take.
        """
        probing = Deferred.fromCoroutine(probe(self.network, caller or self.caller(**options)))
        self.network.advance(seconds)
        return self.successResultOf(probing)

    def way(self, caller: Caller | None = None, *, seconds: float = 0.0, **options: object) -> Way:
        """The only way there is."""
        [way] = self.report(caller, seconds=seconds, **options).ways
        return way

    def assert_blamed(self, report: Report | Way, culprit: str, *texts: str) -> None:
        """The culprit is this one, and what is told of it and the remedy have all of these in them."""
        verdict = report.verdict
        self.assertEqual(culprit, None if verdict.culprit is None else verdict.culprit.value)
        self.assertTrue(verdict.remedy)
        for text in texts:
            self.assertIn(text, f"{verdict.text} | {verdict.remedy}")
