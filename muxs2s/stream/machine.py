"""
Where one stream stands, in either role.

Knows which step may follow which. Does not know what a step does: see
:mod:`muxs2s.stream.initiating` and :mod:`muxs2s.stream.receiving`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import auto
from types import MappingProxyType
from typing import Final

from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.kinds import Kind

__all__ = ["INITIATING", "RECEIVING", "StreamInput", "StreamMachine", "StreamState"]


class StreamState(Kind):
    """What a stream is waiting for."""

    PLAIN_OPENING = auto()
    """The peer's header, outside TLS."""
    PLAIN_NEGOTIATING = auto()
    """Receiving server: ``<starttls/>``. Initiating server: features."""
    PLAIN_JUDGING = auto()
    """Initiating server only: the verdict on where the peer was found, on a stream without TLS."""
    TLS_REQUESTED = auto()
    """Initiating server only: ``<proceed/>``."""
    SECURING = auto()
    """The TLS handshake."""
    SECURE_OPENING = auto()
    """The peer's header, inside TLS."""
    JUDGING = auto()
    """The verdict on the peer's certificate."""
    SECURE_NEGOTIATING = auto()
    """Initiating server only: features inside TLS."""
    PROVING = auto()
    """The end of SASL, or the answer to a dialback key."""
    PROVEN_OPENING = auto()
    """The peer's header after SASL."""
    PROVEN_NEGOTIATING = auto()
    """Initiating server only: features after SASL."""
    CARRYING = auto()
    """Stanzas."""
    CLOSING = auto()
    """The peer's closing tag; ours is sent. Stanzas on their way are still taken."""
    FAILING = auto()
    """The peer's closing tag; one end has sent an error. Nothing else is taken."""
    CLOSED = auto()
    """Nothing."""


class StreamInput(Kind):
    """What moves a stream on."""

    HEADER = auto()
    FEATURES = auto()
    TLS_AGREED = auto()
    TLS_DONE = auto()
    UNENCRYPTED = auto()
    """One end goes on without TLS, as the policy of the other lets it."""
    JUDGED = auto()
    AUTHENTICATED = auto()
    """By SASL."""
    PAIR_PROVEN = auto()
    """By dialback: nothing restarts."""
    CLOSE = auto()
    """We send the closing tag."""
    FAIL = auto()
    """One end sends an error, which always closes the stream."""
    END = auto()
    """The peer's closing tag came, time is up, or the connection is gone."""


_Table = Mapping[tuple[StreamState, StreamInput], StreamState]
_S, _I = StreamState, StreamInput

_OVER: Final = frozenset({_S.FAILING, _S.CLOSED})
_ENDINGS: Final[_Table] = {
    **{(state, _I.CLOSE): _S.CLOSING for state in StreamState if state not in _OVER | {_S.CLOSING}},
    **{(state, _I.FAIL): _S.FAILING for state in StreamState if state not in _OVER},
    **{(state, _I.END): _S.CLOSED for state in StreamState},
}

RECEIVING: Final[_Table] = MappingProxyType(
    {
        (_S.PLAIN_OPENING, _I.HEADER): _S.PLAIN_NEGOTIATING,
        (_S.PLAIN_NEGOTIATING, _I.TLS_AGREED): _S.SECURING,
        (_S.PLAIN_NEGOTIATING, _I.UNENCRYPTED): _S.PROVING,
        (_S.SECURING, _I.TLS_DONE): _S.SECURE_OPENING,
        (_S.SECURE_OPENING, _I.HEADER): _S.JUDGING,
        (_S.JUDGING, _I.JUDGED): _S.PROVING,
        (_S.PROVING, _I.PAIR_PROVEN): _S.CARRYING,
        (_S.PROVING, _I.AUTHENTICATED): _S.PROVEN_OPENING,
        (_S.PROVEN_OPENING, _I.HEADER): _S.CARRYING,
        **_ENDINGS,
    }
)
"""The receiving server judges once it knows which domain the peer claims."""

INITIATING: Final[_Table] = MappingProxyType(
    {
        (_S.PLAIN_OPENING, _I.HEADER): _S.PLAIN_NEGOTIATING,
        (_S.PLAIN_NEGOTIATING, _I.FEATURES): _S.TLS_REQUESTED,
        (_S.PLAIN_NEGOTIATING, _I.UNENCRYPTED): _S.PLAIN_JUDGING,
        (_S.PLAIN_JUDGING, _I.JUDGED): _S.PROVING,
        (_S.TLS_REQUESTED, _I.TLS_AGREED): _S.SECURING,
        (_S.SECURING, _I.TLS_DONE): _S.JUDGING,
        (_S.JUDGING, _I.JUDGED): _S.SECURE_OPENING,
        (_S.SECURE_OPENING, _I.HEADER): _S.SECURE_NEGOTIATING,
        (_S.SECURE_NEGOTIATING, _I.FEATURES): _S.PROVING,
        (_S.PROVING, _I.PAIR_PROVEN): _S.CARRYING,
        (_S.PROVING, _I.AUTHENTICATED): _S.PROVEN_OPENING,
        (_S.PROVEN_OPENING, _I.HEADER): _S.PROVEN_NEGOTIATING,
        (_S.PROVEN_NEGOTIATING, _I.FEATURES): _S.CARRYING,
        **_ENDINGS,
    }
)
"""The initiating server judges before it says a word inside TLS: it knows whom it called."""


class StreamMachine:
    """
    Where one stream stands. Anything absent from the table is a violation and moves nothing.

    :param direct_tls: whether it begins with the TLS handshake (XEP-0368), not with a header.
    """

    def __init__(self, table: _Table, *, direct_tls: bool = False) -> None:
        self.state = StreamState.SECURING if direct_tls else StreamState.PLAIN_OPENING
        self._table = table

    def advance(self, by: StreamInput) -> StreamState:
        """
        Move on.

        :returns: where the stream stands now.
        :raises RemoteViolation: ``policy-violation``, if nothing of the kind is due; the caller
            then closes the stream, which every state but the last three allows.
        """
        after = self._table.get((self.state, by))
        if after is None:
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, f"{by.name} while {self.state.name}")
        self.state = after
        return after
