"""
Whether the peer is still there.

Knows when a silent peer is asked, what may count as its answer, which is anything at all, and how we answer
a peer that asks. Does not know how a connection ends: see :mod:`muxs2s.stream.stream`.
"""

from __future__ import annotations

from math import inf

from muxs2s.stream.limits import StreamLimits
from muxs2s.wire.markup import start_tag
from muxs2s.wire.names import DomainPair
from muxs2s.wire.namespaces import PING
from muxs2s.wire.stanza import Slice

__all__ = ["WHITE_SPACE", "Liveness", "answer_to_ping"]

WHITE_SPACE = b" "
"""Shows a peer that we are there, and asks for no answer (RFC 6120, section 4.6.1)."""

_ID = "muxs2s-ping-"


class Liveness:
    """
    The silence of one peer, in seconds.

    Source: RFC 6120, sections 4.6 and 4.9.3.4; XEP-0199, section 4.3.
    """

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self._heard_at = 0.0
        self._asked_at = inf
        self._pings = 0
        self._asked: DomainPair | None = None
        """The pair of the ping that has not been answered."""

    @property
    def deadline(self) -> float:
        """When the peer has been silent for too long, seconds."""
        quiet_until = self._heard_at + self._limits.quiet_seconds
        return min(quiet_until, self._asked_at + self._limits.answer_seconds)

    @property
    def is_asked(self) -> bool:
        """Whether a ping has been sent and nothing has come since."""
        return self._asked_at != inf

    def heard(self, now: float) -> None:
        """The peer has said something, whatever it was, or has been sent what needs no answer."""
        self._heard_at, self._asked_at = now, inf

    def ping(self, pair: DomainPair, now: float) -> bytes:
        """
        Ask the peer.

        :param pair: may be used in both directions.
        """
        self._heard_at = self._asked_at = now
        self._pings += 1
        self._asked = pair
        return (
            f"<iq type='get' id='{_ID}{self._pings}' from='{pair.sender}' to='{pair.target}'>"
            f"<ping xmlns='{PING}'/></iq>"
        ).encode()

    def takes(self, stanza: Slice) -> bool:
        """Whether this is the answer to the last ping: an error is as good as a result, and goes no further."""
        if self._asked is None or stanza.id != f"{_ID}{self._pings}" or stanza.name != "iq":
            return False
        is_answer = stanza.type in {"result", "error"} and stanza.pair == self._asked.reversed()
        if is_answer:
            self._asked = None
        return is_answer


def answer_to_ping(stanza: Slice) -> bytes | None:
    """
    Answer a peer that asks whether we are there: we, not the host of the domain, which may be away.

    :returns: ``None`` for whatever else it is: only a server pings from a bare domain to a bare domain.

    Source: XEP-0199, section 4.3.
    """
    if stanza.name != "iq" or stanza.type != "get" or PING.encode() not in stanza.data:
        return None
    is_of_servers = stanza.pair == (stanza.from_address, stanza.to_address)
    if not is_of_servers or not any(stanza.tree().elements(PING, "ping")):
        return None
    addressed = {"from": stanza.to_address, "to": stanza.from_address, "type": "result", "id": stanza.id}
    return f"{start_tag('iq', addressed)}</iq>".encode()
