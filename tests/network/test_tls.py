"""Tests of :mod:`muxs2s.network.tls`."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ec import SECP521R1
from cryptography.x509 import Certificate, InvalidVersion
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator, IProtocol
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator as IServerCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, capturedLogs
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from muxs2s.network.certificates import CertificateProblem, CertificateStore, Credentials
from muxs2s.network.tls import (
    MAX_CONTEXTS,
    ClientTLS,
    ServerTLS,
    TLSContexts,
    TLSDescription,
    peer_chain,
    tls_description,
)
from muxs2s.proof import MAX_CHAIN_CERTIFICATES
from muxs2s.testing import CLIENT, SERVER, CertificateAuthority
from muxs2s.wire.names import DomainName
from tests.garbage import leave_out_what_is_there

NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
DAY = 86_400.0
AUTHORITY = CertificateAuthority(now=NOW)
BELOW = AUTHORITY.intermediate()

ONE = DomainName.parse("one.example")
TWO = DomainName.parse("two.example")
ABSENT = DomainName.parse("absent.example")


def contexts_with(*credentials: Credentials, max_contexts: int = MAX_CONTEXTS) -> TLSContexts:
    """The contexts of a server that has these certificates."""
    store = CertificateStore()
    for one in credentials:
        store.add(one)
    clock = Clock()
    clock.advance(NOW)
    return TLSContexts(store, clock, max_contexts=max_contexts)


def protocol() -> TLSMemoryBIOProtocol:
    """What Twisted hands to a connection creator, which ours do not look at."""
    return TLSMemoryBIOProtocol(Factory(), Protocol())


def server_end(contexts: TLSContexts, domain: DomainName | None = None) -> SSL.Connection:
    """The receiving server's end of a connection."""
    connection = ServerTLS(contexts, domain).serverConnectionForTLS(protocol())
    connection.set_accept_state()
    return connection


def client_end(
    contexts: TLSContexts, own: DomainName | None = None, peer: DomainName = ONE, *, alpn: bool = False
) -> SSL.Connection:
    """The initiating server's end of a connection."""
    connection = ClientTLS(contexts, own, peer, alpn=alpn).clientConnectionForTLS(protocol())
    connection.set_connect_state()
    return connection


def step(one: SSL.Connection, other: SSL.Connection) -> bool:
    """Let one end do what it can and carry its bytes over; whether it needs more."""
    try:
        one.do_handshake()
        waiting = False
    except SSL.WantReadError:
        waiting = True
    try:
        while True:
            other.bio_write(one.bio_read(65_536))
    except SSL.WantReadError:
        return waiting


def shake(client: SSL.Connection, server: SSL.Connection) -> None:
    """Carry bytes between two ends until both are done."""
    for _ in range(10):
        waiting = [step(client, server), step(server, client)]
        if not any(waiting):
            return
    raise AssertionError("the handshake does not end")


def plain_client(shape: Callable[[SSL.Context], object]) -> SSL.Connection:
    """A client that is not ours."""
    context = SSL.Context(SSL.TLS_METHOD)
    shape(context)
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    return connection


ISSUED = BELOW.issue("one.example")
SECOND = AUTHORITY.issue("two.example")
BOTH = contexts_with(ISSUED, SECOND)


