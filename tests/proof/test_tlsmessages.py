"""Tests of :mod:`muxs2s.proof.tlsmessages`."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.tlsmessages import (
    HandshakeType,
    MessageMalformed,
    RequestMessage,
    certificate_message,
    finished_message,
    read_authenticator,
    read_request,
    verify_message,
)
from tests.wire.samples import vectors

VECTORS: Final[Any] = vectors("exported_authenticators")
CAPTURED: Final = {found["name"]: found for found in VECTORS["tls13_message_encodings"]["vectors"]}

CONTEXT: Final = bytes(range(32))
REQUESTS: Final = tuple(
    RequestMessage(kind=kind, context=CONTEXT, schemes=(0x0807, 0x0403), server_name=name)
    for kind, name in (
        (HandshakeType.CERTIFICATE_REQUEST, None),
        (HandshakeType.CLIENT_CERTIFICATE_REQUEST, b"c.example"),
    )
)
AUTHENTICATOR: Final = (
    certificate_message(CONTEXT, (b"leaf", b"issuer"))
    + verify_message(0x0403, b"signature")
    + finished_message(b"F" * 32)
)


def request(*extensions: bytes, context: bytes = b"\1c") -> bytes:
    """A request with these extensions; lengths are those of short contents."""
    listed = b"".join(extensions)
    body = context + len(listed).to_bytes(2) + listed
    return b"\x0d" + len(body).to_bytes(3) + body


ALGORITHMS: Final = bytes.fromhex("000d 0004 0002 0403")
UNKNOWN: Final = bytes.fromhex("3039 0003 666f6f")


def certificate(entries: bytes) -> bytes:
    """An authenticator whose Certificate has these entries."""
    body = b"\0" + len(entries).to_bytes(3) + entries
    return b"\x0b" + len(body).to_bytes(3) + body + verify_message(0x0403, b"") + finished_message(b"")


class RequestTests(SynchronousTestCase):
    """Authenticator requests."""

    def test_written(self) -> None:
        """E6, E10: both kinds are written as RFC 9261 has them, and read as they were meant."""
        for message, case in zip(REQUESTS, VECTORS["computed"]["vectors"], strict=True):
            meant = RequestMessage(
                kind=message.kind,
                context=bytes(range(0x10, 0x30)),
                schemes=message.schemes,
                server_name=message.server_name,
            )
            self.assertEqual(case["authenticator_request"], meant.to_bytes().hex())
            self.assertEqual(meant, read_request(meant.to_bytes()))

    def test_of_others(self) -> None:
        """E10: requests of another implementation are read, whether it names schemes of ours or not."""
        for found in VECTORS["live_connections"]["vectors"]:
            data = bytes.fromhex(found.get("bytes") or found["authenticator_request"])
            message = read_request(data)
            self.assertEqual(data[5 : 5 + data[4]], message.context)
            self.assertEqual(
                found.get("scheme_list", [0x0403, 0x0807]), list(message.schemes[: 3 if "bytes" in found else 2])
            )

    def test_unknown_extension(self) -> None:
        """E10: an extension that is not known is passed over, before and after others."""
        for extensions in ((UNKNOWN, ALGORITHMS), (ALGORITHMS, UNKNOWN)):
            self.assertEqual((0x0403,), read_request(request(*extensions)).schemes)

    def test_captured(self) -> None:
        """E7: a request of an ordinary handshake, whose context is empty, is none of ours."""
        captured = bytes.fromhex(CAPTURED["certificate_request"]["bytes"])
        refusal = self.assertRaises(MessageMalformed, read_request, captured)
        self.assertIn("empty context", str(refusal))
        message = read_request(request(captured[7:], context=b"\1c"))
        self.assertEqual((0x0804, 0x0403, 0x0401, 0x0201), message.schemes)

    def test_every_truncation(self) -> None:
        """E12: no beginning of a request is one."""
        for message in REQUESTS:
            data = message.to_bytes()
            for length in range(len(data)):
                self.assertRaises(MessageMalformed, read_request, data[:length])

    def test_malformed(self) -> None:
        """E10, E12: what a request must hold is there, once, and nothing is left over."""
        for data, words in (
            (request(ALGORITHMS) + b"\0", "1 bytes too many in the request"),
            (request(), "no signature algorithms"),
            (request(UNKNOWN), "no signature algorithms"),
            (request(ALGORITHMS, ALGORITHMS), "extension 13 twice"),
            (request(UNKNOWN, ALGORITHMS, UNKNOWN), "extension 12345 twice"),
            (request(ALGORITHMS, b"\0"), "an extension ends too early"),
            (request(ALGORITHMS, b"\0\1\0\2x"), "an extension ends too early"),
            (request(bytes.fromhex("000d 0002 0000")), "no list of schemes"),
            (request(bytes.fromhex("000d 0005 0003 040308")), "no list of schemes"),
            (request(bytes.fromhex("000d 0005 0002 0403 00")), "too many in signature_algorithms"),
            (request(bytes.fromhex("000d 0003 0002 04")), "signature_algorithms ends too early"),
            (request(bytes.fromhex("000d 0000")), "signature_algorithms ends too early"),
            (request(ALGORITHMS, context=b"\0"), "empty context"),
            (request(ALGORITHMS, context=b"\xff"), "ends too early"),
            (b"\x0e" + request(ALGORITHMS)[1:], "type 14"),
            (b"", "type 0"),
        ):
            refusal = self.assertRaises(MessageMalformed, read_request, data)
            self.assertIn(words, str(refusal), data.hex())

    def test_server_name(self) -> None:
        """E10: a server name is one host name, not empty, with nothing behind it."""
        for content, words in (
            ("0004 00 0001 61", ""),
            ("0003 00 0000", "names no host"),
            ("0004 01 0001 61", "names no host"),
            ("0000", "ends too early"),
            ("0008 00 0001 61 00 0001 62", "too many"),
            ("0004 00 0001 61 00", "too many"),
            ("0005 00 0001 61", "ends too early"),
        ):
            data = bytes.fromhex(content)
            asked = request(ALGORITHMS, b"\0\0" + len(data).to_bytes(2) + data)
            if words:
                self.assertIn(words, str(self.assertRaises(MessageMalformed, read_request, asked)))
            else:
                self.assertEqual(b"a", read_request(asked).server_name)


class AuthenticatorTests(SynchronousTestCase):
    """Authenticators, taken apart."""

    def refused(self, data: bytes, words: str) -> None:
        """See an authenticator refused."""
        refusal = self.assertRaises(MessageMalformed, read_authenticator, data, max_certificates=2)
        self.assertIn(words, str(refusal), data.hex())

    def test_parts(self) -> None:
        """E8, E12: the parts of an authenticator are told apart, each with its own bytes for the hash."""
        messages = read_authenticator(AUTHENTICATOR, max_certificates=2)
        assert messages.shown is not None
        shown, proof = messages.shown
        self.assertEqual((CONTEXT, (b"leaf", b"issuer")), (shown.context, shown.certificates))
        self.assertEqual((0x0403, b"signature"), (proof.scheme, proof.signature))
        self.assertEqual(b"F" * 32, messages.verify_data)
        self.assertEqual(AUTHENTICATOR, shown.data + proof.data + finished_message(b"F" * 32))

    def test_empty(self) -> None:
        """E11: a Finished alone is an empty authenticator."""
        messages = read_authenticator(finished_message(b"F" * 48), max_certificates=2)
        self.assertEqual((None, b"F" * 48), (messages.shown, messages.verify_data))

    def test_captured(self) -> None:
        """E12: messages of a real handshake are read to the byte, and written again."""
        names = "certificate", "certificate_verify", "finished"
        certificate, verify, finished = (bytes.fromhex(CAPTURED[name]["bytes"]) for name in names)
        messages = read_authenticator(certificate + verify + finished, max_certificates=2)
        assert messages.shown is not None
        shown, proof = messages.shown
        self.assertEqual(
            (b"", 1, 0x0804, 384), (shown.context, len(shown.certificates), proof.scheme, len(proof.signature))
        )
        self.assertEqual(certificate, certificate_message(b"", shown.certificates))
        self.assertEqual(verify, verify_message(proof.scheme, proof.signature))
        self.assertEqual(finished, finished_message(messages.verify_data))

    def test_every_truncation(self) -> None:
        """E12: no beginning of an authenticator is one."""
        for length in range(len(AUTHENTICATOR)):
            self.refused(AUTHENTICATOR[:length], "")

    def test_sequence(self) -> None:
        """E12: the messages are Certificate, CertificateVerify and Finished, in this order, and no more."""
        shown, proof, finished = certificate_message(b"", ()), verify_message(0x0403, b""), finished_message(b"")
        for parts, words in (
            ((), "type none stands where CERTIFICATE belongs"),
            ((shown,), "type none stands where CERTIFICATE_VERIFY belongs"),
            ((shown, finished), "type 20 stands where CERTIFICATE_VERIFY belongs"),
            ((shown, proof), "type none stands where FINISHED belongs"),
            ((proof, shown, finished), "type 15 stands where CERTIFICATE belongs"),
            ((shown, proof, proof, finished), "type 15 stands where FINISHED belongs"),
            ((REQUESTS[0].to_bytes(),), "type 13 stands where CERTIFICATE belongs"),
            ((shown, proof, finished, b"\0"), "1 bytes too many"),
            ((finished, finished), "4 bytes too many"),
            ((finished, shown, proof), "too many"),
        ):
            self.refused(b"".join(parts), words)

    def test_certificate(self) -> None:
        """E10, E12: the entries of a Certificate are whole, and have no extensions, for none were asked for."""
        for entries, words in (
            ("000001 61 0000 00", "a certificate ends too early"),
            ("000002 61", "a certificate ends too early"),
            ("000001 61 00", "the extensions of a certificate ends too early"),
            ("000001 61 0004 0005 0000", "extensions that were not asked for"),
            ("000001 61 0000" * 3, "more than 2 certificates"),
        ):
            self.refused(certificate(bytes.fromhex(entries)), words)

    def test_left_over(self) -> None:
        """E12: no message has bytes behind what it holds."""
        shown, proof, finished = b"\x0b\0\0\x04\0\0\0\0", b"\x0f\0\0\x04\4\3\0\0", finished_message(b"")
        read_authenticator(shown + proof + finished, max_certificates=2)
        self.refused(b"\x0b\0\0\x05\0\0\0\0\0" + proof + finished, "too many in Certificate")
        self.refused(shown + b"\x0f\0\0\x05\4\3\0\0\0" + finished, "too many in CertificateVerify")
        self.refused(shown + b"\x0f\0\0\x01\4" + finished, "CertificateVerify ends too early")

    @given(st.binary(max_size=80))
    def test_anything(self, data: bytes) -> None:
        """E12: of any bytes either the same can be written again, or they are refused."""
        try:
            messages = read_authenticator(data, max_certificates=2)
        except MessageMalformed:
            return
        parts = [part.data for part in messages.shown or ()]
        self.assertEqual(data, b"".join(parts) + finished_message(messages.verify_data))
