"""A script's end of multiplexing: what it tells of a server that goes wrong in the middle of it."""

from __future__ import annotations

from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.conformance import multiplexing
from muxs2s.conformance.deviation import Deviation, NotObservable
from muxs2s.conformance.forgery import forged
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.multiplexing import Multiplexing, element
from muxs2s.conformance.own import Identity
from muxs2s.conformance.peer import ScriptedPeer
from muxs2s.conformance.saying import header
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import Accept, Enabled, ListedName, MultiplexElement, Present, Reject, Request, Revoke
from muxs2s.proof.authenticators import AuthenticatorKeys
from muxs2s.proof.tlsmessages import HandshakeType, RequestMessage
from muxs2s.wire.names import DomainName
from tests.server.configured import AUTHORITY

OURS: Final = DomainName.parse("kit.example")
OTHER: Final = DomainName.parse("other.example")

KEYS: Final = AuthenticatorKeys(
    hash_name="sha256",
    client_context=b"1" * 32,
    client_finished=b"2" * 32,
    server_context=b"3" * 32,
    server_finished=b"4" * 32,
)


def request(id_: int = 1, domain: DomainName = OURS, data: bytes | None = None, **facts: Any) -> Request:
    """A request as a server sends it, or nearly so."""
    good = {"kind": HandshakeType.CERTIFICATE_REQUEST, "context": b"c" * 32, "schemes": (0x0403, 0x0804)}
    return Request(id=id_, domain=domain, data=RequestMessage(**{**good, **facts}).to_bytes() if data is None else data)


def accept(id_: int, *names: DomainName) -> Accept:
    """An accept as a server sends it."""
    return Accept(id=id_, certificate=None, names=tuple(ListedName(name=name) for name in names))


