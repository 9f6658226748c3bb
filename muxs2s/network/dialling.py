"""
One connection to one address.

Knows how a TCP connection is opened and why it was not. Does not know which addresses there are, nor in
which order they are tried: see :mod:`muxs2s.network.connecting`.
"""

from __future__ import annotations

from typing import NoReturn

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from muxs2s.network.addresses import is_address
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.targets import Target
from muxs2s.network.transcript import Culprit, Transcript
from muxs2s.wire.errors import LocalMisuse, MuxS2SError

__all__ = ["AttemptFailed", "Dialler"]


class AttemptFailed(MuxS2SError):
    """One address did not answer; names the host, the address and the reason."""


class Dialler:
    """
    Opens connections.

    :param bind_address: an IP address of this host to connect from; peers of the other address family
        are connected to from whichever address the system chooses.
    :param connect_seconds: for one address to answer.
    :raises LocalMisuse: if ``bind_address`` is no IP address.
    """

    _log = Logger()

    def __init__(self, reactor: INetworkReactor, *, bind_address: str | None, connect_seconds: float) -> None:
        self._reactor, self._bind_address, self._connect_seconds = reactor, bind_address, connect_seconds
        if bind_address is not None and not is_address(bind_address):
            raise LocalMisuse(f"the address to connect from, {bind_address!r}, is no IP address")

    def dial(
        self, address: str, target: Target, factory: IProtocolFactory, transcript: Transcript
    ) -> Deferred[IProtocol]:
        """
        Open one connection.

        :param address: an IP address of the target.
        :param factory: asked for a protocol once the connection stands.
        :returns: fires with that protocol, and fails with :exc:`AttemptFailed`. Can be cancelled.
        """
        where = str(target) if target.is_address else f"{target} ({address})"
        step = transcript.begin("connect", where)

        def succeed(protocol: IProtocol) -> IProtocol:
            step.succeed("connected")
            return protocol

        def fail(failure: Failure) -> NoReturn:
            if failure.check(error.ConnectingCancelledError):
                raise AttemptFailed(f"{where}: given up")
            text, culprit = self._explain(failure, where)
            step.fail(text, culprit)
            raise AttemptFailed(f"{where}: {text}")

        return self._endpoint(address, target.port).connect(factory).addCallbacks(succeed, fail)

    def _endpoint(self, address: str, port: int) -> TCP4ClientEndpoint | TCP6ClientEndpoint:
        endpoint = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        bound = self._bind_address
        bind = (bound, 0) if bound is not None and (":" in bound) == (":" in address) else None
        return endpoint(self._reactor, address, port, timeout=self._connect_seconds, bindAddress=bind)

    def _explain(self, failure: Failure, where: str) -> tuple[str, Culprit]:
        """Why a connection failed, and whose fault that is."""
        text = failure.getErrorMessage()
        if failure.check(error.TimeoutError):
            return f"no answer within {self._connect_seconds:g} s", Culprit.NETWORK
        if failure.check(error.ConnectionRefusedError):
            return text, Culprit.PEER
        if failure.check(error.ConnectBindError):
            return text, Culprit.US
        if failure.check(error.ConnectError):
            return text, Culprit.NETWORK
        self._log.failure("cannot use a connection to {where}", failure, where=where)
        return text, Culprit.US
