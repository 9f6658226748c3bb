"""
What a call means: whether the domain can be reached this way, else whose fault that is and what to do.

Knows how failures look, in the order of a stream. Does not know how a call is made: see
:mod:`muxs2s.probe.call`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muxs2s.check.finding import Finding, Grade
from muxs2s.network.targets import ServiceNotOffered, Target, Unreachable
from muxs2s.network.transcript import Culprit, Step
from muxs2s.probe.caller import Caller
from muxs2s.probe.record import CallRecord, said
from muxs2s.proof.outcome import Evidence, Proven
from muxs2s.service.opening import PASSING_CONDITIONS
from muxs2s.stream.events import StreamClosing
from muxs2s.stream.machine import StreamState
from muxs2s.wire.errors import StanzaCondition, StreamCondition
from muxs2s.wire.reasons import readable

__all__ = ["Verdict", "explain", "explain_unreachable"]

_MAX_TEXT: Final = 2_000
"""Characters of what is told of one call: a peer has a hand in it."""

_WRONG_SERVER: Final = frozenset({StreamCondition.HOST_UNKNOWN, StreamCondition.HOST_GONE})

_BUSY: Final = PASSING_CONDITIONS - {StreamCondition.CONNECTION_TIMEOUT}
"""Of a peer that cannot serve now; what a time-out means depends on what was being done."""

_REFUSALS: Final = frozenset(
    {
        StreamCondition.INVALID_FROM,
        StreamCondition.NOT_AUTHORIZED,
        StreamCondition.POLICY_VIOLATION,
        StreamCondition.UNDEFINED_CONDITION,
        None,
    }
)
"""How a peer ends a stream whose certificate it does not take; without a word, too, or by an alert of TLS."""

_BLAME: Final = (Culprit.PEER, Culprit.NETWORK, Culprit.US, Culprit.DNS)
"""Whose failure to connect tells most, where the addresses of one host failed in several ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one way to a domain, or of all."""

    text: str
    """What is so, in a sentence without a full stop."""

    culprit: Culprit | None = None
    """Whose fault it is that it does not work; ``None`` if all that was tried works."""

    remedy: str = ""
    """What to do, without a full stop; empty if there is nothing to do."""

    is_complete: bool = True
    """Whether nothing was left untried."""


def explain_unreachable(unreachable: Unreachable, steps: tuple[Step, ...], caller: Caller) -> Verdict:
    """
    Say why there is no connection.

    :param steps: all that was done to get one.
    """
    domain = caller.pair.target
    if isinstance(unreachable, ServiceNotOffered):
        remedy = f"respect that, or ask the operator of {domain} for another record"
        return Verdict(text=str(unreachable), culprit=Culprit.PEER, remedy=remedy)
    failed = {step.culprit for step in steps if step.what == "connect"}
    culprit = next((each for each in _BLAME if each in failed), Culprit.NETWORK if failed else Culprit.DNS)
    if culprit is Culprit.PEER:
        remedy = f"ask the operator of {domain}: its server is down, or its SRV record names a wrong port"
    elif culprit is Culprit.NETWORK:
        remedy = "see whether other domains answer: if none does, a firewall or a route here is at fault, else theirs"
    elif culprit is Culprit.US:
        remedy = "see that bind_address is an address of this host, and that files may be opened (muxs2s check)"
    elif any(step.culprit is Culprit.DNS for step in steps):
        remedy = f"see whether our DNS servers answer (muxs2s check); if so, ask the operator of {domain}"
    else:
        remedy = f"look at the spelling of {domain}; if it is right, its operator has to add SRV records and addresses"
    if unreachable.condition is StanzaCondition.REMOTE_SERVER_NOT_FOUND and caller.overrides.find(domain):
        culprit, remedy = Culprit.US, f"correct the address that the configuration has for {domain}"
    return Verdict(text=str(unreachable), culprit=culprit, remedy=remedy)


def explain(record: CallRecord, target: Target, caller: Caller, now: float) -> Verdict:
    """
    Say what a call has shown.

    :param now: seconds since the epoch.
    """
    if record.closing is None:
        return _well(record, caller)
    return _Reading(record, record.closing, target, caller, now).verdict()


def _well(record: CallRecord, caller: Caller) -> Verdict:
    sender, target = caller.pair
    if record.is_ready:
        return Verdict(text=f"{target} accepts {sender} by SASL EXTERNAL, and is proven by {_proof(record)}")
    if caller.own_certificate is None:
        return Verdict(
            text=f"{target} is proven by {_proof(record)}; whether it accepts a server of ours was not tried",
            remedy="give --config, so that our certificate is shown",
            is_complete=False,
        )
    refused = record.external_refusal
    why = "offers no SASL EXTERNAL" if refused is None else f"refuses SASL EXTERNAL ({refused})"
    takes = "it offers dialback" if record.offers_dialback else "it may know dialback, though it does not offer it"
    return Verdict(
        text=(
            f"{target} is proven by {_proof(record)} and {why}; {takes}, which was not tried: it would ask the server "
            f"that DNS names for {sender} about the key, and that knows only keys it has sent itself"
        ),
        remedy=(
            "see that DNS leads to the running server (muxs2s check), and why EXTERNAL fails: "
            f"{_own(caller.own_certificate)}"
        ),
        is_complete=False,
    )


def _proof(record: CallRecord) -> str:
    return record.outcome.prooftype if isinstance(record.outcome, Proven) else "nothing"


def _own(finding: Finding) -> str:
    """What is to be said of our own certificate."""
    if finding.grade is Grade.ERROR:
        return f"{finding.text}; {finding.remedy}"
    return "our certificate is good, as far as can be seen from here"


class _Reading:
    """Reads the end of a call that came too early."""

    def __init__(self, record: CallRecord, event: StreamClosing, target: Target, caller: Caller, now: float) -> None:
        self._record, self._event, self._target, self._caller, self._now = record, event, target, caller, now
        self._sender, self._domain = caller.pair
        self._ask = f"ask the operator of {self._domain}"

    def verdict(self) -> Verdict:
        """Whatever can be told apart."""
        event = self._event
        said_by_peer = event.condition if event.by_peer else None
        if event.see_other:
            return self._peer(f"sends us on to {event.see_other}", "see how that way ends")
        if said_by_peer in _WRONG_SERVER or (event.condition is StreamCondition.INVALID_FROM and not event.by_peer):
            return self._wrong_server()
        if said_by_peer in _BUSY:
            return self._peer("cannot serve us now", f"try again later; if that does not help, {self._ask}")
        return self._by_state()

    def _by_state(self) -> Verdict:
        match self._record.waits_in:
            case StreamState.PLAIN_OPENING:
                return self._opening()
            case StreamState.PLAIN_NEGOTIATING | StreamState.TLS_REQUESTED:
                return self._starttls()
            case StreamState.SECURING:
                return self._handshake()
            case StreamState.JUDGING | StreamState.PLAIN_JUDGING:
                return self._not_proven()
            case StreamState.SECURE_OPENING | StreamState.SECURE_NEGOTIATING | StreamState.PROVING:
                return self._about_us()
            case _:
                return self._peer("ends the stream", self._ask)

    # Outside TLS.

    def _opening(self) -> Verdict:
        if self._has_timed_out:
            return self._peer("accepts the connection and says nothing", f"{self._ask}: a proxy without its server?")
        if self._event.condition is None:
            return self._peer("hangs up at once", f"{self._ask}: it may bar this address, or want direct TLS there")
        return self._peer("does not speak as servers do", f"{self._ask}: its SRV record may name a wrong port")

    def _starttls(self) -> Verdict:
        offered = self._record.features.get("outside_tls", ())
        how = "does not go on to TLS" if "starttls" in offered else "offers no STARTTLS"
        return self._peer(how, f"{self._ask} to switch TLS on; without it nothing is exchanged here")

    def _handshake(self) -> Verdict:
        if self._is_alert_about_us:
            return self._refuses_us("refuses our certificate")
        direct = "; its SRV record says that TLS comes first there" if self._target.direct_tls else ""
        return self._peer("does not come to TLS", f"{self._ask}: it takes TLS 1.2 and a certificate at least{direct}")

    # Who they are.

    def _not_proven(self) -> Verdict:
        """Our verdict on the peer; with other trust anchors or at another address it might be another one."""
        chain, domain = self._record.chain, self._domain
        if chain and not self._record.certificates[0].names.covers(domain):
            if self._is_override:
                return self._us("is somebody else", f"correct the address that the configuration has for {domain}")
            return self._peer("does not prove itself", f"{self._ask}: its certificate has to name {domain}")
        if isinstance(self._caller.public_proof.judge(domain, Evidence(chain=chain), self._now), Proven):
            how = "is proven by a public authority, which is not trusted here"
            return self._us(how, "add that authority to trust.anchors")
        ends = self._record.certificates[0].ends if chain else None
        if ends is not None and ends < self._now:
            return self._peer("does not prove itself", f"{self._ask}: its certificate has to be renewed")
        return self._peer(
            "does not prove itself",
            f"{self._ask}: it has to show a certificate for servers, of an authority that is trusted here, with its "
            f"issuers. An authority of the house goes into trust.anchors; for less than a certificate, "
            f'[domain."{domain}"] takes proofs = ["pkix", "dialback"]',
        )

    # Who we are.

    def _about_us(self) -> Verdict:
        """The peer has seen our certificate, and nothing else of us that is new."""
        event = self._event
        if self._has_timed_out:
            return self._peer("falls silent inside TLS", self._ask)
        if event.by_peer and event.condition not in _REFUSALS:
            return self._peer("ends the stream", self._ask)
        if self._offers_nothing:
            return self._refuses_us("offers neither SASL EXTERNAL nor dialback")
        return self._refuses_us("refuses our certificate")

    def _refuses_us(self, how: str) -> Verdict:
        own = self._caller.own_certificate
        if own is None:
            return Verdict(
                text=self._told("ends the stream of a server that shows no certificate"),
                remedy="give --config, so that our certificate is shown",
                is_complete=False,
            )
        if own.grade is Grade.ERROR:
            return self._us(f"{how}; {own.about}: {own.text}", own.remedy)
        if own.details.get("is_public"):
            return self._peer(
                how,
                f"{self._ask}: our certificate is good; ejabberd before 25.08, for one, refuses those that are for "
                "servers only, as public authorities issue them now",
            )
        return self._us(how, f"show a certificate of a public authority, or have {self._domain} trust ours")

    # Anything else.

    def _wrong_server(self) -> Verdict:
        if self._is_override:
            remedy = f"correct the address that the configuration has for {self._domain}"
            return self._us("is not served there", remedy)
        remedy = f"{self._ask}: DNS leads to a server that does not serve it"
        return self._peer("is not served there", remedy)

    @property
    def _has_timed_out(self) -> bool:
        return not self._event.by_peer and self._event.condition is StreamCondition.CONNECTION_TIMEOUT

    @property
    def _offers_nothing(self) -> bool:
        """Whether nothing is offered that could prove us; Prosody does not even say so, and ends the stream."""
        event = self._event
        is_due = self._record.waits_in is StreamState.SECURE_NEGOTIATING
        return event.condition is StreamCondition.UNSUPPORTED_FEATURE or (
            is_due and event.condition is StreamCondition.UNDEFINED_CONDITION
        )

    @property
    def _is_alert_about_us(self) -> bool:
        """Whether the peer broke off the handshake for our certificate, in the words of OpenSSL."""
        words = self._event.text
        return "alert" in words and any(about in words for about in ("certificate", "unknown ca"))

    @property
    def _is_override(self) -> bool:
        return self._caller.overrides.find(self._domain) is not None

    def _peer(self, how: str, remedy: str) -> Verdict:
        return Verdict(text=self._told(how), culprit=Culprit.PEER, remedy=remedy)

    def _us(self, how: str, remedy: str) -> Verdict:
        return Verdict(text=self._told(how), culprit=Culprit.US, remedy=remedy)

    def _told(self, how: str) -> str:
        return readable(f"{self._domain}, at {self._target}, {how} ({said(self._event)})", _MAX_TEXT)
