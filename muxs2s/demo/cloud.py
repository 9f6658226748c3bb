"""
One cloud, in a process of its own: domains that federate, and the conversation with the parent.

Knows how a cloud is set up, measured and wound up at the parent's word. Does not know the other cloud,
except by name: DNS tells where it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort, ITransport
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.demo.correspondents import Correspondents
from muxs2s.demo.plan import DemoWay
from muxs2s.demo.usage import current_usage
from muxs2s.demo.words import (
    Begin,
    Failed,
    Finish,
    Finished,
    Listening,
    Measure,
    Prepare,
    Progress,
    Usage,
    Word,
    WordReader,
    WordRefused,
    write_word,
)
from muxs2s.network.certificates import CertificateStore, Credentials
from muxs2s.network.pem import PrivateKey
from muxs2s.network.protocol import StreamProtocol
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Resolver
from muxs2s.proof.peers import PeerPolicies, PeerPolicy
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.service.factory import StreamFactory
from muxs2s.service.s2s import S2SService
from muxs2s.service.status import ServiceStatus
from muxs2s.stream.associations import Direction
from muxs2s.wire.errors import MuxS2SError

__all__ = ["Cloud", "CloudFailed", "Conversation", "proofs_of"]

MAX_BACKLOG: Final = 4_096
"""Connections the kernel may hold until they are accepted; fewer if it is set up so. All come at once."""

PROGRESS_SECONDS: Final = 0.1
"""Between two words on how far it has got."""


class CloudFailed(MuxS2SError):
    """The cloud cannot go on; the message says why, and what would help."""


class Cloud:
    """
    The domains of one cloud, and the service that federates them.

    :param tell: takes what the parent is to hear.
    """

    _log = Logger()

    def __init__(self, reactor: INetworkReactor, prepare: Prepare, tell: Callable[[Word], None]) -> None:
        self._reactor, self._prepare, self._tell = reactor, prepare, tell
        self._port: IListeningPort | None = None
        self._next_word: IDelayedCall | None = None
        names = prepare.plan.names(prepare.cloud)
        is_multiplexed = prepare.plan.way is DemoWay.MULTIPLEX
        policies = PeerPolicies(default=PeerPolicy(is_multiplexed=is_multiplexed))
        self._service = S2SService(
            reactor,
            names,
            certificates=_store(names, prepare),
            anchors=TrustAnchors(x509.load_pem_x509_certificates(prepare.anchors.encode())),
            lookup=Resolver(reactor, [(prepare.dns_address, prepare.dns_port)]),
            policies=lambda: policies,
        )
        self._accepted = _CountingFactory(self._service.factory, self._note)
        self._people = Correspondents(prepare.plan, prepare.cloud, self._service, self._changed)

    def listen(self) -> int:
        """
        Let peers connect.

        :returns: the port, one that was free.
        :raises CloudFailed: if the address cannot be used.
        """
        address = self._prepare.address
        try:
            self._port = self._reactor.listenTCP(0, self._accepted, MAX_BACKLOG, address)
        except CannotListenError as error:
            raise CloudFailed(
                f"cannot listen on {address}: {error.socketError}; is 127.0.0.0/8 on the loopback interface?"
                f" (macOS: ifconfig lo0 alias {address})"
            ) from None
        self._service.startService()
        return cast("IPv4Address", self._port.getHost()).port

    def hear(self, word: Word) -> None:
        """
        Do what the parent says.

        :raises WordRefused: if it is not for a cloud that is prepared.
        """
        match word:
            case Measure():
                self._tell(self._usage())
            case Begin():
                self._people.begin()
            case Finish():
                Deferred.fromCoroutine(self._finish()).addErrback(self._broken)
            case _:
                raise WordRefused(f"{type(word).__name__} is nothing to say to a cloud at work")

    async def _finish(self) -> None:
        status = self._service.status()
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        await self._service.stopService()
        if self._next_word is not None:
            self._next_word.cancel()
            self._next_word = None
        self._tell(self._finished(status))

    def _usage(self) -> Usage:
        streams = self._service.status().streams
        multiplexing = [stream.multiplexing for stream in streams if stream.multiplexing is not None]
        return replace(
            current_usage(),
            presentations=sum(each.presented for each in multiplexing),
            round_trips=sum(each.round_trips for each in multiplexing),
        )

    def _finished(self, status: ServiceStatus) -> Finished:
        ledger, bounces = self._people.ledger, self._people.bounces
        return Finished(
            arrived=ledger.arrived,
            repeated=ledger.repeated,
            disordered=ledger.disordered,
            unasked=ledger.unasked,
            bounced=bounces.count,
            bounces=bounces.examples,
            connections=self._accepted.count,
            proofs=dict(proofs_of(status)),
            tls_versions=dict(Counter(stream.tls.version for stream in status.streams if stream.tls is not None)),
        )

    def _changed(self) -> None:
        """Tell the parent at once when all is settled, else before long."""
        if self._people.is_settled:
            self._tell(self._progress())
        else:
            self._note()

    def _note(self) -> None:
        """Tell the parent before long."""
        if self._next_word is None:
            self._next_word = self._reactor.callLater(PROGRESS_SECONDS, self._tell_progress)

    def _tell_progress(self) -> None:
        self._next_word = None
        self._tell(self._progress())

    def _progress(self) -> Progress:
        people = self._people
        return Progress(arrived=people.ledger.arrived, bounced=people.bounces.count, connections=self._accepted.count)

    def _broken(self, failure: Failure) -> None:
        self._log.failure("a cloud failed to finish", failure)
        self._tell(Failed(reason=f"cloud {self._prepare.cloud} failed to finish: {failure.getErrorMessage()}"))


def proofs_of(status: ServiceStatus) -> Counter[str]:
    """Count streams by what proved the peer's domain: the sender of what it sends us, or the target of ours."""
    proofs: Counter[str] = Counter()
    for stream in status.streams:
        direction = Direction.OUTBOUND if stream.initiated else Direction.INBOUND
        for association in stream.associations:
            domain = association.target if stream.initiated else association.sender
            if association.direction is direction and domain is not None:
                proofs[association.grant.prooftype] += 1
    return proofs


