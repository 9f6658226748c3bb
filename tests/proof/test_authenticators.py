"""Tests of :mod:`muxs2s.proof.authenticators`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.authenticators import (
    AuthenticatorLimits,
    AuthenticatorRefused,
    Authenticators,
    AuthenticatorTooLarge,
    OwnCertificate,
    TLSRole,
)
from muxs2s.proof.tlsmessages import HandshakeType, read_authenticator, read_request
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName
from tests.proof.authenticated import (
    AUTHORITY,
    DOMAIN,
    LIMITS,
    OF_DOMAIN,
    Own,
    changes,
    client_and_server,
    declined,
    end,
    foreseen,
    keys,
    proof_for,
    swapped,
)

OF_ED25519 = AUTHORITY.issue("a.example", key="ed25519")
"""Its signatures are of one length."""

OTHER = DomainName.parse("b.example")


def asked(**changed: Any) -> bytes:
    """A request by a TLS client, with some of its values changed."""
    return replace(read_request(end(TLSRole.CLIENT).request(DOMAIN)), **changed).to_bytes()


class ExchangeTests(SynchronousTestCase):
    """What goes well."""

    def test_both_ways(self) -> None:
        """E6, E12: in either role a domain is asked for, proven and found to be held, issuers and all."""
        for hash_name in ("sha256", "sha384"):
            client, server = client_and_server(keys(hash_name=hash_name))
            for asker, prover in ((client, server), (server, client)):
                request = asker.request(DOMAIN)
                chain = asker.check(request, proof_for(request, prover))
                self.assertEqual((OF_DOMAIN.leaf, *OF_DOMAIN.chain), chain)

    def test_every_key(self) -> None:
        """E9: a certificate is proven by the scheme of its key."""
        for kind in ("ec", "ed25519", "rsa"):
            issued = AUTHORITY.issue("a.example", key=kind)
            client, server = client_and_server()
            request = client.request(DOMAIN)
            self.assertEqual(issued.leaf, client.check(request, proof_for(request, server, issued))[0], kind)

    def test_interleaved(self) -> None:
        """E7, E8: many requests are open at once, and answered in any order."""
        client, server = client_and_server()
        requests = [client.request(DOMAIN) for _ in range(5)]
        answers = [(request, proof_for(request, server)) for request in requests]
        for request, answer in reversed(answers):
            self.assertEqual(OF_DOMAIN.leaf, client.check(request, answer)[0])

    def test_server_asks(self) -> None:
        """E6, E10: a TLS server asks with type 13, 32 random bytes and schemes, and names nobody."""
        message = read_request(end(TLSRole.SERVER).request(DOMAIN))
        self.assertEqual(
            (HandshakeType.CERTIFICATE_REQUEST, foreseen()(32), None),
            (message.kind, message.context, message.server_name),
        )
        self.assertLessEqual({0x0403, 0x0804}, set(message.schemes))

    def test_client_asks(self) -> None:
        """E6, E10: a TLS client asks with type 17 and the name of the domain."""
        message = read_request(end(TLSRole.CLIENT).request(DOMAIN))
        self.assertEqual((HandshakeType.CLIENT_CERTIFICATE_REQUEST, b"a.example"), (message.kind, message.server_name))

    def test_secrets(self) -> None:
        """What a connection exports is not shown where its value is printed."""
        self.assertEqual("AuthenticatorKeys(hash_name='sha256')", repr(keys()))


class RequestTests(SynchronousTestCase):
    """Requests that are not answered."""

    def refused(self, prover: Authenticators, data: bytes, words: str) -> None:
        """See a request refused."""
        refusal = self.assertRaises(AuthenticatorRefused, prover.read_request, data, DOMAIN)
        self.assertIn(words, str(refusal))

    def test_other_role(self) -> None:
        """E6: a request of the type that only we may send is refused, in both roles."""
        for role in TLSRole:
            self.refused(end(role), end(role).request(DOMAIN), "other role")

    def test_other_name(self) -> None:
        """E10: a request to a TLS server is for the domain of its exchange, spelled as it is."""
        for name in (OTHER, None, b"A.EXAMPLE", b"a.example.", b"\xff" * 200):
            spelled = name.ascii.encode() if isinstance(name, DomainName) else name
            self.refused(end(TLSRole.SERVER), asked(server_name=spelled), "server_name")

    def test_name_where_none_belongs(self) -> None:
        """E10: a request by a TLS server names nobody."""
        request = asked(kind=HandshakeType.CERTIFICATE_REQUEST)
        self.refused(end(TLSRole.CLIENT), request, "b'a.example' in its server_name")

    def test_seen_before(self) -> None:
        """E7: a context is answered once, whatever else stands in the request."""
        server = end(TLSRole.SERVER)
        server.read_request(asked(), DOMAIN)
        for schemes in ((0x0403,), (0x0804,)):
            self.refused(server, asked(schemes=schemes), "used before")

    def test_reflected_context(self) -> None:
        """E7: a context of our own requests is not answered, open or over: it is unique over both directions."""
        server = client_and_server()[1]
        context = read_request(server.request(DOMAIN)).context
        forgotten = server.request(DOMAIN)
        server.forget(forgotten)
        for used in (context, read_request(forgotten).context):
            self.refused(server, asked(context=used), "used before")

    def test_refused_is_not_seen(self) -> None:
        """E7: a request that is refused leaves its context free, so that nobody can burn it for others."""
        server = end(TLSRole.SERVER)
        self.refused(server, asked(server_name=b"b.example"), "server_name")
        self.assertEqual(asked(), server.read_request(asked(), DOMAIN).data)

    def test_malformed(self) -> None:
        """E12: a request that is cut short or goes on is refused."""
        request = asked()
        for length in range(len(request)):
            self.assertRaises(AuthenticatorRefused, end(TLSRole.SERVER).read_request, request[:length], DOMAIN)
        self.refused(end(TLSRole.SERVER), request + b"\0", "too many")

    def test_size(self) -> None:
        """E12: a request of 1,024 bytes is read, one of 1,025 is refused before it is read."""
        schemes = (1_024 - len(asked(schemes=()))) // 2
        longest = asked(schemes=(0x0403,) * schemes, context=b"x" * (32 + len(asked(schemes=())) % 2))
        self.assertEqual(1_024, len(longest))
        self.assertEqual(schemes, len(end(TLSRole.SERVER).read_request(longest, DOMAIN).schemes))
        self.refused(end(TLSRole.SERVER), longest + b"\0", "1025 bytes is too long")


class AuthenticateTests(SynchronousTestCase):
    """What is not shown."""

    def test_no_scheme_fits(self) -> None:
        """E9: where the peer takes no scheme of our key, none is made; the words name what would do."""
        for schemes in ((0x0804, 0x0503, 0x0807), (0x0401, 0x0203, 0xFFFF)):
            refusal = self.assertRaises(AuthenticatorRefused, self.prove, OF_DOMAIN, schemes)
            self.assertIn("signs by ecdsa_secp256r1_sha256", str(refusal))

    def test_first_scheme_that_fits(self) -> None:
        """E9: of the schemes that fit the key, the peer's first is used."""
        rsa = AUTHORITY.issue("a.example", key="rsa")
        for schemes in ((0x0401, 0x0403, 0x0806, 0x0804), (0x0805, 0x0804)):
            shown = read_authenticator(self.prove(rsa, schemes), max_certificates=10).shown
            assert shown is not None
            self.assertEqual(next(scheme for scheme in schemes if scheme > 0x0800), shown[1].scheme)

    def test_key_of_another_kind(self) -> None:
        """E9: a key that signs no handshakes, or is not that of its certificate, is a refusal, not an accident."""
        for key in (X25519PrivateKey.generate(), AUTHORITY.issue("a.example", key="rsa").private_key):
            odd = Own(private_key=key)
            self.assertRaises(AuthenticatorRefused, self.prove, odd, (0x0403,))

    def test_certificates(self) -> None:
        """E15: 10 certificates are shown, 11 are too many; whoever calls can tell this from other refusals."""
        issuer = AUTHORITY.certificate
        self.prove(Own(chain=(issuer,) * 9), (0x0403,))
        self.assertRaises(AuthenticatorTooLarge, self.prove, Own(chain=(issuer,) * 10), (0x0403,))

    def test_size(self) -> None:
        """E15: an authenticator as long as the limit is made, one byte more is too much."""
        length = len(self.prove(OF_ED25519, (0x0807,)))
        self.prove(OF_ED25519, (0x0807,), AuthenticatorLimits(max_authenticator_bytes=length))
        limits = AuthenticatorLimits(max_authenticator_bytes=length - 1)
        self.assertRaises(AuthenticatorTooLarge, self.prove, OF_ED25519, (0x0807,), limits)

    def prove(
        self, certificate: OwnCertificate, schemes: tuple[int, ...], limits: AuthenticatorLimits = LIMITS
    ) -> bytes:
        """What a TLS client shows where these schemes are taken."""
        client = end(TLSRole.CLIENT, limits=limits)
        message = read_request(end(TLSRole.SERVER).request(DOMAIN))
        return client.authenticate(
            client.read_request(replace(message, schemes=schemes).to_bytes(), DOMAIN), certificate
        )


