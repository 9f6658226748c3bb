"""
What is seen on one call, as it happens: steps with times, and facts.

Knows which step each state of a stream is, and how facts are told. Does not know what they mean: see
:mod:`muxs2s.probe.verdict`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from cryptography.x509 import Certificate

from muxs2s.check.shown import ShownCertificate
from muxs2s.network.tls import TLSDescription
from muxs2s.network.transcript import Culprit, OpenStep, Transcript
from muxs2s.proof.outcome import Outcome, Proven, Refused
from muxs2s.stream.announced import NO_LIMITS, AnnouncedLimits
from muxs2s.stream.events import StreamClosing
from muxs2s.stream.features import read_features
from muxs2s.stream.machine import StreamState
from muxs2s.wire.header import StreamHeader
from muxs2s.wire.namespaces import SASL
from muxs2s.wire.reasons import readable
from muxs2s.wire.stanza import Slice

__all__ = ["MAX_FEATURES_SHOWN", "CallRecord", "said"]

MAX_FEATURES_SHOWN: Final = 20
"""Of one offer of a peer."""

_MAX_NAME: Final = 60
"""Characters of the name of a feature."""

_STEPS: Final[Mapping[StreamState, str]] = MappingProxyType(
    {
        StreamState.PLAIN_OPENING: "header",
        StreamState.PLAIN_NEGOTIATING: "features",
        StreamState.PLAIN_JUDGING: "peer",
        StreamState.TLS_REQUESTED: "starttls",
        StreamState.SECURING: "tls",
        StreamState.JUDGING: "peer",
        StreamState.SECURE_OPENING: "header",
        StreamState.SECURE_NEGOTIATING: "features",
        StreamState.PROVING: "external",
        StreamState.PROVEN_OPENING: "header",
        StreamState.PROVEN_NEGOTIATING: "features",
    }
)
"""What is done while a stream waits; the other states are those of a call that is over."""

_OFFERS: Final[Mapping[StreamState | None, str]] = MappingProxyType(
    {
        StreamState.PLAIN_NEGOTIATING: "outside_tls",
        StreamState.SECURE_NEGOTIATING: "inside_tls",
        StreamState.PROVEN_NEGOTIATING: "authenticated",
    }
)
"""What the offers of features are called, by the state in which they come."""


_NO_STEP: Final = OpenStep(lambda _text, _culprit: None)


class CallRecord:
    """
    One call.

    :param transcript: where the steps are written.
    :param subject: whom they are taken with.
    """

    def __init__(self, transcript: Transcript, subject: str) -> None:
        self.subject = subject
        self._transcript = transcript
        self._step = _NO_STEP
        self._text = ""
        self.waits_in: StreamState | None = None
        """Where the stream stands, or stood when the call ended; ``None`` before anything was said."""

        self.answered_as: str | None = None
        """In whose name the peer answers, if it says."""

        self.features: dict[str, tuple[str, ...]] = {}
        """What the peer offers: outside TLS, inside, after authentication."""

        self.limits: AnnouncedLimits = NO_LIMITS
        self.tls: TLSDescription | None = None
        self.chain: tuple[Certificate, ...] = ()
        self.certificates: tuple[ShownCertificate, ...] = ()
        """The same, told."""

        self.outcomes: tuple[tuple[str, Outcome], ...] = ()
        """What each prooftype says of the peer, whether it suffices or not."""

        self.outcome: Outcome | None = None
        """What the policy makes of that."""

        self.external_refusal: str | None = None
        """Why the peer refused SASL EXTERNAL, if it did."""

        self.wants_dialback = False
        """Whether a dialback key was next."""

        self.is_ready = False
        """Whether stanzas could pass."""

        self.closing: StreamClosing | None = None
        """Why the call ended before all was seen."""

    @property
    def offers_dialback(self) -> bool:
        """Whether the peer offers dialback, inside TLS if there is TLS; that its header names it says little."""
        return "dialback" in self.features.get("outside_tls" if self.tls is None else "inside_tls", ())

    def advanced(self, state: StreamState) -> None:
        """The stream stands here now."""
        if state is self.waits_in:
            return
        if state in _STEPS or state is StreamState.CARRYING:
            self._succeed()
            self.waits_in = state
        if state in _STEPS:
            self._step = self._transcript.begin(_STEPS[state], self.subject)

    def answered(self, header: StreamHeader) -> None:
        """The peer's header came."""
        self.answered_as = header.from_domain
        self._text = f"answers as {header.from_domain or 'nobody'}"

    def offered(self, element: Slice) -> None:
        """The peer's features came."""
        names = tuple(_features(element))[:MAX_FEATURES_SHOWN]
        when = _OFFERS.get(self.waits_in)
        if when is not None:
            self.features[when] = names
            self._text = ", ".join(names) or "none"
            announced = read_features(element).limits
            self.limits = self.limits if announced == NO_LIMITS else announced

    def secured(self, tls: TLSDescription) -> None:
        """The handshake is complete."""
        self.tls = tls
        self._text = f"{tls.version}, {tls.cipher}" + (f", ALPN {tls.alpn}" if tls.alpn else "")

    def judged(self, chain: Sequence[Certificate], outcomes: Sequence[tuple[str, Outcome]], outcome: Outcome) -> None:
        """The peer's certificate is seen, and what each prooftype and the policy say of it."""
        self.chain, self.outcomes, self.outcome = tuple(chain), tuple(outcomes), outcome
        self.certificates = tuple(map(ShownCertificate.of, chain))
        if isinstance(outcome, Proven):
            others = [reason for _, other in outcomes if isinstance(other, Refused) for reason in other.reasons]
            self._text = "; ".join([f"proven by {outcome.prooftype}: {outcome.evidence}", *others])

    def authenticated(self) -> None:
        """The peer has accepted SASL EXTERNAL."""
        self._text = "we are accepted"

    def stopped(self, text: str) -> None:
        """All that can be seen was seen."""
        refused = "" if self.external_refusal is None else f"refused ({self.external_refusal}); "
        self._text = f"{refused}{text}"
        self._succeed()

    def closed(self, event: StreamClosing) -> None:
        """The stream ends; of interest only while a step is under way."""
        if self._step is not _NO_STEP:
            self.closing = event

    def end(self, event: StreamClosing, culprit: Culprit | None) -> None:
        """The step under way is over, and it is known whose fault that is, if anybody's."""
        if culprit is None:
            self._step.succeed(said(event))
        else:
            self._step.fail(said(event), culprit)

    def _succeed(self) -> None:
        self._step.succeed(self._text or "agreed")
        self._step, self._text = _NO_STEP, ""


def said(event: StreamClosing) -> str:
    """What was said at the end, and by whom if it was the peer."""
    if event.condition is None or not event.by_peer:
        return event.text
    return f"the peer said {event.condition.value}" + (f": {event.text}" if event.text else "")


def _features(element: Slice) -> list[str]:
    names: list[str] = []
    for feature in element.tree().elements():
        if (feature.uri, feature.name) == (SASL, "mechanisms"):
            names += [f"mechanism {mechanism}" for mechanism in feature.elements(SASL, "mechanism")]
        else:
            names.append(feature.name)
    return [readable(name, _MAX_NAME) for name in names]
