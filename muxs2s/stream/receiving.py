"""
The receiving server's side of a stream.

Knows what the server that accepted the connection says and demands: TLS, then SASL EXTERNAL of a peer
whose certificate proves the domain of its header, or dialback where the peer's policy lets that do.
Does not judge proofs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Final

from muxs2s.stream.announced import read_limits
from muxs2s.stream.associations import OWN_CERTIFICATE, Direction, Grant
from muxs2s.stream.bidi import is_bidi_request
from muxs2s.stream.dialback import is_dialback
from muxs2s.stream.events import TLSAgreed
from muxs2s.stream.external import CHALLENGE, SUCCESS, SASLCondition, SASLFailed, check_authzid, failure_element
from muxs2s.stream.features import LIMITS, MULTIPLEXING, STARTTLS, StreamFact, features_element
from muxs2s.stream.machine import RECEIVING, StreamInput, StreamState
from muxs2s.stream.multiplexed import MultiplexedStream
from muxs2s.stream.side import OwnSide
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


class ReceivingStream(MultiplexedStream):
    """
    A stream that a peer opened to us.

    :param entropy: gives that many random bytes, such as :func:`os.urandom`.
    :param direct_tls: whether the connection begins with TLS.
    """

    _first_direction: ClassVar = Direction.INBOUND

    def __init__(self, side: OwnSide, entropy: Callable[[int], bytes], now: float, *, direct_tls: bool = False) -> None:
        super().__init__(RECEIVING, side, now, direct_tls=direct_tls)
        self._entropy = entropy
        self._facts = {StreamFact.TWO_WAY} if side.is_bidi else set()
        self._pair: DomainPair | None = None
        self._own_domain: DomainName | None = None
        """Named by the header outside TLS; decides only whose certificate is shown."""
        self._grant: Grant | None = None
        self._sasl_failures = 0
        self._challenged = False
        self._answer = StreamHeader(id=self._new_id())
        if direct_tls:
            self._emit(TLSAgreed(own_domain=None, peer_domain=None, direct=True))

    @property
    def pair(self) -> DomainPair | None:
        """The peer's domain and ours, as the last header inside TLS named them."""
        return self._pair

    # Headers and features.

    def _header(self, header: StreamHeader, now: float) -> None:
        self._answer = StreamHeader(to_domain=header.from_domain, id=self._new_id())
        if header.version is None or header.version < (1, 0):
            raise RemoteViolation(StreamCondition.UNSUPPORTED_VERSION, "the stream needs version 1.0 or above")
        target = named_domain(header.to_domain, "to")
        if target not in self._side.hosted:
            raise RemoteViolation(StreamCondition.HOST_UNKNOWN, f"{target} is not hosted here")
        self._answer = replace(self._answer, from_domain=target)
        if header.from_domain is not None and header.from_domain in self._side.hosted:
            raise RemoteViolation(StreamCondition.INVALID_FROM, f"{header.from_domain} is hosted here")
        if self.state is StreamState.PLAIN_OPENING:
            self._own_domain = target
            self._opened_outside_tls(header.from_domain)
        else:
            self._opened_inside_tls(DomainPair(named_domain(header.from_domain, "from"), target), now)

    def _opened_outside_tls(self, sender: DomainName | None) -> None:
        """Who calls is a hint as yet, believed to its disadvantage: it says whether TLS has to come first."""
        if sender is not None:
            self._check_admitted(sender)
        self._machine.advance(StreamInput.HEADER)
        if sender is not None and not self._side.policy(sender).require_encryption:
            self._facts.add(StreamFact.PLAIN_SERVES)
            self._note_dialback(sender)
        self._send_features()

    def _opened_inside_tls(self, pair: DomainPair, now: float) -> None:
        if self.state is not StreamState.SECURE_OPENING:
            self._opened_again(pair, now)
            return
        self._check_admitted(pair.sender)
        self._pair = pair
        self._machine.advance(StreamInput.HEADER)
        self._note_dialback(pair.sender)
        self._send_header(self._answer)
        self._want_proof(pair.sender, pair.target)

    def _opened_again(self, pair: DomainPair, now: float) -> None:
        """After SASL. Addresses may not change any more: incident or attack, it is a fault."""
        if pair != self._pair:
            raise RemoteViolation(StreamCondition.IMPROPER_ADDRESSING, f"{pair} after {self._pair} was authenticated")
        self._machine.advance(StreamInput.HEADER)
        self._send_features()
        self._carry(now)
        self._open(Direction.INBOUND, pair, now)

    def _check_admitted(self, sender: DomainName) -> None:
        if not self._side.policy(sender).is_admitted:
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, f"the policy of this server denies {sender}")

    def _note_dialback(self, sender: DomainName) -> None:
        if self._side.policy(sender).takes_dialback:
            self._facts.add(StreamFact.DIALBACK_SERVES)

    def _send_features(self) -> None:
        """Send the header, if it has not been sent, and the features after it (RFC 6120, section 4.3.2)."""
        if not self._header_sent:
            self._send_header(self._answer)
        contents = {LIMITS: self._side.announced.content}
        if StreamFact.PLAIN_SERVES in self._facts:
            contents[STARTTLS] = ""
        bounds = self._limits.multiplex
        attributes = {MULTIPLEXING: f" max-domains='{bounds.max_domains}' max-pending='{bounds.max_pending}'"}
        self._out.append(features_element(self._facts | self._multiplex_facts, contents, attributes))

    @property
    def _multiplex_facts(self) -> frozenset[StreamFact]:
        """Bidi has to be offered as yet, or on."""
        may_go_both_ways = self.is_two_way or StreamFact.AUTHENTICATED not in self._facts
        is_offered = self.is_secure and may_go_both_ways and self._side.is_bidi and self._can_multiplex
        return frozenset({StreamFact.MULTIPLEXES}) if is_offered else frozenset()

    def _ends(self) -> DomainPair:
        assert self._pair is not None, "the header inside TLS has come"
        return self._pair.reversed()

    def _send_header(self, header: StreamHeader) -> None:
        self.stream_id = header.id or ""
        super()._send_header(header)

    # What comes.

    def _element(self, element: Slice, now: float) -> None:
        """Whoever says dialback instead of ``<starttls/>`` goes without; which domains may is asked for each."""
        if element.namespace == TLS and element.name == "starttls":
            self._agree_on_tls(now)
        elif element.namespace == SASL and element.name in {"auth", "response", "abort"}:
            self._answer_sasl(element, now)
        elif is_dialback(element):
            if self.state is StreamState.PLAIN_NEGOTIATING and element.type is None:
                self._machine.advance(StreamInput.UNENCRYPTED)
            self._dialback(element, now)
        elif is_bidi_request(element):
            self._turn_two_way(element, now)
        elif self.state is StreamState.CARRYING:
            self._ignore(now)
        else:
            raise RemoteViolation(
                StreamCondition.UNSUPPORTED_STANZA_TYPE, f"<{element.name[:40]}/> while {self.state.name}"
            )

    def _agree_on_tls(self, now: float) -> None:
        self._machine.advance(StreamInput.TLS_AGREED)
        self._out.append(_PROCEED)
        self._restart(self._limits.before_authentication)
        self._facts = {StreamFact.TWO_WAY} & self._facts
        self._deadlines.begin_handshake(now)
        self._emit(TLSAgreed(own_domain=self._own_domain, peer_domain=None, direct=False))

    def _turn_two_way(self, request: Slice, now: float) -> None:
        """
        Take up bidi, once, inside TLS and before anything is proven; at other times it is not heard.

        Source: XEP-0288, section 2.1.
        """
        if self.state is not StreamState.PROVING or not self.is_secure or not self._side.is_bidi:
            self._ignore(now)
            return
        self.is_two_way = True
        self.peer_limits = read_limits(request.tree())

    def _secured(self, now: float) -> None:
        self._facts.add(StreamFact.SECURE)

    def _proven(self, grant: Grant, now: float) -> None:
        self._grant = grant
        self._facts |= {StreamFact.PEER_PROVEN, StreamFact.DIALBACK_SERVES}
        self._send_features()

    def _refused(self, reasons: str, now: float) -> None:
        """Without a proof by certificate dialback may do (RFC 7712, section 4.3; RFC 6120, section 6.4.5)."""
        if StreamFact.DIALBACK_SERVES in self._facts:
            self._machine.advance(StreamInput.JUDGED)
            self._send_features()
        else:
            self._fail(StreamCondition.POLICY_VIOLATION, f"no proof of {self._to_prove} was accepted: {reasons}", now)

    # SASL.

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
