"""
A certification authority for tests, demonstrations and embedders.

Makes certificates good and bad for domains nobody owns. What it issues is worth nothing elsewhere:
the keys are made on the spot and live as long as the process.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, ObjectIdentifier

from muxs2s.network.pem import Credentials, PrivateKey, read_credentials
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.wire.names import DomainName

__all__ = ["CLIENT", "SERVER", "CertificateAuthority", "IssuedCredentials", "KeyKind", "NameKind", "general_name"]

SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
"""The purpose of a server's certificate, in both roles."""

CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH

_ALWAYS: Final = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC))
_DAY: Final = 86_400.0
_LIFETIME: Final = 90 * _DAY

_DNS_SRV: Final = ObjectIdentifier("1.3.6.1.5.5.7.8.7")
_XMPP_ADDR: Final = ObjectIdentifier("1.3.6.1.5.5.7.8.5")

_UTF8_STRING: Final = 0x0C
_IA5_STRING: Final = 0x16

_PURE: Final = (Ed25519PrivateKey, Ed448PrivateKey)
"""Keys that hash by themselves."""

NameKind = Literal["dns", "srv", "xmpp"]
"""What a domain is written as: dNSName, SRVName or XmppAddr."""

KeyKind = Literal["ec", "ed25519", "rsa", "rsa1024"]
"""P-256, Ed25519, RSA with 2048 bits, RSA with too few."""


def general_name(kind: NameKind, name: str) -> x509.GeneralName:
    """
    Make a subject alternative name.

    :param kind: ``dns`` for a dNSName, ``srv`` for an SRVName of the service ``_xmpp-server`` (or of
        the one ``name`` begins with), ``xmpp`` for an XmppAddr.
    :param name: a domain, for ``dns`` also a wildcard; A-labels unless ``xmpp``.

    Source: RFC 6120, section 13.7.1.2.1; RFC 4985, section 2.
    """
    if kind == "dns":
        return x509.DNSName(name)
    if kind == "xmpp":
        return x509.OtherName(_XMPP_ADDR, _string(_UTF8_STRING, name))
    service = name if name.startswith("_") else f"_xmpp-server.{name}"
    return x509.OtherName(_DNS_SRV, _string(_IA5_STRING, service))


