"""Tests of :mod:`muxs2s.network.exporting`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Final

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.exporting import authenticator_keys, why_no_authenticators
from muxs2s.proof.authenticators import AuthenticatorRefused, Authenticators, TLSRole
from tests.proof.authenticated import DOMAIN, OF_DOMAIN, proof_for

SUITES: Final = {
    "TLS_AES_128_GCM_SHA256": ("sha256", 32),
    "TLS_AES_256_GCM_SHA384": ("sha384", 48),
    "TLS_CHACHA20_POLY1305_SHA256": ("sha256", 32),
    "TLS_AES_128_CCM_SHA256": ("sha256", 32),
}

Setting = Callable[[SSL.Context], object]


def context(*settings: Setting) -> SSL.Context:
    """A context with a certificate, that resumes nothing."""
    made = SSL.Context(SSL.TLS_METHOD)
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.use_certificate(OF_DOMAIN.leaf)
    made.use_privatekey(OF_DOMAIN.private_key)
    for setting in settings:
        setting(made)
    return made


def only(suite: str) -> Setting:
    """Have no other cipher suite of TLS 1.3. Before version 25.2 pyOpenSSL cannot choose: then the best one."""
    return lambda made: getattr(made, "set_tls13_ciphersuites", id)(suite.encode())


def pair(*settings: Setting) -> tuple[SSL.Connection, SSL.Connection]:
    """The ends of a connection in memory, client first, that have not said anything."""
    client, server = (SSL.Connection(context(*settings), None) for _ in range(2))
    client.set_connect_state()
    server.set_accept_state()
    return client, server


def step(connection: SSL.Connection, peer: SSL.Connection) -> None:
    """Let one end go on as far as it can, and the other have what it says."""
    with contextlib.suppress(SSL.WantReadError):
        connection.do_handshake()
    with contextlib.suppress(SSL.WantReadError):
        peer.bio_write(connection.bio_read(65_536))


def connected(*settings: Setting) -> tuple[SSL.Connection, SSL.Connection]:
    """The ends of a connection whose handshake is complete, client first."""
    client, server = pair(*settings)
    for _ in range(3):
        step(client, server)
        step(server, client)
    return client, server


def ends(*settings: Setting) -> tuple[Authenticators, Authenticators]:
    """What can prove and check on a new connection."""
    client, server = map(authenticator_keys, connected(*settings))
    assert client is not None
    assert server is not None
    return Authenticators(TLSRole.CLIENT, client, os.urandom), Authenticators(TLSRole.SERVER, server, os.urandom)


class ExportTests(SynchronousTestCase):
    """What a connection exports."""

    def test_both_ends(self) -> None:
        """E2, E4: both ends export the same, as long as the hash of the cipher suite, four different values."""
        for suite in SUITES:
            connections = connected(only(suite))
            client, server = map(authenticator_keys, connections)
            self.assertEqual(client, server)
            hash_name, length = SUITES[connections[0].get_cipher_name() or ""]
            assert client is not None
            values = client.client_context, client.client_finished, client.server_context, client.server_finished
            self.assertEqual(hash_name, client.hash_name, suite)
            self.assertEqual(({length}, 4), ({len(value) for value in values}, len(set(values))))

    def test_nothing_in_common(self) -> None:
        """E14: two connections of the same peers export nothing in common."""
        values: list[bytes] = []
        for _ in range(2):
            keys = authenticator_keys(connected()[0])
            assert keys is not None
            values += keys.client_context, keys.client_finished, keys.server_context, keys.server_finished
        self.assertEqual(8, len(set(values)))

    def test_both_roles(self) -> None:
        """E4, E5, E6: over real TLS, with each cipher suite and in both roles, a domain is proven."""
        for suite in SUITES:
            client, server = ends(only(suite))
            for asker, prover in ((client, server), (server, client)):
                request = asker.request(DOMAIN)
                self.assertEqual(OF_DOMAIN.leaf, asker.check(request, proof_for(request, prover))[0])

    def test_relay(self) -> None:
        """E14: a proof made for one real connection is refused on another."""
        client, server = ends()
        request = client.request(DOMAIN)
        relayed = proof_for(request, ends()[1])
        self.assertRaises(AuthenticatorRefused, client.check, request, relayed)
        self.assertEqual(OF_DOMAIN.leaf, client.check(again := client.request(DOMAIN), proof_for(again, server))[0])


class RefusalTests(SynchronousTestCase):
    """Connections that authenticators must not be used on."""

    def refused(self, connection: SSL.Connection, why: str) -> None:
        """See nothing exported, and why."""
        self.assertIsNone(authenticator_keys(connection))
        self.assertIn(why, why_no_authenticators(connection))

    def test_good(self) -> None:
        """There is no reason against a TLS 1.3 connection as ours are."""
        self.assertEqual(["", ""], [why_no_authenticators(end) for end in connected()])

    def test_old_version(self) -> None:
        """E1: on TLS 1.2 nothing is exported, with words that say which version it is."""
        for end in connected(lambda made: made.set_max_proto_version(SSL.TLS1_2_VERSION)):
            self.refused(end, "TLSv1.2")

    def test_before_the_end(self) -> None:
        """E3: nothing is exported before the handshake is complete, though the library would do it for a server."""
        client, server = pair()
        for end in (client, server):
            self.refused(end, "not complete")
        step(client, server)
        step(server, client)
        self.assertEqual(32, len(server.export_keying_material(b"EXPORTER-any", 32, context=b"")))
        self.refused(server, "not complete")
        step(client, server)
        step(server, client)
        self.assertEqual("", why_no_authenticators(server))

    def test_resumption(self) -> None:
        """A connection whose session may be a resumed one exports nothing: the peer's chain may be lost."""
        for end in connected(lambda made: made.set_session_cache_mode(SSL.SESS_CACHE_BOTH)):
            self.refused(end, "resumed")

    def test_unknown_suite(self) -> None:
        """E4: where the hash is not known, nothing is exported."""
        client, _server = connected()
        self.patch(client, "get_cipher_name", lambda: "TLS_NEW_SHA3")
        self.refused(client, "TLS_NEW_SHA3")
