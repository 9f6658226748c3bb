"""
The certificates a configuration names, kept in step with it.

Knows which files and directories were asked for, and which domains are left without a certificate
that peers accept. Does not know how files are read: see :mod:`muxs2s.network.certificates`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from muxs2s.network.certificates import CertificateProblem, CertificateStore, Reload
from muxs2s.server.config import Configuration
from muxs2s.server.material import CertificateFiles
from muxs2s.wire.names import DomainName

__all__ = ["ConfiguredCertificates"]

_Source = CertificateFiles | Path
"""A pair of files, or a directory."""


class ConfiguredCertificates:
    """
    Fills a store from the files and directories of a configuration.

    :param store: certificates others put into it are left alone.
    """

    def __init__(self, store: CertificateStore) -> None:
        self.store = store
        self._added: dict[str, _Source] = {}

    def load(self, configuration: Configuration, now: float) -> Reload:
        """
        Add what is named and was not there, forget what is named no more, and look at all files again.

        What could not be read is tried again the next time; what it would have replaced stays.

        :param now: seconds since the epoch.
        :returns: what is new or renewed, what is gone, and the faults of files and directories. A
            certificate that can be read but that peers refuse is the business of :meth:`complaints`.
        """
        wanted: dict[str, _Source] = {str(files.certificate): files for files in configuration.certificate_files}
        wanted.update((str(directory), directory) for directory in configuration.certificate_directories)
        had = tuple(credentials.path for credentials in self.store)
        for path in self._added.keys() - wanted.keys():
            del self._added[path]
            self.store.remove(path)
        added = [self._add(path, source) for path, source in wanted.items() if self._added.get(path) != source]
        again = self.store.reload(now)
        left = {credentials.path for credentials in self.store}
        expected = set(map(str, self.store.problems(now)))
        problems = [problem for reload in (*added, again) for problem in reload.problems]
        return Reload(
            read=tuple(read for reload in (*added, again) for read in reload.read),
            removed=tuple(path for path in had if path not in left),
            problems=tuple({str(problem): problem for problem in problems if str(problem) not in expected}.values()),
        )

    def complaints(self, domains: Iterable[DomainName], now: float) -> Iterator[str]:
        """
        Say which domains have no certificate that peers accept, each with the remedy.

        :param now: seconds since the epoch.
        """
        for domain in domains:
            credentials = self.store.for_domain(domain, now)
            if credentials is None:
                yield f"{domain}: no certificate names it: add one under certificates.files or certificates.directories"
            elif complaint := credentials.complaint(now):
                yield f"{domain}: {complaint}"

    def _add(self, path: str, source: _Source) -> Reload:
        try:
            if isinstance(source, Path):
                added = self.store.add_directory(source)
            else:
                read = self.store.add_files(source.certificate, source.key)
                added = Reload(read=(read,), removed=(), problems=())
        except CertificateProblem as problem:
            return Reload(read=(), removed=(), problems=(problem,))
        self._added[path] = source
        return added