def _store(names: list[str], prepare: Prepare) -> CertificateStore:
    store = CertificateStore()
    for name, (certificate, key) in zip(names, prepare.credentials, strict=True):
        leaf, *chain = x509.load_pem_x509_certificates(certificate.encode())
        private_key = cast("PrivateKey", load_pem_private_key(key.encode(), None))
        store.add(Credentials(leaf=leaf, chain=tuple(chain), private_key=private_key, path=name))
    return store


class _CountingFactory(ServerFactory):
    """Counts the connections that are accepted, and says so each time."""

    noisy = False

    def __init__(self, inner: StreamFactory, changed: Callable[[], None]) -> None:
        self.count = 0
        self._inner, self._changed = inner, changed

    def buildProtocol(self, addr: IAddress | None) -> StreamProtocol | None:
        protocol = self._inner.buildProtocol(addr)
        if protocol is not None:
            self.count += 1
            self._changed()
        return protocol


class Conversation(Protocol):
    """
    A cloud's end of the pipes to the parent.

    :ivar ended: fires when the parent has closed its end, or is gone.
    """

    _log = Logger()

    def __init__(self, reactor: INetworkReactor) -> None:
        self.ended: Deferred[None] = Deferred()
        self._reactor = reactor
        self._reader = WordReader()
        self._cloud: Cloud | None = None

    def dataReceived(self, data: bytes) -> None:
        """Do what the parent says; what cannot be done is answered with :class:`~muxs2s.demo.words.Failed`."""
        try:
            for word in self._reader.feed(data):
                self._hear(word)
        except MuxS2SError as error:
            self._tell(Failed(reason=str(error)))
        except Exception as error:  # noqa: BLE001 - the parent must hear of it, whatever it is
            self._log.failure("a cloud failed")
            self._tell(Failed(reason=f"{type(error).__name__}: {error}"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The parent wants no more."""
        ended, self.ended = self.ended, Deferred()
        ended.callback(None)

    def _hear(self, word: Word) -> None:
        if isinstance(word, Prepare):
            self._cloud = Cloud(self._reactor, word, self._tell)
            self._tell(Listening(port=self._cloud.listen()))
        elif self._cloud is not None:
            self._cloud.hear(word)
        else:
            raise WordRefused("a cloud has to be prepared first")

    def _tell(self, word: Word) -> None:
        cast("ITransport", self.transport).write(write_word(word))
