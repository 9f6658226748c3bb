"""
Proof that one end of a TLS connection holds the key of a certificate, made and checked.

Knows what is hashed, signed and MACed. Does not know which requests there were: see
:mod:`muxs2s.proof.authenticators`; nor whether the certificate is to be believed.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate

from muxs2s.proof.identity import CertificateNames, SubjectKey
from muxs2s.proof.schemes import SCHEMES, demand_signing_usage, schemes_of, sign, verify
from muxs2s.proof.tlsmessages import (
    AuthenticatorMessages,
    certificate_message,
    finished_message,
    verify_message,
)
from muxs2s.wire.errors import MuxS2SError

__all__ = ["AuthenticatorRefused", "AuthenticatorSender", "OwnCertificate"]

_SIGNED_BEFORE: Final = b" " * 64 + b"Exported Authenticator\0"
"""
What a signature is made over, before the hash.

Source: RFC 9261, section 5.2.2.
"""


class AuthenticatorRefused(MuxS2SError):
    """A request or an authenticator is no good, or none can be made; the text says why."""


class OwnCertificate(Protocol):
    """A certificate of ours with its key, as :class:`muxs2s.network.pem.Credentials`."""

    @property
    def leaf(self) -> Certificate:
        """What is proven."""
        ...

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """The issuers sent along, without the root."""
        ...

    @property
    def private_key(self) -> PrivateKeyTypes:
        """Of the leaf."""
        ...

    @property
    def names(self) -> CertificateNames:
        """What it names."""
        ...

    @property
    def subject(self) -> SubjectKey:
        """What it has in common with the one that renews it."""
        ...

    @property
    def ends(self) -> float:
        """Seconds since the epoch."""
        ...


class AuthenticatorSender:
    """
    The end of a TLS connection that authenticators come from: what they are bound to.

    :param hash_name: of the cipher suite.
    :param context: exported for this end, the "handshake context".
    :param finished: exported for this end, the key of the MAC.

    Source: RFC 9261, sections 5.1 and 5.2.
    """

    def __init__(self, hash_name: str, context: bytes, finished: bytes) -> None:
        self._start = hashlib.new(hash_name, context)
        self._mac = hmac.new(finished, digestmod=hash_name)

    def make(self, request: bytes, context: bytes, schemes: tuple[int, ...], certificate: OwnCertificate) -> bytes:
        """
        Make an authenticator.

        :param request: the request it answers, with its header.
        :param context: that of the request.
        :param schemes: what the peer takes, best first.
        :raises AuthenticatorRefused: if none of them fits.
        :raises KeyUnfit: if the certificate's key may not sign at all.
        """
        chain = [each.public_bytes(Encoding.DER) for each in (certificate.leaf, *certificate.chain)]
        scheme = _first_fitting(schemes, certificate)
        demand_signing_usage(certificate.leaf, chain[0])
        shown = certificate_message(context, chain)
        transcript = self._transcript(request, shown)
        signature = sign(scheme, certificate.private_key, _SIGNED_BEFORE + transcript.digest())
        proof = verify_message(scheme, signature)
        transcript.update(proof)
        return shown + proof + finished_message(self._verify_data(transcript))

    def check(self, request: bytes, context: bytes, messages: AuthenticatorMessages) -> tuple[Certificate, ...]:
        """
        Check an authenticator: cheap things first, the signature, then the MAC, which binds the peer alone.

        :param request: the request it is to answer, with its header.
        :param context: that of the request.
        :returns: the certificate, then its issuers as they came; nothing if the peer declines.
        :raises AuthenticatorRefused: if it does not hold.
        :raises KeyUnfit: if the key is unfit, or the signature is not its.
        :raises ValueError: if a certificate cannot be read; or any other exception of the library.

        Source: RFC 9261, sections 5.2.4, 6 and 7.4.
        """
        if messages.shown is None:
            self._compare(self._transcript(request, certificate_message(context, ())), messages.verify_data)
            return ()
        shown, proof = messages.shown
        if shown.context != context:
            raise AuthenticatorRefused("it answers another request")
        if not shown.certificates:
            raise AuthenticatorRefused("it shows no certificate and signs all the same")
        if proof.scheme not in SCHEMES:
            raise AuthenticatorRefused(f"signature scheme 0x{proof.scheme:04x} was not asked for")
        chain = tuple(map(load_der_x509_certificate, shown.certificates))
        key = _signing_key(chain[0], shown.certificates[0], proof.scheme)
        transcript = self._transcript(request, shown.data)
        verify(proof.scheme, key, proof.signature, _SIGNED_BEFORE + transcript.digest())
        transcript.update(proof.data)
        self._compare(transcript, messages.verify_data)
        return chain

    def _transcript(self, request: bytes, certificates: bytes) -> hashlib._Hash:
        """Begin to hash what is said; the rest is added by the caller."""
        begun = self._start.copy()
        begun.update(request)
        begun.update(certificates)
        return begun

    def _verify_data(self, transcript: hashlib._Hash) -> bytes:
        """
        Make what Finished holds.

        Source: RFC 9261, section 5.2.3.
        """
        mac = self._mac.copy()
        mac.update(transcript.digest())
        return mac.digest()

    def _compare(self, transcript: hashlib._Hash, verify_data: bytes) -> None:
        if not hmac.compare_digest(self._verify_data(transcript), verify_data):
            raise AuthenticatorRefused("its Finished is wrong: it was made for another connection, role or request")


def _first_fitting(schemes: tuple[int, ...], certificate: OwnCertificate) -> int:
    """The first of the peer's schemes that is a certificate's."""
    fitting = schemes_of(certificate.leaf, certificate.private_key)
    for scheme in schemes:
        if scheme in fitting:
            return scheme
    names = ", ".join(SCHEMES[scheme].name for scheme in fitting) or "none of TLS 1.3"
    raise AuthenticatorRefused(f"the peer takes no signature of this certificate's key, which signs by {names}")


def _signing_key(certificate: Certificate, der: bytes, scheme: int) -> PublicKeyTypes:
    """The key of a certificate, if it may sign by this scheme."""
    key = certificate.public_key()
    if scheme not in schemes_of(certificate, key):
        raise AuthenticatorRefused(f"its key does not sign by {SCHEMES[scheme].name}")
    demand_signing_usage(certificate, der)
    return key