class MultiplexingTests(SynchronousTestCase):
    """On a transport in memory; the keys of the connection are known."""

    def setUp(self) -> None:
        self.keys: AuthenticatorKeys | None = KEYS
        self.patch(multiplexing, "authenticator_keys", lambda _connection: self.keys)
        self.patch(multiplexing, "why_no_authenticators", lambda _connection: "TLS is too old")
        self.clock, self.transport = Clock(), StringTransport()
        self.clock.advance(1_800_000_000.0)
        self.peer = ScriptedPeer(self.clock, 10.0)
        self.peer.makeConnection(self.transport)
        self.peer.connection = cast(Any, object())
        self.peer.dataReceived(header(from_="b.example", id="1").encode())
        self.successResultOf(Deferred.fromCoroutine(self.peer.header()))
        setting = SimpleNamespace(anchors=AUTHORITY.trust_anchors)
        self.kit = cast(Kit, SimpleNamespace(domain=DomainName.parse("b.example"), setting=setting, clock=self.clock))
        self.identity = Identity(domain=OURS, credentials=AUTHORITY.issue(OURS))

    def refusal(self, script: Coroutine[Any, Any, Any], *said: MultiplexElement | str) -> str:
        """What a script tells of a server that says this."""
        running = Deferred.fromCoroutine(script)
        for each in said:
            self.peer.dataReceived(each.encode() if isinstance(each, str) else each.to_bytes())
        return str(self.failureResultOf(running, Deviation).value)

    @property
    def stream(self) -> Multiplexing:
        """Both ends multiplex."""
        return Multiplexing(self.kit, self.peer)

    def test_no_keys(self) -> None:
        """Where TLS gives no keys nothing can be seen, and it is told why."""
        self.keys = None
        self.assertIn("too old", str(self.assertRaises(NotObservable, lambda: self.stream)))

    def test_first_list(self) -> None:
        """The first accept has the id 0."""
        told = self.refusal(self.stream.enable(), Enabled(), accept(2, OURS))
        self.assertEqual("expected an accept with the id 0 first; the id was 2", told)

    def test_malformed(self) -> None:
        """An element that is not as specified is told with what is wrong in it; so is another one, or another id."""
        told = self.refusal(self.stream.hear(Accept), element("accept", "<domain>UPPER</domain>", id="1"))
        self.assertIn("expected accept as specified; accept: ", told)
        self.assertIn("expected accept of urn:xmpp:mux-cert:0; ", self.refusal(self.stream.hear(Accept), Enabled()))
        self.assertIn("accept with the id 3; ", self.refusal(self.stream.hear(Accept, id_=3), accept(1)))

    def test_other_domain(self) -> None:
        """The request that answers an offer is for the same domain."""
        told = self.refusal(self.stream.offered(OURS), request(domain=OTHER))
        self.assertEqual("expected a request for kit.example; it was for other.example", told)

    def test_bad_requests(self) -> None:
        """An authenticator request must be one, and every wrong in it is told."""
        self.assertIn(
            "expected an authenticator request; ", self.refusal(self.stream.offered(OURS), request(data=b"x"))
        )
        wrong = request(
            kind=HandshakeType.CLIENT_CERTIFICATE_REQUEST, context=b"short", schemes=(0x0403,), server_name=b"x"
        )
        told = self.refusal(self.stream.offered(OURS), wrong)
        for reason in ("type of a TLS client", "a server_name", "not of 32 bytes", "lacks 0x0403 or 0x0804"):
            self.assertIn(reason, told)

    def test_context_again(self) -> None:
        """A context that comes twice is told."""
        stream = self.stream
        stream.examine(request())
        self.assertIn("used before", str(self.assertRaises(Deviation, stream.examine, request())))

    def test_accepts_another(self) -> None:
        """The list of an accept begins with the domain of the exchange."""
        told = self.refusal(self.stream.add(self.identity), request(), accept(1, OTHER, OURS))
        self.assertIn("expected kit.example first in the list; ", told)

    def test_added_again(self) -> None:
        """A domain that was there before may be asked for once more, or be accepted at once."""
        for said in (request().to_bytes() + accept(1, OURS).to_bytes(), accept(1, OURS).to_bytes()):
            adding = Deferred.fromCoroutine(self.stream.add_again(self.identity))
            self.peer.dataReceived(said)
            self.successResultOf(adding)

    def test_other_condition(self) -> None:
        """A reject for another reason is told, with its text."""
        reject = Reject(id=1, condition=MultiplexCondition.TIMEOUT, text="busy")
        told = self.refusal(self.stream.refused(MultiplexCondition.BAD_REQUEST, id_=1), reject)
        self.assertEqual("expected the condition bad-request; it was timeout: busy", told)

    def test_other_revocation(self) -> None:
        """So is a revoke for another reason."""
        revoke = Revoke(id=2, certificate=1, names=(), condition=MultiplexCondition.REPLACED)
        told = self.refusal(self.stream.revoked(MultiplexCondition.CERTIFICATE_EXPIRED), revoke)
        self.assertEqual("expected a revoke for certificate-expired; it was for replaced", told)

    def test_bad_proof(self) -> None:
        """What the server presents must be an authenticator."""
        told = self.refusal(self.stream.asked(OTHER), Present(id=1, data=b"nonsense"))
        self.assertIn("expected a good authenticator for other.example; ", told)

    def test_proof_of_another(self) -> None:
        """And prove the domain that was asked for, by the trust anchors given; without any it is not judged."""
        for anchors in (AUTHORITY.trust_anchors, None):
            self.kit.setting.anchors = anchors  # type: ignore[misc]  # no setting, but something like it
            stream = self.stream
            self.transport.clear()
            asking = Deferred.fromCoroutine(stream.asked(OTHER))
            [asked] = stream.asker._contexts.open.values()
            server = AuthenticatorKeys(
                hash_name="sha256",
                client_context=KEYS.server_context,
                client_finished=KEYS.server_finished,
                server_context=b"",
                server_finished=b"",
            )
            proof = forged(server, asked, AUTHORITY.issue("x.example"))
            self.peer.dataReceived(Present(id=1, data=proof).to_bytes())
            if anchors is None:
                self.successResultOf(asking)
            else:
                told = str(self.failureResultOf(asking, Deviation).value)
                self.assertIn("expected a certificate that proves other.example; ", told)

    def test_deflected(self) -> None:
        """What the server begins by itself is rejected, and the script does not hear of it; other ids it does hear."""
        stream = self.stream
        self.peer.dataReceived(request(2).to_bytes() + element("offer", id="x").encode() + request(1).to_bytes())
        reject = Reject(id=2, condition=MultiplexCondition.POLICY_VIOLATION)
        self.assertEqual(reject.to_bytes(), self.transport.value())
        self.assertIn("offer", self.refusal(stream.hear(Request)))
        heard = self.successResultOf(Deferred.fromCoroutine(stream.hear(Request)))
        self.assertEqual(request(1), heard)
