"""
The initiating server's side of a stream.

Knows what the server that opened the connection says and demands: TLS even where it is not offered, a
proof of the domain it called, then SASL EXTERNAL or, where that cannot be had, dialback. Does not judge
proofs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from muxs2s.stream.associations import OWN_CERTIFICATE, Direction, Grant
from muxs2s.stream.bidi import bidi_request
from muxs2s.stream.dialback import is_dialback
from muxs2s.stream.early import EarlyStanzas
from muxs2s.stream.events import Negotiated, TLSAgreed
from muxs2s.stream.external import auth_element, failure_reason
from muxs2s.stream.features import (
    BIDI,
    DIALBACK,
    EXTERNAL,
    STARTTLS,
    OfferedFeatures,
    is_features,
    read_features,
)
from muxs2s.stream.machine import INITIATING, StreamInput, StreamState
from muxs2s.stream.multiplexed import MultiplexedStream
from muxs2s.stream.side import OwnSide
from muxs2s.wire.errors import RemoteViolation, StanzaCondition, StreamCondition
from muxs2s.wire.framing import Framer
from muxs2s.wire.header import StreamFailure, StreamHeader
from muxs2s.wire.names import DomainPair
from muxs2s.wire.namespaces import SASL, TLS
from muxs2s.wire.stanza import Slice

__all__ = ["InitiatingStream"]

_ANSWERS: Final = frozenset({(TLS, "proceed"), (TLS, "failure"), (SASL, "success"), (SASL, "failure")})
"""What grants or refuses something that we have asked for, by namespace and name."""

_STARTTLS: Final = f"<starttls xmlns='{TLS}'/>".encode()


class InitiatingStream(MultiplexedStream):
    """
    A stream that we open to a peer.

    The initial header is ready to be sent from the start or, on direct TLS, after the handshake.

    :param pair: our domain, then the peer's.
    :param direct_tls: whether the connection begins with TLS.
    :param only_to_ask: whether the stream is there to ask the peer about keys, and proves nothing.
    """

    _first_direction: ClassVar = Direction.OUTBOUND

    def __init__(
        self, pair: DomainPair, side: OwnSide, now: float, *, direct_tls: bool = False, only_to_ask: bool = False
    ) -> None:
        super().__init__(INITIATING, side, now, direct_tls=direct_tls)
        self.pair = pair
        self._only_to_ask = only_to_ask
        self._answers = pair.target
        """
        Who answers, by its header. A server that does not know whom we called answers in its own name
        (RFC 6120, section 4.9.1.3), so its error is heard before the name matters.
        """
        self._declares_dialback = False
        self._requested = ""
        """The namespace of what we have asked for and await an answer to: TLS or SASL."""
        self._refusal = ""
        """What the peer has said of our certificate, if anything; it says less of the key that follows."""
        self._own_header = StreamHeader(from_domain=pair.sender, to_domain=pair.target)
        if direct_tls:
            self._emit(TLSAgreed(own_domain=pair.sender, peer_domain=pair.target, direct=True))
        else:
            self._send_header(self._own_header)

    @property
    def may_ask(self) -> bool:
        """Whether :meth:`question` may be called: not while SASL goes on, after which the stream begins anew."""
        return super().may_ask or (self.state is StreamState.PROVING and not self._requested)

    def _header(self, header: StreamHeader, now: float) -> None:
        if header.version is None or header.version < (1, 0):
            raise RemoteViolation(StreamCondition.UNSUPPORTED_VERSION, "the peer has no stream of version 1.0 or above")
        if not header.id:
            raise RemoteViolation(StreamCondition.BAD_FORMAT, "the response header has no 'id'")
        self._machine.advance(StreamInput.HEADER)
        self.stream_id = header.id
        self._declares_dialback = header.declares_dialback
        self._answers = header.from_domain or self.pair.target

    def _element(self, element: Slice, now: float) -> None:
        if self._answers != self.pair.target:
            raise RemoteViolation(StreamCondition.INVALID_FROM, f"{self._answers} answers for {self.pair.target}")
        if is_features(element):
            self._features(element, now)
        elif is_dialback(element):
            self._dialback(element, now)
        elif (element.namespace, element.name) in _ANSWERS:
            self._answered(element, now)
        else:
            self._ignore(now)

    def _answered(self, element: Slice, now: float) -> None:
        """Something is granted or refused; only what we have asked for."""
        if element.namespace != self._requested:
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, f"a {element.name} while {self.state.name}")
        self._requested = ""
        if element.name == "proceed":
            self._agreed_on_tls(now)
        elif element.name == "success":
            self._authenticated(now)
        else:
            asked_for = "STARTTLS" if element.namespace == TLS else "our certificate"
            text = f"{self.pair.target} refused {asked_for}: {failure_reason(element)}"
            if element.namespace == SASL and self._declares_dialback:
                self._refusal = text
                self._assert(self.pair, now)
            else:
                self._fail(StreamCondition.UNDEFINED_CONDITION, text, now)

    def _failed_by_peer(self, failure: StreamFailure, now: float) -> None:
        if self.state is StreamState.PROVING:
            failure = replace(failure, text=self._with_refusal(failure.text))
        super()._failed_by_peer(failure, now)

    def _refuse(self, pair: DomainPair, condition: StanzaCondition, text: str, now: float) -> None:
        super()._refuse(pair, condition, self._with_refusal(text) if pair == self.pair else text, now)

    def _with_refusal(self, text: str) -> str:
        """What became of our key, and before of our certificate."""
        return "; ".join(filter(None, (text, self._refusal)))

    def _accepted(self, pair: DomainPair, now: float) -> None:
        super()._accepted(pair, now)
        self._enable_multiplexing()

    def _ends(self) -> DomainPair:
        return self.pair

    # TLS, or not.

    def _features(self, element: Slice, now: float) -> None:
        offered = read_features(element)
        if self.state is StreamState.CARRYING or (self._only_to_ask and self.state is StreamState.PROVING):
            self._ignore(now)
            return
        is_plain = self.state is StreamState.PLAIN_NEGOTIATING and not self._wants_tls(offered)
        state = self._machine.advance(StreamInput.UNENCRYPTED if is_plain else StreamInput.FEATURES)
        self.peer_limits = offered.limits
        self.peer_offer = offered.multiplex if self.is_secure else None
        self._declares_dialback |= DIALBACK in offered
        if state is StreamState.PLAIN_JUDGING:
            self._want_proof(self.pair.target, self.pair.sender)
        elif state is StreamState.TLS_REQUESTED:
            self._requested = TLS
            self._out.append(_STARTTLS)
        elif state is StreamState.PROVING:
            self._prove(offered, now)
        else:
            self._carry(now)
            self._open(Direction.OUTBOUND, self.pair, now)
            self._enable_multiplexing()

    def _wants_tls(self, offered: OfferedFeatures) -> bool:
        """Where it is required, whatever is offered: the offer can be stripped on the way (RFC 7590, section 3.1)."""
        return STARTTLS in offered or self._side.policy(self.pair.target).require_encryption

    def _agreed_on_tls(self, now: float) -> None:
        self._machine.advance(StreamInput.TLS_AGREED)
        self._restart(self._limits.before_authentication)
        self._deadlines.begin_handshake(now)
        self._emit(TLSAgreed(own_domain=self.pair.sender, peer_domain=self.pair.target, direct=False))

    def _secured(self, now: float) -> None:
        self._want_proof(self.pair.target, self.pair.sender)

    def _proven(self, grant: Grant, now: float) -> None:
        self.associations.accept_target(Direction.OUTBOUND, self.pair.target, grant)
        if self.is_secure:
            self._send_header(self._own_header)
        elif self._only_to_ask:
            self._emit(Negotiated())
        else:
            self._prove_by_dialback(now)

    def _refused(self, reasons: str, now: float) -> None:
        self._fail(StreamCondition.NOT_AUTHORIZED, f"{self.pair.target} is not proven: {reasons}", now)

    # Who we are.

    def _prove(self, offered: OfferedFeatures, now: float) -> None:
        """
        Take up what is offered: bidi first, which has no answer, then the best proof of ourselves.

        Source: XEP-0288, section 2.2; RFC 7712, section 4.3.
        """
        if self._only_to_ask:
            self._emit(Negotiated())
            return
        if BIDI in offered and self._side.is_bidi:
            self.is_two_way = True
            self._out.append(bidi_request(self._side.announced))
        if EXTERNAL in offered:
            self._requested = SASL
            self._out.append(auth_element(self.pair.sender))
        else:
            self._prove_by_dialback(now)

    def _prove_by_dialback(self, now: float) -> None:
        if self._declares_dialback:
            self._assert(self.pair, now)
        else:
            text = (
                f"{self.pair.target} offers neither SASL EXTERNAL nor dialback: "
                f"it does not accept our certificate for {self.pair.sender}"
            )
            self._fail(StreamCondition.UNSUPPORTED_FEATURE, text, now)

    def _authenticated(self, now: float) -> None:
        self._machine.advance(StreamInput.AUTHENTICATED)
        self.associations.accept_sender(Direction.OUTBOUND, self.pair.sender, OWN_CERTIFICATE)
        before = self._framer
        self._restart(self._limits.after_authentication)
        self._send_header(self._own_header)
        if self.is_two_way:
            self._take_early_stanzas(before, now)

    def _take_early_stanzas(self, before: Framer | EarlyStanzas, now: float) -> None:
        """From now on the peer may answer; some do before they have begun the stream anew."""
        grant = self.associations.grant_of_peer(self.pair.target, now)
        assert isinstance(before, Framer) and isinstance(self._framer, Framer), "SASL succeeds once"
        if grant is not None:
            self.associations.accept_pair(Direction.INBOUND, self.pair.reversed(), grant)
            self._framer = EarlyStanzas(before, self._framer)

    def _header_for_error(self) -> StreamHeader:
        return self._own_header