class PeerChainTests(SynchronousTestCase):
    """What the peer showed."""

    def test_pitfall_16_peer_chain_holds_the_leaf_on_both_sides(self) -> None:
        """T4: the peer's own certificate comes first, then its issuers, on either side of a connection."""
        client, server = client_end(BOTH, TWO), server_end(BOTH, ONE)
        shake(client, server)
        self.assertEqual(peer_chain(client), (ISSUED.leaf, *ISSUED.chain))
        self.assertEqual(peer_chain(server), (SECOND.leaf,))
        client, server = client_end(BOTH, ONE, TWO), server_end(BOTH, TWO)
        shake(client, server)
        self.assertEqual(peer_chain(client), (SECOND.leaf,))
        self.assertEqual(peer_chain(server), (ISSUED.leaf, *ISSUED.chain))

    def test_no_root_is_added(self) -> None:
        """The chain sent is the one configured, not one made up by the library from its own store."""
        client, server = client_end(BOTH), server_end(BOTH, ONE)
        shake(client, server)
        self.assertNotIn(AUTHORITY.certificate, peer_chain(client))

    def test_no_client_certificate(self) -> None:
        """T4: an initiating server without a certificate is not turned away; it showed nothing."""
        client, server = client_end(BOTH, None), server_end(BOTH, ONE)
        shake(client, server)
        self.assertEqual(peer_chain(server), ())

    def test_certificate_of_the_own_domain_or_none(self) -> None:
        """T4: a domain without a certificate does not show that of another domain."""
        client, server = client_end(BOTH, ABSENT), server_end(BOTH, ONE)
        shake(client, server)
        self.assertEqual(peer_chain(server), ())

    def test_before_the_handshake(self) -> None:
        """Before the handshake there is no chain."""
        self.assertEqual(peer_chain(client_end(BOTH)), ())

    def test_long_chain(self) -> None:
        """Of a chain that is too long one certificate more than allowed is given, so that it can be refused."""
        for extra, length in ((9, 10), (10, 11), (30, 11)):
            long = Credentials(
                leaf=ISSUED.leaf,
                chain=tuple(CertificateAuthority(f"number {number}").certificate for number in range(extra)),
                private_key=ISSUED.private_key,
                path="long",
            )
            contexts = contexts_with(long)
            client, server = client_end(contexts, ONE), server_end(contexts, ONE)
            shake(client, server)
            self.assertEqual([len(peer_chain(client)), len(peer_chain(server))], [length, length])
        self.assertEqual(MAX_CHAIN_CERTIFICATES, 10)

    def test_unreadable_certificates(self) -> None:
        """A certificate that cannot be read is left out; if it is the peer's own, nothing is left."""
        leaf = X509.from_cryptography(ISSUED.leaf)
        for error in (ValueError("malformed"), InvalidVersion("version 4", 3)):
            odd = _Unreadable(error)
            for shown, expected in ((_Shown(leaf, [leaf, odd]), (ISSUED.leaf,)), (_Shown(odd, [leaf]), ())):
                self.assertEqual(peer_chain(cast("SSL.Connection", shown)), expected)


