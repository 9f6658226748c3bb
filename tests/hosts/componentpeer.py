"""A component on a transport in memory: what it writes is read by a listener at once."""

from __future__ import annotations

import re
from hashlib import sha1

from twisted.internet.address import UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from muxs2s.hosts.componentconnection import ComponentConnection
from muxs2s.hosts.components import ComponentFactory
from muxs2s.hosts.componentstream import ComponentLimits
from muxs2s.testing.federation import MemoryFederation

DOMAIN = "bot.a.example"
SECRET = "sésame"
HEADER = (
    f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='{DOMAIN}'>"
)
MESSAGE = f"<message from='{DOMAIN}' to='c@b.example'><body>hello</body></message>"


def digest(stream_id: str, secret: str = SECRET) -> str:
    """What XEP-0114 asks for, made here by itself."""
    return sha1((stream_id + secret).encode()).hexdigest()  # noqa: S324 - the protocol knows no other hash


class Wire(StringTransport):
    """Counts writes and remembers that the connection was cut."""

    aborted = False
    writes = 0

    def write(self, data: bytes) -> None:
        """Write once more."""
        self.writes += 1
        super().write(data)

    def clear(self) -> None:
        """Forget what was written."""
        self.writes = 0
        super().clear()

    def abortConnection(self) -> None:
        """Cut the connection."""
        self.aborted = True


class Listener:
    """A listener with one component domain, its clock and its federation."""

    def __init__(self, limits: ComponentLimits | None = None, *domains: str) -> None:
        self.federation = MemoryFederation(*(domains or (DOMAIN,)))
        self.secrets = {DOMAIN: SECRET}
        self.clock = Clock()
        counter = iter(range(1_000))
        self.factory = ComponentFactory(
            self.federation,
            self.secrets.get,
            self.clock,
            limits or ComponentLimits(),
            entropy=lambda count: next(counter).to_bytes(count, "big"),
        )

    def connect(self) -> Component:
        """A component that has said nothing yet."""
        connection = self.factory.buildProtocol(UNIXAddress("component"))
        assert connection is not None
        return Component(connection)

    def connect_proven(self) -> Component:
        """A component that has shaken hands."""
        component = self.connect()
        component.write(HEADER)
        component.write(f"<handshake>{digest(component.stream_id)}</handshake>")
        component.wire.clear()
        return component


class Component:
    """The far end of one connection."""

    def __init__(self, connection: ComponentConnection) -> None:
        self.connection = connection
        self.wire = Wire()
        connection.makeConnection(self.wire)

    def write(self, xml: str | bytes) -> None:
        """Send bytes to the listener."""
        self.connection.dataReceived(xml.encode() if isinstance(xml, str) else xml)

    @property
    def read(self) -> str:
        """All that was written to the component and not cleared, with one kind of quotes."""
        written: bytes = self.wire.value()
        return written.decode().replace('"', "'")

    @property
    def producer(self) -> IPushProducer:
        """What the transport pauses while it is full."""
        producer: IPushProducer | None = self.wire.producer
        assert producer is not None
        return producer

    @property
    def stream_id(self) -> str:
        """The id in our header."""
        found = re.search("id='([^']*)'", self.read)
        assert found is not None, self.read
        return found[1]

    @property
    def condition(self) -> str | None:
        """The stream error it was sent."""
        found = re.search("<stream:error><([a-z-]+) ", self.read)
        return found[1] if found else None

    def lose(self) -> None:
        """End the connection as the network does."""
        self.connection.connectionLost(Failure(ConnectionDone()))