class CheckTests(SynchronousTestCase):
    """Authenticators that prove nothing here."""

    def setUp(self) -> None:
        self.client, self.server = client_and_server()
        self.request = self.client.request(DOMAIN)

    def refused(self, authenticator: bytes, words: str, request: bytes | None = None) -> None:
        """See an authenticator refused by the client."""
        request = self.request if request is None else request
        refusal = self.assertRaises(AuthenticatorRefused, self.client.check, request, authenticator)
        self.assertIn(words, str(refusal))

    def test_replay(self) -> None:
        """E7: a good authenticator is good once."""
        authenticator = proof_for(self.request, self.server)
        self.client.check(self.request, authenticator)
        self.refused(authenticator, "no such request")

    def test_replay_for_another_request(self) -> None:
        """E7, E8: an authenticator does not answer a request made later."""
        authenticator = proof_for(self.request, self.server)
        self.client.check(self.request, authenticator)
        self.refused(authenticator, "answers another request", self.client.request(DOMAIN))

    def test_spent_by_a_bad_one(self) -> None:
        """E7: the first answer spends the request, even a bad one; a good one comes too late."""
        authenticator = proof_for(self.request, self.server)
        for bad in (b"", b"\x0b\0\0\0", authenticator[:-1], b"x" * 24_001):
            client = end(TLSRole.CLIENT)
            self.assertEqual(self.request, client.request(DOMAIN))
            self.assertRaises(AuthenticatorRefused, client.check, self.request, bad)
            self.assertRaises(AuthenticatorRefused, client.check, self.request, authenticator)

    def test_forgotten(self) -> None:
        """E7: a request whose exchange is over is spent; to forget it again, or another, does no harm."""
        for request in (self.request, self.request, b"", self.server.request(DOMAIN)):
            self.client.forget(request)
        self.refused(proof_for(self.request, self.server), "no such request")

    def test_unsolicited(self) -> None:
        """E6: what answers no request of ours is refused: none at all, that of another, ours with a byte changed."""
        authenticator = proof_for(self.request, self.server)
        for request in (b"", self.server.request(DOMAIN), self.request[:-1] + b"x", self.request + b"\0"):
            self.refused(authenticator, "no such request", request)

    def test_relayed(self) -> None:
        """E14: what a peer proves on one connection proves nothing on another, though the request is the same."""
        client, server = client_and_server(keys("another"))
        authenticator = proof_for(client.request(DOMAIN), server)
        self.refused(authenticator, "signature")

    def test_reflected(self) -> None:
        """E6, E12: our own proof does not come back as the peer's: the role is part of it."""
        self.refused(proof_for(self.request, end(TLSRole.SERVER, swapped(keys()))), "signature")

    def test_declined(self) -> None:
        """E11: an empty authenticator is read as a refusal: no certificate, and no error."""
        self.assertEqual((), self.client.check(self.request, declined(self.request)))

    def test_declined_by_nobody(self) -> None:
        """E11, E14: an empty authenticator of another connection, or for another request, is no refusal either."""
        self.refused(declined(self.request, keys("another")), "Finished")
        self.refused(declined(self.request), "Finished", self.client.request(DOMAIN))

    def test_every_truncation(self) -> None:
        """E12: no beginning of an authenticator is taken for one."""
        authenticator = proof_for(self.request, self.server)
        for length in range(len(authenticator)):
            client = end(TLSRole.CLIENT)
            self.assertRaises(AuthenticatorRefused, client.check, client.request(DOMAIN), authenticator[:length])

    def test_every_change(self) -> None:
        """E12: no byte of an authenticator can be another one."""
        for changed in changes(proof_for(self.request, self.server)):
            client = end(TLSRole.CLIENT)
            self.assertRaises(AuthenticatorRefused, client.check, client.request(DOMAIN), changed)

    def test_trailing(self) -> None:
        """E12: nothing may follow, not even a second authenticator."""
        authenticator = proof_for(self.request, self.server)
        self.refused(authenticator + b"\0", "1 bytes too many")
        self.request = self.client.request(DOMAIN)
        self.refused(proof_for(self.request, self.server) * 2, "too many")

    def test_size(self) -> None:
        """E12, E15: an authenticator as long as the limit is taken, one byte more is refused before it is read."""
        self.refused(b"x" * 24_001, "24001 bytes is too long")
        authenticator = proof_for(self.request, self.server)
        client = end(TLSRole.CLIENT, limits=AuthenticatorLimits(max_authenticator_bytes=len(authenticator)))
        self.assertEqual(2, len(client.check(client.request(DOMAIN), authenticator)))

    def test_certificates(self) -> None:
        """E12: as many certificates as the limit are taken, one more is refused before any is read."""
        authenticator = proof_for(self.request, self.server)
        for most, words in ((2, ""), (1, "more than 1 certificates")):
            client = end(TLSRole.CLIENT, limits=AuthenticatorLimits(max_certificates=most))
            if words:
                refusal = self.assertRaises(AuthenticatorRefused, client.check, client.request(DOMAIN), authenticator)
                self.assertIn(words, str(refusal))
            else:
                self.assertEqual(2, len(client.check(client.request(DOMAIN), authenticator)))


