"""
The signature schemes of TLS 1.3 that prove a certificate.

Knows which of them fit a certificate, and how each signs. Does not know what is signed: see
:mod:`muxs2s.proof.authenticators`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey, Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate, ExtensionNotFound, KeyUsage, ObjectIdentifier
from cryptography.x509.oid import PublicKeyAlgorithmOID

from muxs2s.proof.keys import why_costly, why_weak
from muxs2s.wire.errors import MuxS2SError

__all__ = ["SCHEMES", "KeyUnfit", "SignatureScheme", "demand_signing_usage", "schemes_of", "sign", "verify"]


class KeyUnfit(MuxS2SError):
    """A key or its certificate may not sign, or did not; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureScheme:
    """
    How a handshake of TLS 1.3 is signed.

    Source: RFC 8446, section 4.2.3.
    """

    name: str
    key: ObjectIdentifier
    """The kind of key, as certificates name it."""

    curve: str = ""
    """Of an ECDSA key: to each belongs one hash."""

    hash: HashAlgorithm | None = None
    """``None`` where the kind of key decides."""


_EC: Final = PublicKeyAlgorithmOID.EC_PUBLIC_KEY
_RSA: Final = PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5
_PSS: Final = PublicKeyAlgorithmOID.RSASSA_PSS

SCHEMES: Final[Mapping[int, SignatureScheme]] = MappingProxyType(
    {
        0x0403: SignatureScheme(name="ecdsa_secp256r1_sha256", key=_EC, curve="secp256r1", hash=SHA256()),
        0x0807: SignatureScheme(name="ed25519", key=PublicKeyAlgorithmOID.ED25519),
        0x0804: SignatureScheme(name="rsa_pss_rsae_sha256", key=_RSA, hash=SHA256()),
        0x0503: SignatureScheme(name="ecdsa_secp384r1_sha384", key=_EC, curve="secp384r1", hash=SHA384()),
        0x0805: SignatureScheme(name="rsa_pss_rsae_sha384", key=_RSA, hash=SHA384()),
        0x0806: SignatureScheme(name="rsa_pss_rsae_sha512", key=_RSA, hash=SHA512()),
        0x0603: SignatureScheme(name="ecdsa_secp521r1_sha512", key=_EC, curve="secp521r1", hash=SHA512()),
        0x0808: SignatureScheme(name="ed448", key=PublicKeyAlgorithmOID.ED448),
        0x0809: SignatureScheme(name="rsa_pss_pss_sha256", key=_PSS, hash=SHA256()),
        0x080A: SignatureScheme(name="rsa_pss_pss_sha384", key=_PSS, hash=SHA384()),
        0x080B: SignatureScheme(name="rsa_pss_pss_sha512", key=_PSS, hash=SHA512()),
    }
)
"""
Every scheme that is taken, by its number, the one liked best first.

RSASSA-PKCS1-v1_5 and SHA-1 are not among them: they sign certificates at most.
"""

_PSS_BY_ANY: Final = bytes.fromhex("300b06092a864886f70d01010a")
"""How a certificate says that its key is for RSASSA-PSS, with whatever hash."""

_PSS_BY_ONE: Final = MappingProxyType(
    {
        0x0809: bytes.fromhex(
            "304106092a864886f70d01010a3034a00f300d06096086480165030402010500"
            "a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
        ),
        0x080A: bytes.fromhex(
            "304106092a864886f70d01010a3034a00f300d06096086480165030402020500"
            "a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130"
        ),
        0x080B: bytes.fromhex(
            "304106092a864886f70d01010a3034a00f300d06096086480165030402030500"
            "a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140"
        ),
    }
)
"""
How it says that its key is for one hash, also inside MGF1, and for a salt of the length of that hash.

Source: RFC 4055, section 3.1.
"""

_KEY_USAGE_NAME: Final = b"\x06\x03\x55\x1d\x0f"
_SIGNING_USAGE: Final = re.compile(_KEY_USAGE_NAME + rb"(?:\x01\x01\xff)?\x04\x04\x03\x02[\x00-\x07][\x80-\xff]")
"""The extension, critical or not, around a BIT STRING of one octet, the first bit of which is digitalSignature."""

_BIT_STRING_BYTES: Final = 5
"""Before the bits of an RSA key of 2,048 bits or more: tag, length, and how many bits of the last octet are unused."""


