"""
The initiating server's side of a stream.

Knows what the server that opened the connection says and demands: TLS even where it is not offered,
a certificate that proves the domain it called, SASL EXTERNAL. Does not judge the certificate.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from muxs2s.stream.associations import OWN_CERTIFICATE, Direction, Grant
from muxs2s.stream.events import StreamReady, TLSAgreed
from muxs2s.stream.external import auth_element, failure_reason
from muxs2s.stream.features import EXTERNAL, is_features, read_features
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import INITIATING, StreamInput, StreamState
from muxs2s.stream.stream import Stream
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.header import StreamHeader
from muxs2s.wire.names import DomainPair
from muxs2s.wire.namespaces import SASL, TLS
from muxs2s.wire.stanza import Slice

__all__ = ["InitiatingStream"]

_ASKED_FOR: Final[Mapping[tuple[StreamState, str], str]] = MappingProxyType(
    {(StreamState.TLS_REQUESTED, TLS): "STARTTLS", (StreamState.PROVING, SASL): "our certificate"}
)
"""What a failure can answer, and when."""

_STARTTLS: Final = f"<starttls xmlns='{TLS}'/>".encode()


class InitiatingStream(Stream):
    """
    A stream that we open to a peer.

    The initial header is ready to be sent from the start.

    :param pair: our domain, then the peer's.
    """

    def __init__(self, pair: DomainPair, limits: StreamLimits, now: float) -> None:
        super().__init__(INITIATING, limits, now)
        self.pair = pair
        self._answers = pair.target
        """
        Who answers, by its header. A server that does not know whom we called answers in its own name
        (RFC 6120, section 4.9.1.3), so its error is heard before the name matters.
        """
        self._own_header = StreamHeader(from_domain=pair.sender, to_domain=pair.target)
        self._send_header(self._own_header)

    def _header(self, header: StreamHeader, now: float) -> None:
        if header.version is None or header.version < (1, 0):
            raise RemoteViolation(StreamCondition.UNSUPPORTED_VERSION, "the peer has no stream of version 1.0 or above")
        if header.id is None:
            raise RemoteViolation(StreamCondition.BAD_FORMAT, "the response header has no 'id'")
        self._machine.advance(StreamInput.HEADER)
        self._answers = header.from_domain or self.pair.target

    def _element(self, element: Slice, now: float) -> None:
        if self._answers != self.pair.target:
            raise RemoteViolation(StreamCondition.INVALID_FROM, f"{self._answers} answers for {self.pair.target}")
        if is_features(element):
            self._features(element, now)
        elif element.namespace == TLS and element.name == "proceed":
            self._machine.advance(StreamInput.TLS_AGREED)
            self._restart(self._limits.before_authentication)
            self._emit(TLSAgreed(own_domain=self.pair.sender, peer_domain=self.pair.target))
        elif element.namespace == SASL and element.name == "success":
            self._authenticated()
        elif element.namespace in {TLS, SASL} and element.name == "failure":
            self._refused_by_peer(element, now)
        else:
            self._ignore()

    def _refused_by_peer(self, failure: Slice, now: float) -> None:
        asked_for = _ASKED_FOR.get((self.state, failure.namespace))
        if asked_for is None:
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, f"a failure while {self.state.name}")
        text = f"{self.pair.target} refused {asked_for}: {failure_reason(failure)}"
        self._fail(StreamCondition.UNDEFINED_CONDITION, text, now)

    def _features(self, element: Slice, now: float) -> None:
        if self.state is StreamState.CARRYING:
            self._ignore()
            return
        state = self._machine.advance(StreamInput.FEATURES)
        if state is StreamState.TLS_REQUESTED:
            # Whatever is offered: the offer can be stripped on the way (RFC 7590, section 3.1).
            self._out.append(_STARTTLS)
        elif state is StreamState.CARRYING:
            self._carry(now)
            self._emit(StreamReady(pair=self.pair))
        elif EXTERNAL in read_features(element):
            self._out.append(auth_element(self.pair.sender))
        else:
            text = (
                f"{self.pair.target} offers no SASL EXTERNAL: it does not accept our certificate for {self.pair.sender}"
            )
            self._fail(StreamCondition.UNSUPPORTED_FEATURE, text, now)

    def _secured(self, now: float) -> None:
        self._want_proof(self.pair.target, self.pair.sender)

    def _proven(self, grant: Grant) -> None:
        self.associations.accept_target(Direction.OUTBOUND, self.pair.target, grant)
        self._send_header(self._own_header)

    def _refused(self, reasons: str, now: float) -> None:
        self._fail(StreamCondition.NOT_AUTHORIZED, f"{self.pair.target} is not proven: {reasons}", now)

    def _authenticated(self) -> None:
        self._machine.advance(StreamInput.AUTHENTICATED)
        self.associations.accept_sender(Direction.OUTBOUND, self.pair.sender, OWN_CERTIFICATE)
        self._restart(self._limits.after_authentication)
        self._send_header(self._own_header)

    def _header_for_error(self) -> StreamHeader:
        return self._own_header
