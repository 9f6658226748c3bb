"""
What must hold of requests and authenticators whatever comes, as functions that raise :exc:`AssertionError`.

Any other exception is a fault as well.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from muxs2s.proof.authenticators import AuthenticatorKeys, AuthenticatorRefused, Authenticators, TLSRole
from muxs2s.proof.tlsmessages import certificate_message, finished_message, verify_message
from muxs2s.wire.names import DomainName
from tests.proof.authenticated import Own
from tests.wire.samples import vectors

_KNOWN: Final = vectors("exported_authenticators")["computed"]
_DOMAIN: Final = DomainName.parse("c.example")
_CONTEXT: Final = bytes(range(0x10, 0x30))
_BOUND_TO: Final = bytes.fromhex(_KNOWN["handshake_context"])
_MAC_KEY: Final = bytes.fromhex(_KNOWN["finished_mac_key"])
_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(_KNOWN["private_seed"]))
_CERTIFICATE: Final = x509.load_der_x509_certificate(bytes.fromhex(_KNOWN["certificate"]))
_OWN: Final = Own(leaf=_CERTIFICATE, private_key=_KEY)


def _end(role: TLSRole) -> Authenticators:
    """One end of a connection on which both export the same."""
    keys = AuthenticatorKeys(
        hash_name=_KNOWN["hash"],
        client_context=_BOUND_TO,
        client_finished=_MAC_KEY,
        server_context=_BOUND_TO,
        server_finished=_MAC_KEY,
    )
    return Authenticators(role, keys, lambda _length: _CONTEXT)


def _asked() -> tuple[Authenticators, bytes]:
    """A client that has asked for the domain, always the same way, and its request."""
    client = _end(TLSRole.CLIENT)
    return client, client.request(_DOMAIN)


def _finished(heard: bytes) -> bytes:
    """A Finished, made apart from the code."""
    return finished_message(hmac.digest(_MAC_KEY, hashlib.sha256(_BOUND_TO + heard).digest(), "sha256"))


def good_authenticators() -> tuple[bytes, bytes]:
    """What answers the client's request: a proof, and a refusal."""
    _, request = _asked()
    server = _end(TLSRole.SERVER)
    proof = server.authenticate(server.read_request(request, _DOMAIN), _OWN)
    return proof, _finished(request + certificate_message(_CONTEXT, ()))


_GOOD: Final = good_authenticators()


def check_request(data: bytes) -> None:
    """No request is for both roles; what is read can be answered or fits no scheme, and is not read again."""
    read = [role for role in TLSRole if _is_read(_end(role), data)]
    assert len(read) < len(TLSRole), data


def _is_read(end: Authenticators, data: bytes) -> bool:
    try:
        received = end.read_request(data, _DOMAIN)
    except AuthenticatorRefused:
        return False
    assert received.data == data
    fits = 0x0807 in received.schemes
    try:
        assert end.authenticate(received, _OWN) and fits, data
    except AuthenticatorRefused:
        assert not fits, data
    try:
        end.read_request(data, _DOMAIN)
    except AuthenticatorRefused:
        return True
    raise AssertionError(data)


def check_authenticator(data: bytes) -> None:
    """Whoever does not hold the keys of the connection can show what its peer has shown, and nothing else."""
    client, request = _asked()
    try:
        shown = client.check(request, data)
    except AuthenticatorRefused:
        assert data not in _GOOD, data
        return
    assert (data, shown) in zip(_GOOD, ((_CERTIFICATE,), ()), strict=True), data


def check_shown(scheme: int, certificate: bytes) -> None:
    """Of the certificates that are shown with a right MAC, only those are proven whose key has signed."""
    client, request = _asked()
    shown = certificate_message(_CONTEXT, (certificate,))
    hashed = hashlib.sha256(_BOUND_TO + request + shown).digest()
    proof = verify_message(scheme, _KEY.sign(b" " * 64 + b"Exported Authenticator\0" + hashed))
    try:
        [proven] = client.check(request, shown + proof + _finished(request + shown + proof))
    except AuthenticatorRefused:
        return
    assert (scheme, proven.public_key()) == (0x0807, _KEY.public_key()), certificate
