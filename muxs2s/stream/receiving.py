"""
The receiving server's side of a stream.

Knows what the server that accepted the connection says and demands: TLS, a certificate that proves
the domain of the peer's header, SASL EXTERNAL. Does not judge the certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from typing import Final

from muxs2s.stream.associations import OWN_CERTIFICATE, Direction, Grant
from muxs2s.stream.events import StreamReady, TLSAgreed
from muxs2s.stream.external import CHALLENGE, SUCCESS, SASLCondition, SASLFailed, check_authzid, failure_element
from muxs2s.stream.features import StreamFact, features_element
from muxs2s.stream.limits import StreamLimits
from muxs2s.stream.machine import RECEIVING, StreamInput, StreamState
from muxs2s.stream.stream import Stream
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.header import StreamHeader, named_domain
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.namespaces import SASL, TLS
from muxs2s.wire.stanza import Slice

__all__ = ["ReceivingStream"]

STREAM_ID_BYTES: Final = 16
"""Random bytes in a stream id (RFC 6120, section 4.7.3: unpredictable)."""

_PROCEED: Final = f"<proceed xmlns='{TLS}'/>".encode()


class ReceivingStream(Stream):
    """
    A stream that a peer opened to us.

    :param hosted: the domains that are ours; looked at whenever a header comes.
    :param entropy: gives that many random bytes, such as :func:`os.urandom`.
    """

    _own_domain: DomainName
    """Named by the header outside TLS; decides only whose certificate is shown."""

    def __init__(
        self, hosted: Container[DomainName], limits: StreamLimits, entropy: Callable[[int], bytes], now: float
    ) -> None:
        super().__init__(RECEIVING, limits, now)
        self._hosted = hosted
        self._entropy = entropy
        self._facts: set[StreamFact] = set()
        self._pair: DomainPair | None = None
        self._grant: Grant | None = None
        self._sasl_failures = 0
        self._challenged = False
        self._answer = StreamHeader(id=self._new_id())

    @property
    def pair(self) -> DomainPair | None:
        """The peer's domain and ours, as the last header inside TLS named them."""
        return self._pair

    def _header(self, header: StreamHeader, now: float) -> None:
        self._answer = StreamHeader(to_domain=header.from_domain, id=self._new_id())
        if header.version is None or header.version < (1, 0):
            raise RemoteViolation(StreamCondition.UNSUPPORTED_VERSION, "the stream needs version 1.0 or above")
        target = named_domain(header.to_domain, "to")
        if target not in self._hosted:
            raise RemoteViolation(StreamCondition.HOST_UNKNOWN, f"{target} is not hosted here")
        self._answer = replace(self._answer, from_domain=target)
        if header.from_domain is not None and header.from_domain in self._hosted:
            raise RemoteViolation(StreamCondition.INVALID_FROM, f"{header.from_domain} is hosted here")
        if self.state is StreamState.PLAIN_OPENING:
            self._own_domain = target
            self._opened()
        else:
            self._opened_inside_tls(DomainPair(named_domain(header.from_domain, "from"), target), now)

    def _opened(self) -> None:
        self._machine.advance(StreamInput.HEADER)
        self._send_header(self._answer)
        self._out.append(features_element(self._facts))

    def _opened_inside_tls(self, pair: DomainPair, now: float) -> None:
        if self.state is StreamState.SECURE_OPENING:
            self._pair = pair
            self._machine.advance(StreamInput.HEADER)
            self._send_header(self._answer)
            self._want_proof(pair.sender, pair.target)
        elif pair != self._pair:
            raise RemoteViolation(StreamCondition.IMPROPER_ADDRESSING, f"{pair} after {self._pair} was authenticated")
        else:
            self._opened()
            self._carry(now)
            self._emit(StreamReady(pair=pair))

    def _element(self, element: Slice, now: float) -> None:
        if element.namespace == TLS and element.name == "starttls":
            self._agree_on_tls()
        elif element.namespace == SASL and element.name in {"auth", "response", "abort"}:
            self._answer_sasl(element, now)
        elif self.state is StreamState.CARRYING:
            self._ignore()
        else:
            raise RemoteViolation(
                StreamCondition.UNSUPPORTED_STANZA_TYPE, f"<{element.name[:40]}/> while {self.state.name}"
            )

    def _agree_on_tls(self) -> None:
        self._machine.advance(StreamInput.TLS_AGREED)
        self._out.append(_PROCEED)
        self._restart(self._limits.before_authentication)
        self._emit(TLSAgreed(own_domain=self._own_domain, peer_domain=None))

    def _secured(self, now: float) -> None:
        self._facts.add(StreamFact.SECURE)

    def _proven(self, grant: Grant) -> None:
        self._grant = grant
        self._facts.add(StreamFact.PEER_PROVEN)
        self._out.append(features_element(self._facts))

    def _refused(self, reasons: str, now: float) -> None:
        self._fail(StreamCondition.POLICY_VIOLATION, f"no proof was accepted: {reasons}", now)

    def _answer_sasl(self, element: Slice, now: float) -> None:
        if StreamFact.PEER_PROVEN not in self._facts:
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, "SASL before TLS and a certificate")
        try:
            self._authenticate(element)
        except SASLFailed as failed:
            self._sasl_failures += 1
            self._out.append(failure_element(failed.condition))
            if self._sasl_failures >= self._limits.max_sasl_failures:
                self._fail(StreamCondition.POLICY_VIOLATION, "too many failed attempts to authenticate", now)

    def _authenticate(self, element: Slice) -> None:
        """Record the grants, then tell the peer, so that nothing it sends next meets a closed door."""
        if self.state is not StreamState.PROVING or self._pair is None or self._grant is None:
            raise SASLFailed(SASLCondition.NOT_AUTHORIZED)
        challenged, self._challenged = self._challenged, False
        if element.name != "abort" and (element.name == "response") is not challenged:
            raise SASLFailed(SASLCondition.MALFORMED_REQUEST)
        if not check_authzid(element, self._pair.sender):
            self._challenged = True
            self._out.append(CHALLENGE)
            return
        self._machine.advance(StreamInput.AUTHENTICATED)
        self._facts.add(StreamFact.AUTHENTICATED)
        self.associations.accept_sender(Direction.INBOUND, self._pair.sender, self._grant)
        self.associations.accept_target(Direction.INBOUND, self._pair.target, OWN_CERTIFICATE)
        self._out.append(SUCCESS)
        self._restart(self._limits.after_authentication)

    def _restart(self, limits: FramingLimits) -> None:
        super()._restart(limits)
        self._answer = StreamHeader(id=self._new_id())

    def _header_for_error(self) -> StreamHeader:
        return self._answer

    def _new_id(self) -> str:
        return self._entropy(STREAM_ID_BYTES).hex()
