"""Tests of :mod:`muxs2s.network.listening`."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from muxs2s.network.listening import ListeningPlaces
from tests.hosts.logs import Logged


class _Port:
    """A port that closes when it is told to, or not."""

    def __init__(self, closing: Deferred[None]) -> None:
        self.closing = closing
        self.closed = 0

    def stopListening(self) -> Deferred[None]:
        """As :class:`IListeningPort`."""
        self.closed += 1
        return self.closing


@implementer(IStreamServerEndpoint)
class _Endpoint:
    """An endpoint whose result is given."""

    def __init__(self, result: Deferred[IListeningPort]) -> None:
        self.result = result

    def __str__(self) -> str:
        return "somewhere"

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """As :class:`IStreamServerEndpoint`."""
        return self.result


class ListeningPlacesTests(SynchronousTestCase):
    """Several places, opened and closed together."""

    def setUp(self) -> None:
        self.logged = Logged(self)
        self.port = _Port(succeed(None))

    def places(self, *results: object) -> ListeningPlaces:
        """Places that listening brings those ports or failures."""
        endpoints = [
            _Endpoint(fail(result) if isinstance(result, Exception) else succeed(result))  # type: ignore[arg-type]  # doubles
            for result in results
        ]
        return ListeningPlaces(endpoints, "nobody can connect at {endpoint}: {reason}. Remedy: none")

    def test_open_and_close(self) -> None:
        """Every port that was opened is closed, once."""
        places = self.places(self.port)
        self.assertFalse(places.is_open)
        places.open(Factory())
        self.assertTrue(places.is_open)
        self.successResultOf(places.close())
        self.successResultOf(places.close())
        self.assertEqual((False, 1), (places.is_open, self.port.closed))

    def test_refused(self) -> None:
        """A place that cannot be used is one line in the log, and the others serve."""
        places = self.places(OSError("in use."), self.port)
        places.open(Factory())
        self.assertEqual(["nobody can connect at somewhere: in use. Remedy: none"], self.logged.lines)
        self.successResultOf(places.close())
        self.assertEqual(1, self.port.closed)

    def test_port_that_fails_to_close(self) -> None:
        """A port that fails to close is logged, and the others close."""
        places = self.places(_Port(fail(OSError())), self.port)
        places.open(Factory())
        self.successResultOf(places.close())
        self.assertEqual(1, self.port.closed)
        self.assertEqual(1, len(self.flushLoggedErrors(OSError)))