def _string(tag: int, text: str) -> bytes:
    """DER of a string of at most 127 octets."""
    octets = text.encode()
    return bytes((tag, len(octets))) + octets


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IssuedCredentials(Credentials):
    """Credentials that can be written down; :class:`~muxs2s.network.certificates.CertificateStore` takes them."""

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, then its issuers without the root."""
        return b"".join(found.public_bytes(Encoding.PEM) for found in (self.leaf, *self.chain))

    @property
    def key_pem(self) -> bytes:
        """The private key, without a passphrase."""
        return _pem_of(self.private_key)

    def write(self, directory: str | os.PathLike[str]) -> tuple[Path, Path]:
        """
        Write ``fullchain.pem`` and ``privkey.pem``, as certbot and dehydrated name them.

        :param directory: is made if it is missing.
        :returns: the paths of the certificates and of the key.
        """
        place = Path(directory)
        place.mkdir(parents=True, exist_ok=True)
        paths = place / "fullchain.pem", place / "privkey.pem"
        paths[0].write_bytes(self.certificate_pem)
        paths[1].write_bytes(self.key_pem)
        return paths


class CertificateAuthority:
    """
    Issues certificates at will.

    :param name: its Common Name. Give two authorities different names.
    :param now: seconds since the epoch. Certificates are valid from the day before until 90 days
        later; without it from 2020 to 2099, so that no clock is needed.
    """

    def __init__(self, name: str = "muxs2s test CA", *, now: float | None = None) -> None:
        self._name = _common_name(name)
        self._now = now
        self._serial = 1
        self._key: PrivateKey = generate_private_key(SECP256R1())
        self._issuers: tuple[x509.Certificate, ...] = ()
        builder = self._builder(self._name, self._key, _ALWAYS[0], _ALWAYS[1])
        self.certificate: x509.Certificate = self._sign(_as_authority(builder, self._key, self._key, None))
        """The root, or the intermediate certificate this authority signs with."""

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> CertificateAuthority:
        """
        Take an authority from a file that holds its certificate and its key, in PEM.

        :raises CertificateProblem: if the file is unusable.
        """
        held = read_credentials(path)
        authority = cls()
        authority._name, authority._key, authority.certificate = held.leaf.subject, held.private_key, held.leaf
        authority._serial = int.from_bytes(os.urandom(8), "big")
        return authority

    @property
    def trust_anchors(self) -> TrustAnchors:
        """Trust this authority alone."""
        return TrustAnchors([self.certificate])

    @property
    def certificate_pem(self) -> bytes:
        """The authority's certificate, for a file of trust anchors."""
        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, path: str | os.PathLike[str], *, with_key: bool = False) -> Path:
        """
        Write the authority's certificate to a file and give its path.

        :param with_key: the key as well, for :meth:`read`.
        """
        place = Path(path)
        place.write_bytes(self.certificate_pem + (_pem_of(self._key) if with_key else b""))
        return place

    def intermediate(
        self,
        name: str = "muxs2s test intermediate CA",
        *,
        not_before: float | None = None,
        not_after: float | None = None,
        eku: Iterable[ObjectIdentifier] = (),
        path_length: int | None = None,
        permitted: Iterable[str | x509.GeneralName] = (),
        excluded: Iterable[str | x509.GeneralName] = (),
    ) -> CertificateAuthority:
        """
        Certify an authority below this one.

        :param not_before: seconds since the epoch.
        :param not_after: seconds since the epoch.
        :param eku: what its certificates may serve for; empty for anything.
        :param path_length: how many authorities may stand below it; ``None`` for any number.
        :param permitted: DNS domains (or other general names) its certificates must lie in, if given.
        :param excluded: DNS domains (or other general names) its certificates must not lie in.
        :returns: one whose certificates carry the intermediate certificate in their chain.
        """
        below = CertificateAuthority(name, now=self._now)
        begins, ends = self._period(not_before, not_after)
        builder = _as_authority(
            self._builder(below._name, below._key, begins, ends), below._key, self._key, path_length
        )
        constraints = _constraints(permitted, excluded)
        if constraints:
            builder = builder.add_extension(constraints, critical=True)
        if purposes := list(eku):
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        below.certificate = self._sign(builder)
        below._issuers = (below.certificate, *self._issuers)
        return below

    def issue(
        self,
        *names: str | x509.GeneralName,
        kind: NameKind = "dns",
        not_before: float | None = None,
        not_after: float | None = None,
        eku: Iterable[ObjectIdentifier] = (SERVER,),
        key: KeyKind = "ec",
        is_ca: bool = False,
        san_raw: bytes | None = None,
        common_name: str | None = None,
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    ) -> IssuedCredentials:
        """
        Issue a certificate with a new key.

        :param names: domains (U-labels or A-labels, wildcards), or names made by
            :func:`general_name`. None at all leaves the certificate without subject alternative names.
        :param kind: what the domains are written as; see :func:`general_name`.
        :param not_before: seconds since the epoch.
        :param not_after: seconds since the epoch.
        :param eku: what it serves for; empty for a certificate that does not say.
        :param key: ``ec`` (P-256), ``ed25519``, ``rsa`` (2048 bits), ``rsa1024``.
        :param is_ca: makes the certificate an authority's, which no server's should be.
        :param san_raw: DER to stand for the subject alternative names, however broken.
        :param common_name: subject; without it the subject is empty.
        :param extensions: further ones, each with whether it is critical.
        """
        private_key = _new_key(key)
        subject = _common_name(common_name) if common_name else x509.Name([])
        builder = self._builder(subject, private_key, *self._period(not_before, not_after))
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        builder = builder.add_extension(_by(self._key), critical=False)
        if san_raw is not None:
            raw = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, san_raw)
            builder = builder.add_extension(raw, critical=False)
        elif names:
            builder = builder.add_extension(_alternative_names(kind, names), critical=not common_name)
        if purposes := list(eku):
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        leaf = self._sign(builder)
        label = next((name for name in names if isinstance(name, str)), common_name or "nobody")
        path = f"{label} (number {leaf.serial_number} of {self._name.rfc4514_string()})"
        return IssuedCredentials(leaf=leaf, chain=self._issuers, private_key=private_key, path=path)

    def _period(self, not_before: float | None, not_after: float | None) -> tuple[datetime, datetime]:
        begins, ends = _ALWAYS
        if self._now is not None:
            begins, ends = _moment(self._now - _DAY), _moment(self._now + _LIFETIME)
        if not_after is not None:
            ends = _moment(not_after)
            begins = min(begins, _moment(not_after - _DAY))
        return (begins if not_before is None else _moment(not_before)), ends

    def _builder(
        self, subject: x509.Name, key: PrivateKey, begins: datetime, ends: datetime
    ) -> x509.CertificateBuilder:
        self._serial += 1
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(self._serial)
            .not_valid_before(begins)
            .not_valid_after(ends)
        )

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self._key, None if isinstance(self._key, _PURE) else SHA256())


def _as_authority(
    builder: x509.CertificateBuilder,
    key: PrivateKey,
    issuer: PrivateKey,
    path_length: int | None,
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_by(issuer), critical=False)
    )


def _pem_of(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _by(issuer: PrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())


def _constraints(
    permitted: Iterable[str | x509.GeneralName], excluded: Iterable[str | x509.GeneralName]
) -> x509.NameConstraints | None:
    within, without = (
        [x509.DNSName(name) if isinstance(name, str) else name for name in names] for names in (permitted, excluded)
    )
    if not within and not without:
        return None
    return x509.NameConstraints(permitted_subtrees=within or None, excluded_subtrees=without or None)


def _alternative_names(kind: NameKind, names: Iterable[str | x509.GeneralName]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_spelled(kind, name) if isinstance(name, str) else name for name in names])


def _spelled(kind: NameKind, name: str) -> x509.GeneralName:
    """Certificates hold A-labels; odd names are taken as they are."""
    return general_name(kind, name if name.isascii() else DomainName.parse(name).ascii)


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _new_key(kind: KeyKind) -> PrivateKey:
    if kind == "ec":
        return generate_private_key(SECP256R1())
    if kind == "ed25519":
        return Ed25519PrivateKey.generate()
    return generate_rsa_key(65_537, 1_024 if kind == "rsa1024" else 2_048)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