class _Unreadable:
    """A certificate that OpenSSL takes and cryptography does not."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def to_cryptography(self) -> Certificate:
        raise self._error


class _Shown:
    """A connection whose peer showed certificates that OpenSSL takes."""

    def __init__(self, leaf: X509 | _Unreadable, chain: list[X509 | _Unreadable]) -> None:
        self.get_peer_certificate = lambda: leaf
        self.get_peer_cert_chain = lambda: chain


class NeverAbortTests(SynchronousTestCase):
    """A handshake does not fail for a certificate: that is judged afterwards."""

    def shown(self, credentials: Credentials, own: DomainName = ONE) -> None:
        """Both ends show this certificate and see it."""
        contexts = contexts_with(credentials)
        client, server = client_end(contexts, own), server_end(contexts, own)
        shake(client, server)
        self.assertEqual(peer_chain(client)[0], credentials.leaf)
        self.assertEqual(peer_chain(server)[0], credentials.leaf)

    def test_unknown_authority(self) -> None:
        """T4: an authority nobody knows."""
        self.shown(CertificateAuthority("nobody knows it").issue("one.example"))

    def test_expired(self) -> None:
        """T4: an expired certificate."""
        self.shown(AUTHORITY.issue("one.example", not_after=NOW - DAY))

    def test_wrong_purpose(self) -> None:
        """T4: a certificate for the wrong role, as OpenSSL sees it."""
        self.shown(AUTHORITY.issue("one.example", eku=(SERVER,)))
        self.shown(AUTHORITY.issue("one.example", eku=(CLIENT,)))

    def test_wrong_name(self) -> None:
        """T4: a certificate for another domain than the one asked for."""
        contexts = contexts_with(SECOND)
        client, server = client_end(contexts, None, ONE), server_end(contexts, ONE)
        shake(client, server)
        self.assertEqual(peer_chain(client), (SECOND.leaf,))


class ChoiceTests(SynchronousTestCase):
    """Which certificate the receiving server shows."""

    def seen(self, contexts: TLSContexts, domain: DomainName | None, server_name: DomainName) -> Certificate:
        """What an initiating server sees."""
        client, server = client_end(contexts, None, server_name), server_end(contexts, domain)
        shake(client, server)
        return peer_chain(client)[0]

    def test_by_stream_header(self) -> None:
        """T4: after STARTTLS the stream header has named the domain, and the server name changes nothing."""
        self.assertEqual(self.seen(BOTH, TWO, TWO), SECOND.leaf)
        self.assertEqual(self.seen(BOTH, TWO, ONE), SECOND.leaf)

    def test_by_server_name(self) -> None:
        """T4, T5: where no domain is known yet the server name decides."""
        self.assertEqual(self.seen(BOTH, None, TWO), SECOND.leaf)
        self.assertEqual(self.seen(BOTH, None, ONE), ISSUED.leaf)

    def test_by_server_name_for_a_domain_without_certificate(self) -> None:
        """T4: where no certificate names the domain of the stream header the server name may help."""
        self.assertEqual(self.seen(BOTH, ABSENT, TWO), SECOND.leaf)

    def test_unknown_server_name(self) -> None:
        """T5: an unknown server name gets the default certificate, not an alert."""
        self.assertEqual(self.seen(BOTH, None, ABSENT), ISSUED.leaf)

    def seen_by_plain_client(self, server_name: bytes | None) -> SSL.Connection:
        """A client of another make that sends this server name, after the handshake."""
        client = plain_client(lambda _: None)
        if server_name is not None:
            client.set_tlsext_host_name(server_name)
        shake(client, server_end(BOTH, None))
        return client

    def test_no_server_name(self) -> None:
        """T5: no server name gets the default certificate."""
        self.assertEqual(peer_chain(self.seen_by_plain_client(None))[0], ISSUED.leaf)

    def test_odd_server_names(self) -> None:
        """T5: a server name that is no domain gets the default certificate, not an alert."""
        for name in (b"\xff\xfe.example", b"192.0.2.1", b"a_b", b"-", b"x" * 200):
            self.assertEqual(peer_chain(self.seen_by_plain_client(name))[0], ISSUED.leaf, name)

    def test_server_name_in_a_labels(self) -> None:
        """T5, P3.12: we send the domain of the peer as server name in A-labels without a trailing dot."""
        client, server = client_end(BOTH, None, DomainName.parse("bücher.example.")), server_end(BOTH, ONE)
        shake(client, server)
        self.assertEqual(server.get_servername(), b"xn--bcher-kva.example")

    def test_no_certificate_at_all(self) -> None:
        """A receiving server without any certificate cannot offer TLS, and says so before it tries."""
        problem = self.assertRaises(CertificateProblem, ServerTLS, contexts_with(), ONE)
        self.assertIn("there is no certificate to show: add one", str(problem))
        self.assertRaises(CertificateProblem, ServerTLS, contexts_with(), None)

    def test_expired_default(self) -> None:
        """An expired certificate is shown if there is no other."""
        expired = AUTHORITY.issue("one.example", not_after=NOW - DAY)
        self.assertEqual(self.seen(contexts_with(expired), None, ABSENT), expired.leaf)


class RenewalTests(SynchronousTestCase):
    """Certificates change while the server runs."""

    def setUp(self) -> None:
        """Begin with one certificate for two domains."""
        leave_out_what_is_there(self)
        self.store = CertificateStore()
        self.issued = AUTHORITY.issue("one.example", "two.example")
        self.store.add(self.issued)
        self.clock = Clock()
        self.clock.advance(NOW)
        self.contexts = TLSContexts(self.store, self.clock)

    def seen(self) -> Certificate:
        """What the next peer sees."""
        client, server = client_end(self.contexts, ONE), server_end(self.contexts, ONE)
        shake(client, server)
        self.assertEqual(peer_chain(client), peer_chain(server))
        return peer_chain(client)[0]

    def test_renewed(self) -> None:
        """The next connection uses the new certificate, in both roles; contexts of the old one are dropped."""
        self.assertEqual(self.seen(), self.issued.leaf)
        before = len(self.contexts)
        new = AUTHORITY.issue("one.example")
        self.store.remove(self.issued.path)
        self.store.add(new)
        self.assertEqual(self.seen(), new.leaf)
        self.assertEqual(len(self.contexts), before)

    def test_unrelated_change(self) -> None:
        """A change of one certificate does not cost the contexts of the others."""
        first = self.contexts.receiving(ONE)
        self.store.add(AUTHORITY.issue("other.example"))
        self.assertIs(self.contexts.receiving(ONE), first)

    def test_expiry(self) -> None:
        """When a certificate expires another one that fits is shown from then on."""
        wildcard = AUTHORITY.issue("*.example", not_after=NOW + 200 * DAY)
        self.store.add(wildcard)
        self.assertEqual(self.seen(), self.issued.leaf)
        self.clock.advance(100 * DAY)
        self.assertEqual(self.seen(), wildcard.leaf)

    def test_open_connections_go_on(self) -> None:
        """A connection made with the old certificate goes on."""
        client, server = client_end(self.contexts), server_end(self.contexts, ONE)
        shake(client, server)
        self.store.remove(self.issued.path)
        self.store.add(AUTHORITY.issue("one.example"))
        self.seen()
        gc.collect()
        client.send(b"still here")
        server.bio_write(client.bio_read(1_000))
        self.assertEqual(server.recv(100), b"still here")

    def test_contexts_are_pinned(self) -> None:
        """
        A context lives as long as a connection that began with it, though the server name made that
        take another one: OpenSSL would call a freed callback otherwise.
        """
        second = AUTHORITY.issue("two.example", not_after=NOW + DAY)
        self.store.remove(self.issued.path)
        self.store.add(AUTHORITY.issue("one.example"))
        self.store.add(second)
        client, server = client_end(self.contexts, None, TWO), server_end(self.contexts, None)
        first = weakref.ref(server.get_context())
        shake(client, server)
        self.assertIsNot(server.get_context(), first())
        for credentials in list(self.store):
            self.store.remove(credentials.path)
        self.store.add(AUTHORITY.issue("one.example"))
        self.seen()
        gc.collect()
        self.assertIsNotNone(first())
        del server
        gc.collect()
        self.assertIsNone(first())

    def test_reload_between_two_hellos(self) -> None:
        """Certificates renewed in the middle of a handshake that asks for a second hello do no harm."""
        for _ in range(20):
            self.contexts.receiving(None).set_tmp_ecdh(SECP521R1())  # none of the clients begins with it
            client, server = client_end(self.contexts, None, TWO), server_end(self.contexts, None)
            step(client, server)
            self.assertTrue(step(server, client))  # the server name was read, another hello asked for
            for credentials in list(self.store):
                self.store.remove(credentials.path)
            self.store.add(AUTHORITY.issue("one.example", "two.example"))
            last = AUTHORITY.issue("two.example", not_after=NOW + 200 * DAY)
            self.store.add(last)
            self.contexts.receiving(None)
            gc.collect()
            shake(client, server)
            self.assertEqual(peer_chain(client), (last.leaf,))


class BoundTests(SynchronousTestCase):
    """How many contexts are kept."""

    domains = tuple(DomainName.parse(f"d{number}.example") for number in range(4))

    def test_lazy(self) -> None:
        """No context is made before it is needed."""
        self.assertEqual(len(contexts_with(ISSUED, SECOND)), 0)

    def test_limit(self) -> None:
        """As many contexts as the limit says are kept."""
        contexts = contexts_with(*(AUTHORITY.issue(name) for name in self.domains), max_contexts=4)
        first = [contexts.receiving(domain) for domain in self.domains]
        self.assertEqual([contexts.receiving(domain) for domain in self.domains], first)
        self.assertEqual(len(contexts), 4)

    def test_past_limit(self) -> None:
        """One more than that, and the least recently used is dropped."""
        contexts = contexts_with(*(AUTHORITY.issue(name) for name in self.domains), max_contexts=3)
        first = [contexts.receiving(domain) for domain in self.domains[:3]]
        self.assertIs(contexts.receiving(self.domains[0]), first[0])
        contexts.receiving(self.domains[3])
        self.assertEqual(len(contexts), 3)
        self.assertIs(contexts.receiving(self.domains[0]), first[0])
        self.assertIsNot(contexts.receiving(self.domains[1]), first[1])

    def test_default(self) -> None:
        """A thousand are kept unless something else is said."""
        self.assertEqual(MAX_CONTEXTS, 1_000)


class RefusedByOpenSSLTests(SynchronousTestCase):
    """Certificates that OpenSSL itself will not show."""

    weak = AUTHORITY.issue("one.example", key="rsa1024")
    mismatched = Credentials(leaf=ISSUED.leaf, private_key=SECOND.private_key, path="mismatched")

    def test_named(self) -> None:
        """The certificate is named before anything is sent, in both roles."""
        for credentials, words in ((self.weak, "key too small"), (self.mismatched, "values mismatch")):
            contexts = contexts_with(credentials)
            problem = self.assertRaises(CertificateProblem, ServerTLS, contexts, ONE)
            self.assertTrue(str(problem).startswith(credentials.path), problem)
            self.assertIn(words, str(problem))
            self.assertRaises(CertificateProblem, ClientTLS, contexts, ONE, TWO)

    def test_chosen_by_server_name(self) -> None:
        """In the middle of a handshake the default certificate is shown instead, and the log says why."""
        contexts = contexts_with(SECOND, self.weak)
        client, server = client_end(contexts, None, ONE), server_end(contexts, None)
        with capturedLogs() as logs:
            shake(client, server)
        self.assertEqual(peer_chain(client), (SECOND.leaf,))
        self.assertEqual([entry["log_level"] for entry in logs], [LogLevel.error])
        self.assertIn("one.example", logs[0]["problem"])


class ProtocolTests(SynchronousTestCase):
    """Versions, ciphers and what is switched off."""

    def test_prefers_1_3(self) -> None:
        """T1, T23: two of ours speak TLS 1.3, and it is told with the cipher."""
        client, server = client_end(BOTH), server_end(BOTH, ONE)
        shake(client, server)
        found = tls_description(server)
        self.assertEqual(found, tls_description(client))
        self.assertEqual(found, TLSDescription(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", alpn=""))

    def old_client(self, version: int) -> SSL.Connection:
        """A client that knows no newer version."""
        return plain_client(
            lambda context: (
                context.set_min_proto_version(version),
                context.set_max_proto_version(version),
                context.set_cipher_list(b"ALL:@SECLEVEL=0"),
            )
        )

    def test_takes_1_2(self) -> None:
        """T1: TLS 1.2 is good enough, with forward secrecy and authenticated encryption."""
        server = server_end(BOTH, ONE)
        shake(self.old_client(SSL.TLS1_2_VERSION), server)
        found = tls_description(server)
        self.assertEqual(found.version, "TLSv1.2")
        self.assertTrue(found.cipher.startswith("ECDHE-"), found.cipher)

    def test_refuses_older(self) -> None:
        """T1: nothing older than TLS 1.2 is spoken, in either role."""
        for version in (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION):
            self.assertRaises(SSL.Error, shake, self.old_client(version), server_end(BOTH, ONE))
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate(ISSUED.leaf)
        context.use_privatekey(ISSUED.private_key)
        context.set_min_proto_version(SSL.TLS1_1_VERSION)
        context.set_max_proto_version(SSL.TLS1_1_VERSION)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        server = SSL.Connection(context, None)
        server.set_accept_state()
        self.assertRaises(SSL.Error, shake, client_end(BOTH), server)

    def test_no_renegotiation(self) -> None:
        """T6: a peer that asks for a renegotiation under TLS 1.2 does not get one."""
        client, server = self.old_client(SSL.TLS1_2_VERSION), server_end(BOTH, ONE)
        shake(client, server)
        client.renegotiate()
        step(client, server)
        self.assertRaises(SSL.WantReadError, server.recv, 1)
        self.assertEqual(server.total_renegotiations(), 0)

    def test_no_compression(self) -> None:
        """T6: TLS compression is switched off."""
        self.assertTrue(contexts_with(ISSUED).receiving(ONE).set_options(0) & SSL.OP_NO_COMPRESSION)

    def test_no_resumption(self) -> None:
        """T7: a session is not taken up again, which would lose the peer's chain; the next handshake is a full one."""
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            context = SSL.Context(SSL.TLS_METHOD)
            context.set_max_proto_version(version)
            context.use_certificate(ISSUED.leaf)
            context.use_privatekey(ISSUED.private_key)
            context.add_extra_chain_cert(ISSUED.chain[0])
            session = None
            for _ in range(2):
                client, server = SSL.Connection(context, None), server_end(BOTH, ONE)
                client.set_connect_state()
                if session is not None:
                    client.set_session(session)
                shake(client, server)
                server.send(b"x")  # in TLS 1.3 what a session needs comes before it
                client.bio_write(server.bio_read(10_000))
                client.recv(1)
                session = client.get_session()
                self.assertEqual(peer_chain(server), (ISSUED.leaf, *ISSUED.chain), version)
                self.assertEqual(peer_chain(client), (ISSUED.leaf, *ISSUED.chain), version)

    def test_alpn(self) -> None:
        """T5: where both want it the protocol xmpp-server is agreed on, with every kind of context."""
        for domain in (ONE, None):
            client, server = client_end(BOTH, None, TWO, alpn=True), server_end(BOTH, domain)
            shake(client, server)
            self.assertEqual([tls_description(end).alpn for end in (client, server)], ["xmpp-server"] * 2)

    def test_other_alpn(self) -> None:
        """A peer that wants other protocols gets none, and no alert."""
        client = plain_client(lambda context: context.set_alpn_protos([b"h2", b"xmpp-client"]))
        server = server_end(BOTH, ONE)
        shake(client, server)
        self.assertEqual(tls_description(server).alpn, "")


