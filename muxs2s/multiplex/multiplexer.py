"""
Multiplexing on one stream, from both ends: what is asked of it, and what the peer says.

Knows which part of the conversation an element, a call or a moment concerns, and joins the parts. Does not know
what presenting, verifying, seeking and removing take: see :mod:`muxs2s.multiplex.presenting`,
:mod:`muxs2s.multiplex.verifying`, :mod:`muxs2s.multiplex.seeking` and :mod:`muxs2s.multiplex.removing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cryptography.x509 import Certificate

from muxs2s.multiplex.accepted import HANDSHAKE, AcceptedCertificate
from muxs2s.multiplex.conditions import MultiplexCondition, Objection
from muxs2s.multiplex.conversation import Conversation, Unattributed
from muxs2s.multiplex.elements import (
    Accept,
    ListedName,
    MultiplexElement,
    Offer,
    Present,
    Reject,
    Request,
    Revoke,
    Revoked,
    Withdraw,
    Withdrawn,
)
from muxs2s.multiplex.events import DomainRefused, Whose
from muxs2s.multiplex.names import AcceptedNames, Standing
from muxs2s.multiplex.own import EarlierPairs
from muxs2s.multiplex.presenting import Presenter
from muxs2s.multiplex.reading import MultiplexMalformed, read_element
from muxs2s.multiplex.removing import Removals
from muxs2s.multiplex.seeking import Seeker
from muxs2s.multiplex.verdicts import NotVouched, Vouched
from muxs2s.multiplex.verifying import Verifier
from muxs2s.multiplex.waits import DueWait
from muxs2s.multiplex.wanted import Wanted
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.names import DomainName, DomainPair, Name
from muxs2s.wire.stanza import Slice

__all__ = ["Multiplexer"]


class Multiplexer:
    """
    Multiplexing on one stream.

    :param header_domain: the peer's domain in the header of the stream: it is served here, whatever else is.
    :param shown: the certificate we have shown in the handshake, if any.
    :param earlier: pairs proven before; those of a name that is out go with it.
    """

    def __init__(
        self,
        conversation: Conversation,
        header_domain: DomainName,
        shown: Certificate | None,
        earlier: EarlierPairs,
    ) -> None:
        self._conversation = conversation
        self._header_domain = header_domain
        self._earlier = earlier
        wanted = Wanted()
        self._presenter = Presenter(conversation, wanted.release)
        self._verifier = Verifier(conversation, self._replaced)
        self._seeker = Seeker(conversation, wanted, self._presenter, self._verifier)
        self._removals = Removals(conversation, self._removal_began, self._out)
        self._readers: Mapping[type[MultiplexElement], Callable[[Any, float], None]] = {
            Offer: self._verifier.offered,
            Request: self._presenter.requested,
            Present: self._verifier.presented,
            Accept: self._presenter.accepted,
            Reject: self._rejected,
            Withdraw: self._removals.withdrawn_by_peer,
            Revoke: self._removals.revoked_by_peer,
            Withdrawn: self._removals.confirmed,
            Revoked: self._removals.confirmed,
        }
        conversation.own.add(AcceptedCertificate.of_handshake(shown))
        conversation.peers.header_domain = header_domain

    # What there is.

    @property
    def own(self) -> AcceptedNames:
        """Names of ours that the peer accepts."""
        return self._conversation.own

    @property
    def peers(self) -> AcceptedNames:
        """Names of the peer that we accept."""
        return self._conversation.peers

    @property
    def deadline(self) -> float:
        """When to call :meth:`wake`, seconds; infinite if nothing waits."""
        return self._conversation.waits.first

    @property
    def is_idle(self) -> bool:
        """Whether no exchange and no removal is open, and nothing waits for its turn."""
        return not (len(self._seeker) or len(self._presenter) or len(self._verifier) or len(self._removals))

    @property
    def presented(self) -> int:
        """Certificates we have shown on this stream, that of the handshake not among them."""
        return self._presenter.presented

    @property
    def judged(self) -> int:
        """Certificates of the peer that were judged on this stream, that of the handshake not among them."""
        return self._verifier.judged

    @property
    def round_trips(self) -> int:
        """That exchanges we have begun take: two for a domain of ours offered, one for a domain asked for."""
        return 2 * self._presenter.offered + self._verifier.asked

    @property
    def exchanges(self) -> int:
        """How many are open."""
        return len(self._presenter) + len(self._verifier)

    def may_send(self, pair: DomainPair) -> bool:
        """Whether stanzas of ``pair`` may leave: nothing is sent on hope."""
        return self.own.is_open(pair.sender) and self.peers.is_reachable(pair.target)

    # What is asked of it.

    def begin(self, handshake: Vouched | None, now: float) -> None:
        """
        Say which names we take from the certificate of the handshake.

        :param handshake: ``None`` if that certificate has not proven the domain of the peer's header.
        """
        if handshake is None:
            self._conversation.say(Accept(id=HANDSHAKE, certificate=None, names=()))
            return
        self._verifier.take_certificate(HANDSHAKE, handshake)
        names = self._verifier.listed(handshake.names, proven=None)
        self._verifier.give(HANDSHAKE, HANDSHAKE, names, proven=None)

    def want(self, pair: DomainPair, now: float) -> DomainRefused | None:
        """
        Ask for what is missing for a pair: for both domains at once, each but once.

        :returns: why it cannot be had on this stream now; ``None`` if it is asked for, or nothing is missing.
        """
        return self._seeker.want(pair, now)

    def offer(self, domain: DomainName, now: float, *, renew: bool = False) -> DomainRefused | None:
        """
        Prove a domain of ours, though nothing waits for it, or prove it again with a newer certificate.

        :returns: as :meth:`want`.
        """
        return self._seeker.offer(domain, now, renew=renew)

    def present(self, id: int, authenticator: bytes, now: float) -> None:
        """Show what :class:`~muxs2s.multiplex.events.SignatureWanted` has asked for; too late is no error."""
        self._presenter.present(id, authenticator, now)
        self._seeker.go_on(now)

    def decline(self, id: int, condition: MultiplexCondition, text: str, now: float) -> None:
        """Do not show it; too late is no error."""
        self._presenter.decline(id, Objection(condition=condition, text=text), now)
        self._seeker.go_on(now)

    def conclude(self, id: int, verdict: Vouched | NotVouched, now: float) -> None:
        """
        Take the verdict on what was shown or recalled; too late is no error.

        It is asked for by :class:`~muxs2s.multiplex.events.ProofShown` and
        :class:`~muxs2s.multiplex.events.ProofRecalled`.
        """
        self._verifier.conclude(id, verdict, now)
        self._seeker.go_on(now)

    def add_names(self, certificate: int, names: Iterable[ListedName]) -> None:
        """Accept more names of a certificate of the peer that is accepted already; else nothing."""
        if certificate in self.peers.certificates:
            listed = self._verifier.listed(names, proven=None)
            if listed:
                self._verifier.give(certificate, certificate, listed, proven=None)

    def withdraw(self, domains: Sequence[Name], now: float) -> None:
        """Take domains of ours off this stream; of what was never on it the peer hears nothing."""
        names = self._on_stream(Whose.OURS, domains)
        if names:
            self._removals.withdraw(names, now)

    def revoke(self, domains: Sequence[Name], condition: MultiplexCondition, now: float) -> None:
        """Accept domains of the peer no longer; of what was never on this stream it hears nothing."""
        names = self._on_stream(Whose.PEERS, domains)
        if names:
            self._removals.revoke(names, condition, now)

    def revoke_certificate(self, id: int, condition: MultiplexCondition, now: float) -> None:
        """
        Accept a certificate of the peer no longer, if it is accepted.

        :raises RemoteViolation: ``reset``, if the domain of the stream header goes with that of the handshake.

        Source: RFC 6120, section 4.9.3.16.
        """
        if id not in self.peers.certificates:
            return
        self._removals.revoke_certificate(id, condition, now)
        if id == HANDSHAKE and not self.peers.is_open(self._header_domain):
            text = f"the certificate that proved {self._header_domain} is no longer good"
            raise RemoteViolation(StreamCondition.RESET, text)

    # What the peer says.

    def take(self, element: Slice, now: float) -> bool:
        """
        Take an element of multiplexing.

        :returns: whether it meant something.
        :raises RemoteViolation: if the stream cannot go on.
        """
        try:
            self._take(element, now)
        except Unattributed:
            return False
        self._seeker.go_on(now)
        return True

    def wake(self, now: float) -> None:
        """
        Time has passed: end what has waited too long.

        :raises RemoteViolation: if the stream cannot go on.
        """
        for kind, id in self._conversation.waits.due(now):
            match kind:
                case DueWait.PRESENTER:
                    self._presenter.late(id, now)
                case DueWait.VERIFIER:
                    self._verifier.late(id, now)
                case DueWait.REMOVAL:
                    self._removals.late(id)
                case DueWait.CERTIFICATE:  # pragma: no branch - there is no other kind
                    self.revoke_certificate(id, MultiplexCondition.CERTIFICATE_EXPIRED, now)
        self._seeker.go_on(now)

    # The inside.

    def _take(self, element: Slice, now: float) -> None:
        try:
            said = read_element(element)
        except MultiplexMalformed as malformed:
            self._refuse_malformed(malformed, now)
            return
        take = self._readers.get(type(said))
        if take is None:
            raise Unattributed("multiplexing is enabled once")
        take(said, now)

    def _rejected(self, reject: Reject, now: float) -> None:
        if not (self._presenter.rejected(reject, now) or self._verifier.rejected(reject, now)):
            self._conversation.expect_over(reject.id)

    def _refuse_malformed(self, malformed: MultiplexMalformed, now: float) -> None:
        """What begins or goes on with an exchange and cannot be read is rejected; else it is attributed to nothing."""
        id, text = malformed.id, str(malformed)
        if id is None or not self._is_refused(malformed.kind, id, text, now):
            raise Unattributed(text)

    def _is_refused(self, kind: str, id: int, text: str, now: float) -> bool:
        conversation = self._conversation
        if kind in {"offer", "request"} and conversation.is_new(id):
            conversation.begins(id)
            conversation.turn_down(id, Objection(condition=MultiplexCondition.BAD_REQUEST, text=text), now)
            return True
        if kind == "present":
            return self._verifier.malformed(id, text, now)
        return kind == "request" and self._presenter.malformed(id, text, now)

    def _on_stream(self, whose: Whose, names: Sequence[Name]) -> list[Name]:
        """Of some names those that can be taken off, because they can be used or are about to be."""
        for name in names:
            self._seeker.discard(whose, name)
        return [name for name in dict.fromkeys(names) if self._is_on_stream(whose, name)]

    def _is_on_stream(self, whose: Whose, name: Name) -> bool:
        accepted = self.own if whose is Whose.OURS else self.peers
        if not isinstance(name, DomainName):
            return name in accepted and not accepted.is_closed(name)
        if accepted.is_being_removed(name, Standing.WITHDRAWING if whose is Whose.OURS else Standing.REVOKING):
            return False  # by us; what the other end does meanwhile runs beside it
        is_used = accepted.standing(name) is not Standing.OUT
        return is_used or self._seeker.is_under_way(whose, name) or self._earlier.involves(name)

    def _replaced(self, certificate: int, now: float) -> None:
        self.revoke_certificate(certificate, MultiplexCondition.REPLACED, now)

    def _removal_began(self, whose: Whose, names: Sequence[Name], now: float) -> None:
        for name in names:
            self._seeker.discard(whose, name)
        if whose is Whose.PEERS:
            self._verifier.removed(names, now)

    def _out(self, names: Sequence[Name]) -> None:
        """Names are out, and with them every pair they were part of."""
        for name in names:
            if isinstance(name, DomainName):
                self._earlier.withdraw_domain(name)
