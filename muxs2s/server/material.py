"""
Kinds of values that lead to files or secrets: certificates, authorities, what components know.

Knows how they are written, read and refused; a secret is in no message. Does not know which options
there are: see :mod:`muxs2s.server.options`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muxs2s.network.certificates import CertificateProblem, load_trust_anchors
from muxs2s.proof.dialback import MIN_SECRET_BYTES
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.server.kinds import Kind, ValueRefused, read_each, read_text, wrong_type

__all__ = [
    "ANCHORS",
    "CERTIFICATES",
    "DIRECTORIES",
    "LONG_SECRET",
    "LONG_SECRET_FILE",
    "SECRET",
    "SECRET_FILE",
    "SYSTEM",
    "CertificateFiles",
]

SYSTEM: Final = "system"
"""Written where the operating system's own choice is taken."""

MAX_SECRET_BYTES: Final = 4_096
"""Of a file that holds a secret."""

_PAIR: Final = '{ certificate = "FILE", key = "FILE" }, or "FILE" where one file holds both'


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """Where a certificate and its key are."""

    certificate: Path
    key: Path


def _directories(value: object, base: Path) -> tuple[Path, ...]:
    return read_each(value, DIRECTORIES.wants, lambda text: _path(text, base))


def _certificates(value: object, base: Path) -> tuple[CertificateFiles, ...]:
    if not isinstance(value, list):
        raise wrong_type(value, CERTIFICATES.wants)
    return tuple(_certificate_files(item, base, f"[{index}]") for index, item in enumerate(value))


def _certificate_files(item: object, base: Path, at: str) -> CertificateFiles:
    if isinstance(item, str):
        item = {"certificate": item, "key": item}
    if not isinstance(item, dict):
        raise wrong_type(item, _PAIR, at=at)
    for name in sorted({"certificate", "key", *item}):
        if name not in {"certificate", "key"}:
            raise ValueRefused("there is no such option", f"write {_PAIR}", at=f"{at}.{name}")
        if not isinstance(item.get(name), str):
            raise ValueRefused("is missing, or no text", f"write {_PAIR}", at=f"{at}.{name}")
    return CertificateFiles(certificate=_path(item["certificate"], base, at), key=_path(item["key"], base, at))


def _path(text: str, base: Path, at: str = "") -> Path:
    if not text or "\0" in text:
        raise ValueRefused(f"{text!r} is no path", "write the path of a file or directory", at=at)
    return base / text


def _anchors(value: object, base: Path) -> TrustAnchors:
    text = read_text(value, ANCHORS.wants)
    try:
        return load_trust_anchors(None if text == SYSTEM else _path(text, base))
    except CertificateProblem as problem:
        raise ValueRefused(str(problem), f"write {ANCHORS.wants}") from None


def _secret(value: object, _base: Path) -> str:
    if isinstance(value, dict):
        raise ValueRefused("is a table", 'put a domain with dots in quotes: "gw.a.example" = "SECRET"')
    if not isinstance(value, str):
        raise wrong_type(value, SECRET.wants, secret=True)
    if not value.strip():
        raise ValueRefused("is empty, so that anybody would be let in", f"write {SECRET.wants}")
    return value


def _secret_file(value: object, base: Path) -> str:
    path = _path(read_text(value, SECRET_FILE.wants), base)
    secret = _text_in(path)
    if not secret:
        raise ValueRefused(f"{path} is empty, so that anybody would be let in", "write the secret into it")
    return secret


def _dialback_secret(value: object, _base: Path) -> str | None:
    if not isinstance(value, str):
        raise wrong_type(value, LONG_SECRET.wants, secret=True)
    return _long_enough(value, "is") if value else None


def _dialback_secret_file(value: object, base: Path) -> str | None:
    text = read_text(value, LONG_SECRET_FILE.wants)
    if not text:
        return None
    path = _path(text, base)
    return _long_enough(_text_in(path), f"{path} is")


def _long_enough(secret: str, what_is: str) -> str:
    if len(secret.encode()) < MIN_SECRET_BYTES:
        remedy = f"write {MIN_SECRET_BYTES} bytes or more, as openssl rand -hex 32 makes them"
        raise ValueRefused(f"{what_is} shorter than {MIN_SECRET_BYTES} bytes, so that it could be guessed", remedy)
    return secret


def _text_in(path: Path) -> str:
    """What a file says, without the white space around it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        text = content.decode("utf-8").strip()
    except OSError as error:
        raise ValueRefused(f"{path} cannot be read: {error.strerror}", "check the path and who may read it") from None
    except UnicodeDecodeError:
        raise ValueRefused(f"{path} is not text in UTF-8", "write the secret into it as text") from None
    if len(content) > MAX_SECRET_BYTES:
        raise ValueRefused(f"{path} is larger than {MAX_SECRET_BYTES} bytes", "write the secret into it, nothing else")
    return text


DIRECTORIES: Final = Kind(wants='a list of directories, such as ["/etc/letsencrypt"]', read=_directories)
CERTIFICATES: Final = Kind(
    wants='a list of pairs, such as [{ certificate = "a.pem", key = "a.key" }]', read=_certificates
)
ANCHORS: Final = Kind(wants=f'"{SYSTEM}", or a file or directory of certificates in PEM', read=_anchors)
SECRET: Final = Kind(wants="a secret that is not empty, as text", read=_secret)
SECRET_FILE: Final = Kind(wants="the path of a file that holds the secret", read=_secret_file)
LONG_SECRET: Final = Kind(
    wants=f'text of {MIN_SECRET_BYTES} bytes or more, or "" for one that each start makes', read=_dialback_secret
)
LONG_SECRET_FILE: Final = Kind(
    wants='the path of a file that holds the secret, or "" for none', read=_dialback_secret_file
)