class ContextTests(SynchronousTestCase):
    """What is known again, and how long."""

    def test_limit(self) -> None:
        """E7: as many contexts as the limit are known again; the next one makes the oldest forgotten."""
        client = end(TLSRole.CLIENT)
        few = end(TLSRole.SERVER, limits=AuthenticatorLimits(max_contexts=3))
        requests = [client.request(DOMAIN) for _ in range(4)]
        for request in requests[:3]:
            few.read_request(request, DOMAIN)
        for request in requests[:3]:
            self.assertRaises(AuthenticatorRefused, few.read_request, request, DOMAIN)
        few.read_request(requests[3], DOMAIN)
        few.read_request(requests[0], DOMAIN)
        self.assertRaises(AuthenticatorRefused, few.read_request, requests[3], DOMAIN)

    def test_own_requests(self) -> None:
        """E7: requests of ours count as well; the oldest of them is over when it is forgotten."""
        client = end(TLSRole.CLIENT, limits=AuthenticatorLimits(max_contexts=2))
        server = end(TLSRole.SERVER)
        first, second, third = (client.request(DOMAIN) for _ in range(3))
        self.assertRaises(AuthenticatorRefused, client.check, first, proof_for(first, server))
        for request in (second, third):
            self.assertEqual(OF_DOMAIN.leaf, client.check(request, proof_for(request, server))[0])

    def test_entropy(self) -> None:
        """E7: entropy that repeats itself is a fault of ours, and found out."""
        client = Authenticators(TLSRole.CLIENT, keys(), bytes)
        client.request(DOMAIN)
        self.assertRaises(LocalMisuse, client.request, DOMAIN)
