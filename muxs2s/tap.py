"""
The server under twistd: its options, its service, and what a process of its own needs.

Knows the command line, SIGHUP, the limit of open files and the global reactor. Does not know what a
configuration holds: see :mod:`muxs2s.server.config`.
"""

from __future__ import annotations

import gc
import resource
import signal
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Final, cast

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python import usage

from muxs2s.network.reactors import INetworkReactor
from muxs2s.server.config import Configuration, ConfigurationRefused, read_configuration
from muxs2s.server.federation import FederationServer

__all__ = ["LOW_OPEN_FILES", "Options", "OwnProcess", "makeService", "raise_open_files"]

LOW_OPEN_FILES: Final = 8_192
"""Fewer files that may be open are worth a line in the log: each stream is one."""

_log = Logger()


class Options(usage.Options):
    """What follows ``twistd muxs2s``."""

    synopsis = "--config FILE"
    longdesc = (
        "Lets your domains talk to other XMPP servers. Components in any language connect to it (XEP-0114). "
        "SIGHUP has it read the configuration and the certificates again."
    )
    optParameters: ClassVar[list[list[str | None]]] = [
        ["config", "c", None, "The configuration, a file in TOML."],
    ]

    path: Path
    """The file, in full: a daemon changes its directory."""

    configuration: Configuration

    def parseArgs(self, *others: str) -> None:
        """
        Refuse what is no option.

        :raises usage.UsageError: with the remedy.
        """
        if others:
            raise usage.UsageError(f"{others[0]!r} is no option. Remedy: --config FILE.")

    def postOptions(self) -> None:
        """
        Read the configuration.

        :raises usage.UsageError: with everything that is wrong with it.
        """
        if self["config"] is None:
            raise usage.UsageError("which configuration? Remedy: --config FILE.")
        self.path = Path(self["config"]).absolute()
        try:
            self.configuration = read_configuration(self.path)
        except ConfigurationRefused as refused:
            raise usage.UsageError(f"the configuration is faulty:\n{refused}") from None


def makeService(options: Options) -> FederationServer:
    """Make the server for twistd: federation, the listener for components, and the eyes for SIGHUP."""
    from twisted.internet import reactor

    server = FederationServer(cast(INetworkReactor, reactor), options.configuration)
    process = OwnProcess(cast(IReactorFromThreads, reactor), server, options.path)
    process.setServiceParent(server)  # type: ignore[no-untyped-call]  # Twisted has not typed it
    return server


class OwnProcess(Service):
    """
    What a server does that has its process to itself.

    It raises the limit of open files, has Python's collector pass over what is there from the start, and on SIGHUP
    reads the configuration and the certificates again.

    :param path: of the configuration.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorFromThreads, server: FederationServer, path: Path) -> None:
        self._reactor, self._server, self._path = reactor, server, path
        self._previous: Any = signal.SIG_DFL

    def startService(self) -> None:
        """Begin to listen for SIGHUP."""
        super().startService()  # type: ignore[no-untyped-call]  # Twisted has not typed it
        raise_open_files()
        gc.freeze()  # to look through all the modules takes 50 ms each time, in which nothing else is done
        self._previous = signal.signal(signal.SIGHUP, self._hung_up) or signal.SIG_DFL
        self._name_unserved()

    def stopService(self) -> None:
        """Leave SIGHUP to whoever had it before."""
        super().stopService()  # type: ignore[no-untyped-call]  # Twisted has not typed it
        signal.signal(signal.SIGHUP, self._previous)

    def reload(self) -> None:
        """Read the configuration and the certificates again; a faulty configuration changes nothing."""
        if not self.running:
            return
        try:
            configuration = read_configuration(self._path)
        except ConfigurationRefused as refused:
            for problem in refused.problems:
                self._log.error("{problem}", problem=str(problem))
            self._log.error("{path} is faulty; everything stays as it was", path=str(self._path))
            return
        self._server.apply(configuration)
        self._name_unserved()

    def _hung_up(self, _signal: int, _frame: FrameType | None) -> None:
        """Called between any two instructions: the reactor does the work later."""
        self._reactor.callFromThread(self.reload)

    def _name_unserved(self) -> None:
        for domain in self._server.unserved:
            self._log.warn(
                "{domain}: no component can serve it: give one a secret under components.secrets", domain=domain
            )


def raise_open_files() -> int:
    """
    Let this process open as many files as the system allows it, and say so where that is few.

    :returns: how many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):
            _log.info("the limit of open files stays at {soft}: the system refuses {hard}", soft=soft, hard=hard)
    if soft != resource.RLIM_INFINITY and soft < LOW_OPEN_FILES:
        _log.info(
            "{limit} files may be open at once, and each stream is one: for more, raise the hard limit, "
            "by LimitNOFILE in the unit for systemd or by ulimit -Hn",
            limit=soft,
        )
    return soft