@implementer(IHandshakeListener)
class Talker(Protocol):
    """Notes what it hears and when the handshake is over."""

    def __init__(self) -> None:
        self.heard = b""
        self.chain: tuple[Certificate, ...] | None = None

    def handshakeCompleted(self) -> None:
        """Look at the peer's chain."""
        assert self.transport is not None
        self.chain = peer_chain(cast("TLSMemoryBIOProtocol", self.transport).getHandle())

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data


class TwistedTests(SynchronousTestCase):
    """The creators as Twisted uses them."""

    def test_interfaces(self) -> None:
        """The creators are what Twisted asks for."""
        verifyObject(IServerCreator, ServerTLS(BOTH, ONE))
        verifyObject(IOpenSSLClientConnectionCreator, ClientTLS(BOTH, ONE, TWO))

    @staticmethod
    def wrapped(
        creator: ServerTLS | ClientTLS, talker: IProtocol, clock: Clock
    ) -> tuple[TLSMemoryBIOProtocol, StringTransport]:
        """Put TLS around a protocol as ``startTLS`` does."""
        factory = TLSMemoryBIOFactory(creator, isinstance(creator, ClientTLS), Factory(), clock)
        transport = StringTransport()
        layer = factory.protocol(factory, talker)
        layer.makeConnection(transport)
        return layer, transport

    def test_renegotiation_closes(self) -> None:
        """T6: the attempt to renegotiate closes the connection at once, without a stream error."""
        clock = Clock()
        clock.advance(NOW)
        store = CertificateStore()
        store.add(ISSUED)
        layer, transport = self.wrapped(ServerTLS(TLSContexts(store, clock), ONE), Talker(), clock)
        client = plain_client(lambda context: context.set_max_proto_version(SSL.TLS1_2_VERSION))

        def exchange() -> None:
            with contextlib.suppress(SSL.WantReadError):
                client.do_handshake()
            layer.dataReceived(client.bio_read(65_536))
            data = transport.value()
            transport.clear()
            client.bio_write(data)

        exchange()
        exchange()
        client.do_handshake()
        client.renegotiate()
        self.assertFalse(transport.disconnected)
        exchange()
        clock.advance(0)
        self.assertTrue(transport.disconnected)

    def test_conversation(self) -> None:
        """Two protocols talk, each seeing the other's chain once the handshake is over."""
        clock = Clock()
        client, server = Talker(), Talker()
        client_layer, client_transport = self.wrapped(ClientTLS(BOTH, ONE, TWO), client, clock)
        server_layer, server_transport = self.wrapped(ServerTLS(BOTH, None), server, clock)
        client_layer.write(b"hello")
        for _ in range(5):
            clock.advance(0)
            for source, sink in ((client_transport, server_layer), (server_transport, client_layer)):
                data = source.value()
                source.clear()
                if data:
                    sink.dataReceived(data)
        self.assertEqual(server.heard, b"hello")
        self.assertEqual(client.chain, (SECOND.leaf,))
        self.assertEqual(server.chain, (ISSUED.leaf, *ISSUED.chain))