def schemes_of(certificate: Certificate, key: PublicKeyTypes | PrivateKeyTypes) -> tuple[int, ...]:
    """
    Say which schemes prove a certificate.

    :param key: either half of its key; to read it from the certificate takes time.
    :returns: numbers of :data:`SCHEMES`; none if the key is of no such kind.
    :raises KeyUnfit: if the key is too short, or too long.
    :raises ValueError: if the certificate cannot be read; or any other exception of the library.

    Source: RFC 8446, sections 4.2.3 and 4.4.2.2.
    """
    kind = certificate.public_key_algorithm_oid
    if unfit := why_weak(certificate) or why_costly(certificate):
        raise KeyUnfit(unfit)
    if kind == _PSS and isinstance(key, RSAPublicKey | RSAPrivateKey):
        return _pss_schemes(certificate, key if isinstance(key, RSAPublicKey) else key.public_key())
    curve = key.curve.name if isinstance(key, EllipticCurvePublicKey | EllipticCurvePrivateKey) else ""
    return _BY_KEY.get((kind, curve), ())


def demand_signing_usage(certificate: Certificate, der: bytes) -> None:
    """
    See that the key of a certificate may sign handshakes.

    The library reads all extensions to tell one, which takes longer than all else but the signature. It is asked
    unless the certificate holds nothing that looks like key usage, or one such thing that lets the key sign.

    :param der: the whole certificate.
    :raises KeyUnfit: if its key usage says that it may not.
    :raises ValueError: if its extensions cannot be read; or any other exception of the library.

    Source: RFC 8446, section 4.4.2.2; RFC 5280, section 4.2.1.3.
    """
    places = der.count(_KEY_USAGE_NAME)
    if not places or (places == 1 and _SIGNING_USAGE.search(der)):
        return
    try:
        usage = certificate.extensions.get_extension_for_class(KeyUsage).value
    except ExtensionNotFound:
        return
    if not usage.digital_signature:
        raise KeyUnfit("its key usage lacks digitalSignature")


def sign(scheme: int, key: PrivateKeyTypes, content: bytes) -> bytes:
    """
    Sign.

    :param scheme: one of those that :func:`schemes_of` gives for the certificate.
    :raises KeyUnfit: if there is no signing with a key of this kind.
    """
    if isinstance(key, EllipticCurvePrivateKey):
        return key.sign(content, _ECDSA[scheme])
    if isinstance(key, RSAPrivateKey):
        return key.sign(content, *_PADDING[scheme])
    if isinstance(key, Ed25519PrivateKey | Ed448PrivateKey):
        return key.sign(content)
    raise KeyUnfit("its key is of a kind that signs no handshakes")


def verify(scheme: int, key: PublicKeyTypes, signature: bytes, content: bytes) -> None:
    """
    Check a signature.

    :param scheme: one of those that :func:`schemes_of` gives for the certificate.
    :raises KeyUnfit: if it is not that of this key under this content.
    """
    try:
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, content, _ECDSA[scheme])
        elif isinstance(key, RSAPublicKey):
            key.verify(signature, content, *_PADDING[scheme])
        elif isinstance(key, Ed25519PublicKey | Ed448PublicKey):
            key.verify(signature, content)
        else:
            raise KeyUnfit("its key is of a kind that signs no handshakes")
    except InvalidSignature:
        raise KeyUnfit(f"the signature by {SCHEMES[scheme].name} is not that of the certificate's key") from None


def _pss_schemes(certificate: Certificate, key: RSAPublicKey) -> tuple[int, ...]:
    """The library does not tell the parameters of such a key: they stand right before it."""
    bits = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    before = certificate.public_bytes(Encoding.DER).partition(bits)[0][:-_BIT_STRING_BYTES]
    if before.endswith(_PSS_BY_ANY):
        return tuple(_PSS_BY_ONE)
    return tuple(code for code, identifier in _PSS_BY_ONE.items() if before.endswith(identifier))


def _codes_by_key() -> dict[tuple[ObjectIdentifier, str], tuple[int, ...]]:
    found: dict[tuple[ObjectIdentifier, str], tuple[int, ...]] = {}
    for code, scheme in SCHEMES.items():
        key = scheme.key, scheme.curve
        found[key] = (*found.get(key, ()), code)
    return found


_BY_KEY: Final = MappingProxyType(_codes_by_key())
_ECDSA: Final = MappingProxyType(
    {code: ECDSA(scheme.hash) for code, scheme in SCHEMES.items() if scheme.hash and scheme.curve}
)
_PADDING: Final = MappingProxyType(
    {
        code: (PSS(MGF1(scheme.hash), scheme.hash.digest_size), scheme.hash)
        for code, scheme in SCHEMES.items()
        if scheme.hash and not scheme.curve
    }
)
