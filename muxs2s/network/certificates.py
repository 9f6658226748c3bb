"""
The certificates of our own domains.

Knows which certificate fits a domain, the directory layouts of certbot and dehydrated, and how to go
on with the old one when a new one is unusable. Does not know what is inside the files
(:mod:`muxs2s.network.pem`), nor TLS (:mod:`muxs2s.network.tls`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muxs2s.network.pem import (
    AnyPath,
    CertificateProblem,
    Credentials,
    load_trust_anchors,
    read_credentials,
    status_of,
    unreadable,
)
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName

__all__ = ["CertificateProblem", "CertificateStore", "Credentials", "Reload", "load_trust_anchors"]

_CERTIFICATE_FILE: Final = "fullchain.pem"
_KEY_FILE: Final = "privkey.pem"
_COLLECTIONS: Final = ("live", "certs")
"""Where certbot and dehydrated keep one directory per domain."""

_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """What came of looking at the files again."""

    read: tuple[Credentials, ...]
    """New or renewed."""

    removed: tuple[str, ...]
    """Paths of certificates that are in their directory no more."""

    problems: tuple[CertificateProblem, ...]
    """What could not be used, and which certificates peers will refuse. Where there was an older one it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """Where one certificate and its key are."""

    certificate: Path
    key: Path
    directory: str | None = None
    """The directory that was added, if it was found below one."""

    def stamp(self) -> _Stamp:
        """Tell one state of the files from another."""
        found = (status_of(path) for path in (self.certificate, self.key))
        return tuple((status.st_mtime_ns, status.st_size, status.st_ino) for status in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FromFiles:
    """What was last read from the files."""

    files: _Files
    stamp: _Stamp
    credentials: Credentials


class CertificateStore:
    """
    The certificates of our domains, chosen by the names in them.

    Files are read when they are added and by :meth:`reload`, at no other time.
    """

    def __init__(self) -> None:
        self.revision = 0
        """Grows whenever the certificates change."""

        self._given: dict[str, Credentials] = {}
        self._from_files: dict[str, _FromFiles] = {}
        self._directories: list[str] = []
        self._index: dict[str, list[Credentials]] | None = None

    def __iter__(self) -> Iterator[Credentials]:
        yield from self._given.values()
        for held in self._from_files.values():
            yield held.credentials

    def __len__(self) -> int:
        return len(self._given) + len(self._from_files)

    def __contains__(self, credentials: object) -> bool:
        if not isinstance(credentials, Credentials):
            return False
        held = self._from_files.get(credentials.path)
        return credentials is (held.credentials if held else self._given.get(credentials.path))

    def add(self, credentials: Credentials) -> None:
        """Add a certificate held in memory; it replaces one of the same ``path``."""
        self._given[credentials.path] = credentials
        self._changed()

    def add_files(self, certificate: AnyPath, key: AnyPath | None = None) -> Credentials:
        """
        Add a certificate with its issuers and its key from files in PEM.

        :param key: where the key is, unless it is in the same file.
        :raises CertificateProblem: if they cannot be used; then nothing is added. A certificate that
            can be used but will be refused, as it expired, is added: see :meth:`problems`.
        """
        held = _read(_Files(certificate=Path(certificate), key=Path(key or certificate)))
        self._from_files[held.credentials.path] = held
        self._changed()
        return held.credentials

    def add_directory(self, directory: AnyPath) -> Reload:
        """
        Add every certificate below a directory of certbot or dehydrated.

        :param directory: holds one directory per certificate with ``fullchain.pem`` and
            ``privkey.pem``, itself or in ``live`` or ``certs``: ``/etc/letsencrypt`` will do.
        :returns: what was read, and what could not be; :meth:`reload` tries that again.
        :raises CertificateProblem: if the directory cannot be read or holds no certificates.
        """
        name = os.fspath(directory)
        wanted = _files_below(name)
        if not wanted:
            raise CertificateProblem(name, f"holds no directory with {_CERTIFICATE_FILE} and {_KEY_FILE}")
        if name not in self._directories:
            self._directories.append(name)
        read, problems = self._take_all(wanted, None)
        self._changed()
        return Reload(read=read, removed=(), problems=problems)

    def remove(self, path: AnyPath) -> None:
        """
        Forget a certificate, or all of a directory.

        :param path: as it was added; of a pair of files that of the certificate.
        :raises LocalMisuse: if it was not added.
        """
        name = os.fspath(path)
        if name in self._directories:
            self._directories.remove(name)
            self._from_files = {key: held for key, held in self._from_files.items() if held.files.directory != name}
        elif self._given.pop(name, None) is None and self._from_files.pop(str(Path(name)), None) is None:
            raise LocalMisuse(f"{name} is no certificate or directory that was added")
        self._changed()

    def for_domain(self, domain: DomainName, now: float) -> Credentials | None:
        """
        Choose the certificate to show for a domain.

        :param now: seconds since the epoch.
        :returns: of those that name the domain one that is valid now rather than one that is not,
            then one that names it in full rather than by a wildcard, then the one that ends last;
            ``None`` if no certificate names it.
        """
        if self._index is None:
            self._index = _indexed(self)
        exact = self._index.get(domain.ascii, [])
        fitting = [*exact, *self._index.get(f"*.{domain.ascii.partition('.')[2]}", [])]
        if len(fitting) == 1:
            return fitting[0]
        return max(fitting, key=lambda found: (found.valid_at(now), found in exact, found.ends), default=None)

    def default(self, now: float) -> Credentials | None:
        """Give the first certificate added that is valid ``now``, else the first; ``None`` if there is none."""
        return next((found for found in self if found.valid_at(now)), next(iter(self), None))

    def problems(self, now: float) -> tuple[CertificateProblem, ...]:
        """List the certificates that peers will refuse ``now`` (seconds since the epoch), with the remedies."""
        return tuple(filter(None, (found.complaint(now) for found in self)))

    def reload(self, now: float) -> Reload:
        """
        Look at the files again and take what has changed.

        A certificate that became unusable, or that peers would refuse while they take the one at
        hand, is reported and the one at hand stays. One whose directory is gone is removed.

        :param now: seconds since the epoch.
        """
        wanted = [held.files for held in self._from_files.values() if held.files.directory is None]
        unseen: list[CertificateProblem] = []
        for name in self._directories:
            try:
                wanted += _files_below(name)
            except CertificateProblem as problem:
                unseen.append(problem)
                wanted += [held.files for held in self._from_files.values() if held.files.directory == name]
        read, problems = self._take_all(wanted, now)
        removed = tuple(self._from_files.keys() - {str(files.certificate) for files in wanted})
        for path in removed:
            del self._from_files[path]
        if read or removed:
            self._changed()
        return Reload(read=read, removed=removed, problems=(*unseen, *problems, *self.problems(now)))

    def _take_all(
        self, wanted: Iterable[_Files], now: float | None
    ) -> tuple[tuple[Credentials, ...], tuple[CertificateProblem, ...]]:
        read: list[Credentials] = []
        problems: list[CertificateProblem] = []
        for files in wanted:
            try:
                fresh = self._take(files, now)
            except CertificateProblem as problem:
                problems.append(problem)
            else:
                read += [fresh] if fresh else []
        return tuple(read), tuple(problems)

    def _take(self, files: _Files, now: float | None) -> Credentials | None:
        """Read the files if they changed, and take what they hold unless that makes it worse ``now``."""
        held = self._from_files.get(str(files.certificate))
        if held and held.stamp == files.stamp():
            return None
        fresh = _read(files)
        if held and now is not None and held.credentials.complaint(now) is None:
            complaint = fresh.credentials.complaint(now)
            if complaint is not None:
                raise complaint
        self._from_files[fresh.credentials.path] = fresh
        return fresh.credentials

    def _changed(self) -> None:
        self.revision += 1
        self._index = None


def _read(files: _Files) -> _FromFiles:
    stamp = files.stamp()  # before reading: what is written meanwhile is another state
    credentials = read_credentials(files.certificate, files.key)
    return _FromFiles(files=files, stamp=stamp, credentials=credentials)


def _indexed(credentials: Iterable[Credentials]) -> dict[str, list[Credentials]]:
    """Sort certificates by the names and patterns in them."""
    index: dict[str, list[Credentials]] = {}
    for found in credentials:
        for name in found.names.entries:
            index.setdefault(name, []).append(found)
    return index


def _files_below(directory: str) -> list[_Files]:
    """The pairs that ought to be below a directory of certbot or dehydrated; one file may be missing."""
    root = Path(directory)
    try:
        place = next((root / name for name in _COLLECTIONS if (root / name).is_dir()), root)
        places = sorted(entry for entry in place.iterdir() if entry.is_dir())
        found = [_Files(certificate=at / _CERTIFICATE_FILE, key=at / _KEY_FILE, directory=directory) for at in places]
        return [files for files in found if files.certificate.exists() or files.key.exists()]
    except OSError as error:
        raise unreadable(root, error) from None
