"""A server that opens streams well enough, and does wrong in whatever way it is told."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.protocols.tls import TLSMemoryBIOProtocol

from muxs2s.conformance.saying import (
    BIDI_OFFER,
    CLOSING,
    DIALBACK_OFFER,
    EXTERNAL_OFFER,
    PROCEED,
    SUCCESS,
    TLS_OFFER,
    features,
    header,
    stream_error,
)
from muxs2s.conformance.tls import AnsweringTLS
from muxs2s.multiplex.elements import PeerLimits
from tests.conformance.gullible import Gullible
from tests.server.configured import AUTHORITY

__all__ = ["MUX_OFFER", "Wrong", "WrongFactory"]

MUX_OFFER: Final = PeerLimits(max_domains=100, max_pending=8).feature.decode()
LIMITS_OFFER: Final = (
    "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>20000</max-bytes><idle-seconds>60</idle-seconds></limits>"
)

OURS: Final = "kit.example"

CERTIFICATE: Final = AUTHORITY.issue("b.example")


class Wrong(Enum):
    """What it does once a stream is open, or where it goes wrong before."""

    SILENT = auto()
    """Says nothing."""

    ECHOES = auto()
    """Says whatever it is told."""

    GIVES_UP = auto()
    """Knows no dialback, and ends the stream for no good reason."""

    HANGS_UP = auto()
    """Knows no dialback, and ends stream and connection."""

    PLAIN = auto()
    """Has no features, and says nothing."""

    SAYS_LITTLE = auto()
    """Leaves out of headers and features whatever can be left out."""

    OFFERS_MUCH = auto()
    """Offers everything always."""

    SHORT_LIMITS = auto()
    """Announces limits that are too low, and multiplexing without streams in both directions."""

    CREDULOUS = auto()
    """Believes everything, and answers every request, whoever sent it."""

    REFUSES = auto()
    """Multiplexes, and rejects whatever is begun."""

    REMEMBERS = auto()
    """Gives every stream the same id, and trusts whom it was called by first, if spelled as it is used to."""


class WrongServer(Protocol):
    """
    Takes any header, STARTTLS and any SASL; what follows is wrong.

    :param wrong: how.
    """

    def __init__(self, wrong: Wrong) -> None:
        self._wrong, self._headers, self._sender = wrong, 0, ""
        self._layer: TLSMemoryBIOProtocol | None = None
        self._gullible = Gullible()

    def dataReceived(self, data: bytes) -> None:
        """Go on, or go wrong."""
        if b"stream:stream" in data and b"</stream:stream>" not in data:
            self._headers += 1
            self._sender = self._sender or _sender(data)
            self._say(self._header(data), self._features())
        elif b"<starttls" in data:
            tls = AnsweringTLS(CERTIFICATE)
            self._say(PROCEED)
            self._transport.startTLS(tls)
            self._layer = tls.layer
        elif b"<auth" in data:
            self._say(SUCCESS)
        else:
            self._go_wrong(data)

    @property
    def _transport(self) -> Any:
        return self.transport

    def _header(self, data: bytes) -> str:
        if self._wrong is Wrong.SAYS_LITTLE:
            return header(xmlns_db=None, xml_lang=None).partition("?>")[2]
        id_ = "1" if self._wrong is Wrong.REMEMBERS else str(self._headers)
        return header(from_="b.example", to=_sender(data), id=id_)

    def _features(self) -> str:
        if self._wrong is Wrong.PLAIN:
            return features()
        if self._wrong is Wrong.SAYS_LITTLE:
            return features(TLS_OFFER, DIALBACK_OFFER.replace("<errors/>", ""))
        everything: tuple[str, ...] = (EXTERNAL_OFFER, DIALBACK_OFFER, BIDI_OFFER, LIMITS_OFFER, MUX_OFFER)
        if self._wrong in {Wrong.GIVES_UP, Wrong.HANGS_UP}:
            everything = (EXTERNAL_OFFER, BIDI_OFFER, LIMITS_OFFER, MUX_OFFER)
        if self._wrong is Wrong.OFFERS_MUCH:
            return features(TLS_OFFER, *everything)
        if self._wrong is Wrong.SHORT_LIMITS:
            everything = (*everything[:2], MUX_OFFER, LIMITS_OFFER.replace("20000", "2000"))
        if self._wrong is Wrong.REMEMBERS and self._sender != OURS:
            everything = ()
        return features(*([TLS_OFFER] if self._headers == 1 else everything))

    def _go_wrong(self, data: bytes) -> None:
        if self._wrong in {Wrong.CREDULOUS, Wrong.REFUSES}:
            self._say(*self._gullible.answers(data, self._sender, refuses=self._wrong is Wrong.REFUSES))
        elif self._wrong is Wrong.ECHOES:
            self._say(data.decode("utf-8", "replace"))
        elif self._wrong is Wrong.GIVES_UP:
            self._say(stream_error("undefined-condition"))
        elif self._wrong is Wrong.HANGS_UP:
            self._say(CLOSING)
            self._transport.loseConnection()

    def _say(self, *said: str) -> None:
        data = "".join(said).encode()
        if self._layer is None:
            self._transport.write(data)
        else:
            TLSMemoryBIOProtocol.write(self._layer, data)


def _sender(data: bytes) -> str:
    return data.decode("utf-8", "replace").partition('from="')[2].partition('"')[0]


class WrongFactory(ServerFactory):
    """Makes such a server of each connection."""

    def __init__(self, wrong: Wrong) -> None:
        self._wrong = wrong

    def buildProtocol(self, addr: IAddress | None) -> WrongServer:
        """Make one."""
        return WrongServer(self._wrong)
