"""
The places where connections are accepted, opened and closed together.

Knows endpoints and what to say of one that cannot be used. Does not know who connects there.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["ListeningPlaces"]


class ListeningPlaces:
    """
    Some endpoints. One that cannot be used is logged, and the others serve.

    :param complaint: what the log says of one that cannot be used, with ``{endpoint}`` and ``{reason}``.
    """

    _log = Logger()

    def __init__(self, endpoints: Sequence[IStreamServerEndpoint], complaint: str) -> None:
        self._endpoints, self._complaint = endpoints, complaint
        self._ports: list[Deferred[IListeningPort | None]] = []

    @property
    def is_open(self) -> bool:
        """Whether they were opened and not closed since."""
        return bool(self._ports)

    def open(self, factory: IProtocolFactory) -> None:
        """Begin to listen everywhere."""
        self._ports = [endpoint.listen(factory).addErrback(self._refused, endpoint) for endpoint in self._endpoints]

    def close(self) -> Deferred[None]:
        """
        Listen nowhere.

        :returns: fires when every port is closed; never fails.
        """
        ports, self._ports = self._ports, []
        closing = [Deferred.fromCoroutine(self._close(port)) for port in ports]
        return DeferredList(closing).addCallback(lambda _: None)

    async def _close(self, listening: Deferred[IListeningPort | None]) -> None:
        try:
            port = await listening
            if port is not None:
                await maybeDeferred(port.stopListening)
        except Exception:  # noqa: BLE001 - whatever a port does, the others close
            self._log.failure("a port failed to close")

    def _refused(self, failure: Failure, endpoint: IStreamServerEndpoint) -> None:
        reason = failure.getErrorMessage().rstrip(".")
        self._log.error(self._complaint, endpoint=str(endpoint), reason=reason)
