"""
The presenter: proves domains of ours to the peer, offered by us or asked for by it.

Knows when a domain may be shown, and which certificate of ours would oust another. Does not sign: that is asked
for by an event, and answered when its turn has come. Does not know what verifying takes: see
:mod:`muxs2s.multiplex.verifying`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf

from cryptography.x509 import Certificate

from muxs2s.multiplex.accepted import AcceptedCertificate
from muxs2s.multiplex.conditions import MultiplexCondition, Objection
from muxs2s.multiplex.conversation import Conversation, Unattributed
from muxs2s.multiplex.elements import Accept, Offer, Present, Reject, Request
from muxs2s.multiplex.events import NamesOpened, SignatureWanted, Whose
from muxs2s.multiplex.exchanges import PRESENTING, Exchange, PresenterInput, PresenterState
from muxs2s.multiplex.underway import UnderWay
from muxs2s.multiplex.waits import DueWait
from muxs2s.proof.authenticators import AuthenticatorRefused, OwnCertificate
from muxs2s.wire.names import DomainName, Name

__all__ = ["Presenter"]


class _Presentation(Exchange):
    """One exchange in which we present."""

    __slots__ = ("certificate", "state")

    waits_as = DueWait.PRESENTER

    def __init__(self, id: int, domain: DomainName, *, is_ours: bool) -> None:
        super().__init__(id, domain, is_ours=is_ours)
        self.state = PresenterState.NEW
        self.certificate: OwnCertificate | None = None
        """What is shown; ``None`` as long as nothing is, and where the peer only asks whether we serve the domain."""


class Presenter:
    """
    Presents our domains on one stream.

    :param arrived: as for :class:`~muxs2s.multiplex.underway.UnderWay`.
    """

    def __init__(self, conversation: Conversation, arrived: Callable[[Certificate], object]) -> None:
        self._conversation = conversation
        self._under_way = UnderWay(arrived)
        self._open: dict[int, _Presentation] = {}
        self._offers: dict[DomainName, int] = {}
        """Ids of open exchanges that we have begun."""

        self._asked: dict[DomainName, int] = {}
        """Ids of open exchanges that the peer has begun."""

        self._shown_at: dict[DomainName, float] = {}
        self.presented = 0
        """Certificates shown, that of the handshake not among them."""

        self.offered = 0
        """Exchanges that we have begun."""

    def decides_on(self, domain: DomainName) -> bool:
        """Whether an exchange decides on a domain of ours."""
        return domain in self._offers or domain in self._asked

    def __len__(self) -> int:
        """How many exchanges are open."""
        return len(self._open)

    def objection(self, domain: DomainName, now: float) -> Objection | None:
        """Why a domain of ours cannot be proven here, as far as we know ourselves."""
        found = self._proof_of(domain, now)
        return found if isinstance(found, Objection) else None

    def _proof_of(self, domain: DomainName, now: float) -> OwnCertificate | Objection:
        """What proves a domain of ours, or why nothing does here."""
        conversation = self._conversation
        if conversation.own.is_fenced(domain):
            return Objection(condition=MultiplexCondition.TRY_AGAIN, text=f"{domain} is being taken off this stream")
        certificate = conversation.domains.certificate_of(domain, now)
        if certificate is None:
            text = f"no certificate of ours names {domain}"
            return Objection(condition=MultiplexCondition.UNKNOWN_DOMAIN, text=text)
        if self._would_oust(certificate):
            text = f"the certificate of {domain} would take another's place here"
            return Objection(condition=MultiplexCondition.POLICY_VIOLATION, text=text)
        return certificate

    def on_its_way(self, domain: DomainName, now: float) -> Certificate | None:
        """The certificate of a domain, if it is being shown for another: it may give both."""
        certificate = self._conversation.domains.certificate_of(domain, now)
        return None if certificate is None or certificate.leaf not in self._under_way else certificate.leaf

    def offer(self, domain: DomainName, now: float, *, renew: bool = False) -> None:
        """Begin to prove a domain; where the peer has another certificate that names it, with a newer one."""
        conversation = self._conversation
        exchange = _Presentation(conversation.next_id(), domain, is_ours=True)
        self._begin(exchange)
        self.offered += 1
        self._advance(exchange, PresenterInput.OFFER)
        conversation.wait(exchange, now)
        certificate = conversation.domains.certificate_of(domain, now)
        if certificate is not None:
            self._under_way.lead(exchange.id, certificate.leaf)
        is_newer = renew or self._is_newer(domain, now)
        conversation.say(Offer(id=exchange.id, domain=domain, renew=is_newer))

    # What the peer says.

    def requested(self, request: Request, now: float) -> None:
        """The peer asks for a proof."""
        exchange = self._open.get(request.id)
        if exchange is None:
            if self._conversation.begins(request.id):
                self._requested_unasked(request, now)
        elif exchange.state is not PresenterState.OFFERED or request.domain != exchange.domain:
            raise Unattributed("the request does not fit its offer")
        else:
            self._take_request(exchange, request, now)

    def accepted(self, accept: Accept, now: float) -> None:
        """The peer accepts names of ours."""
        exchange = self._open.get(accept.id)
        id = accept.id if accept.certificate is None else accept.certificate
        if exchange is None:
            self._conversation.expect_over(accept.id)
            if id in self._conversation.own.certificates:
                self._give(id, accept, None)
        else:
            self._end(exchange, PresenterInput.ACCEPT)
            self._accepted(exchange, id, accept, now)

    def rejected(self, reject: Reject, now: float) -> bool:
        """
        The peer ends an exchange.

        :returns: whether it is one in which we present.
        """
        exchange = self._open.get(reject.id)
        if exchange is None:
            return False
        self._end(exchange, PresenterInput.REJECT)
        if reject.condition is MultiplexCondition.DUPLICATE and self.decides_on(exchange.domain):
            return True  # the peer has asked for the same, and that decides
        self._conversation.rejected(Whose.OURS, exchange.domain, reject, now)
        return True

    def malformed(self, id: int, text: str, now: float) -> bool:
        """
        What should answer an offer of ours cannot be read.

        :returns: whether an exchange ends with it.
        """
        exchange = self._open.get(id)
        if exchange is None or exchange.state is not PresenterState.OFFERED:
            return False
        self._advance(exchange, PresenterInput.REQUEST)
        self.decline(id, Objection(condition=MultiplexCondition.BAD_REQUEST, text=text), now)
        return True

    # What the service answers.

    def present(self, id: int, authenticator: bytes, now: float) -> None:
        """Show a proof; too late is no error."""
        exchange = self._open.get(id)
        if exchange is None or exchange.state is not PresenterState.ASKED:
            return
        if self._conversation.own.is_fenced(exchange.domain):
            text = "the domain is being taken off this stream"
            self.decline(id, Objection(condition=MultiplexCondition.TRY_AGAIN, text=text), now)
            return
        self._advance(exchange, PresenterInput.READY)
        self._conversation.wait(exchange, now)
        self._shown_at[exchange.domain] = now
        self.presented += 1
        self._conversation.say(Present(id=id, data=authenticator))

    def decline(self, id: int, objection: Objection, now: float) -> None:
        """Do not show a proof after all; too late is no error."""
        exchange = self._open.get(id)
        if exchange is None or exchange.state is not PresenterState.ASKED:
            return
        self._end(exchange, PresenterInput.DECLINE)
        conversation = self._conversation
        if not exchange.is_ours or objection.condition is MultiplexCondition.BAD_REQUEST:
            conversation.note_failure(objection.condition, now)
        conversation.reject(id, objection)
        conversation.refused(Whose.OURS, exchange.domain, objection, now)

    def late(self, id: int, now: float) -> None:
        """
        The peer has not answered in time.

        Once the proof is shown the peer alone ends the exchange, and until then nothing else may begin for the domain.
        """
        exchange = self._open[id]
        conversation = self._conversation
        text = f"the peer has not answered within {conversation.limits.answer_seconds:g} seconds"
        objection = Objection(condition=MultiplexCondition.TIMEOUT, text=text)
        if exchange.state is PresenterState.OFFERED:
            self._end(exchange, PresenterInput.LATE)
            conversation.reject(id, objection)
        else:
            self._advance(exchange, PresenterInput.LATE)
            conversation.overdue(exchange)
            self._under_way.stop_leading(exchange.id)
            objection = replace(objection, retry_seconds=inf)
        conversation.refused(Whose.OURS, exchange.domain, objection, now)

    # The inside.

    def _requested_unasked(self, request: Request, now: float) -> None:
        """The peer begins: it wants a domain that it believes to be here."""
        objection = self._conversation.objection(now) or self._objection_to_asking(request, now)
        if objection is not None:
            self._conversation.turn_down(request.id, objection, now)
            return
        exchange = _Presentation(request.id, request.domain, is_ours=False)
        self._begin(exchange)
        self._take_request(exchange, request, now)

    def _objection_to_asking(self, request: Request, now: float) -> Objection | None:
        """What keeps us from answering; a domain that is hidden meets the same words as one that is not ours."""
        conversation, domain = self._conversation, request.domain
        if domain in self._asked:
            text = "another exchange for this domain is open"
            return Objection(condition=MultiplexCondition.DUPLICATE, text=text)
        if conversation.own.is_fenced(domain):
            text = "the domain is being taken off this stream"
            return Objection(condition=MultiplexCondition.TRY_AGAIN, text=text)
        repeat_seconds = conversation.limits.repeat_seconds
        if request.data and now - self._shown_at.get(domain, -inf) < repeat_seconds:
            text = f"it was shown less than {repeat_seconds:g} seconds ago"
            return Objection(condition=MultiplexCondition.TRY_AGAIN, text=text)
        is_shown = conversation.domains.is_shown(domain)
        if not is_shown or (request.data and conversation.domains.certificate_of(domain, now) is None):
            return Objection(condition=MultiplexCondition.UNKNOWN_DOMAIN, text="no such domain here")
        return None

    def _take_request(self, exchange: _Presentation, request: Request, now: float) -> None:
        """Go on with a request that may be answered."""
        self._advance(exchange, PresenterInput.REQUEST)
        self._conversation.waits.cancel(DueWait.PRESENTER, exchange.id)
        if not request.data:
            self._answer_empty(exchange, now)
            return
        certificate = self._proof_of(exchange.domain, now)
        if isinstance(certificate, Objection):
            self.decline(exchange.id, certificate, now)
            return
        try:
            read = self._conversation.authenticators.read_request(request.data, exchange.domain)
        except AuthenticatorRefused as refused:
            self.decline(exchange.id, Objection(condition=MultiplexCondition.BAD_REQUEST, text=str(refused)), now)
            return
        exchange.certificate = certificate
        self._under_way.show(exchange.id, exchange.domain, certificate)
        self._conversation.tell(
            SignatureWanted(id=exchange.id, domain=exchange.domain, certificate=certificate, request=read)
        )

    def _answer_empty(self, exchange: _Presentation, now: float) -> None:
        """The peer accepts a domain already, and asks whether it is here; only it can begin that."""
        if exchange.is_ours:
            text = "an offer is answered by a request for proof"
            self.decline(exchange.id, Objection(condition=MultiplexCondition.BAD_REQUEST, text=text), now)
            return
        self._advance(exchange, PresenterInput.READY)
        self._conversation.wait(exchange, now)
        self._conversation.say(Present(id=exchange.id, data=b""))

    def _is_newer(self, domain: DomainName, now: float) -> bool:
        """Whether the peer knows another certificate that names a domain than the one we would show."""
        known = self._conversation.own.naming(domain)
        if known is None or known.leaf is None:
            return False
        certificate = self._conversation.domains.certificate_of(domain, now)
        return certificate is not None and certificate.leaf != known.leaf

    def _would_oust(self, certificate: OwnCertificate) -> bool:
        """
        Whether the peer, on accepting a certificate, would drop another whose names are in use.

        Source: doc/protocol.rst, "Same subject".
        """
        own = self._conversation.own
        accepted = own.of_subject(certificate.subject)
        ousted = own.only_given_by(accepted) if accepted is not None and accepted.leaf != certificate.leaf else ()
        if not all(self._spares(certificate, name) for name in ousted):
            return True
        shown_for = self._under_way.domains_of(certificate.subject)
        return not all(map(certificate.names.covers, shown_for))

    def _spares(self, certificate: OwnCertificate, name: Name) -> bool:
        """Whether a name is nobody's here, or in the certificate as well; a pattern may stand for one in use."""
        if certificate.names.include(name):
            return True
        return isinstance(name, DomainName) and name not in self._conversation.domains.hosted

    def _accepted(self, exchange: _Presentation, id: int, accept: Accept, now: float) -> None:
        conversation, domain = self._conversation, exchange.domain
        if id not in conversation.own.certificates:
            shown = exchange.certificate if accept.certificate is None else None
            conversation.keep_own(AcceptedCertificate.of_ours(id, shown))
        conversation.refusals.forget(Whose.OURS, domain)
        self._give(id, accept, domain)
        if not conversation.own.is_open(domain):
            text = f"the peer has accepted a proof of {domain}, but not the domain"
            objection = Objection(condition=MultiplexCondition.TRY_AGAIN, text=text)
            conversation.refused(Whose.OURS, domain, objection, now)

    def _give(self, id: int, accept: Accept, proven: DomainName | None) -> None:
        """Take the names the peer accepts: those in our certificate or, where we do not know it, those of ours."""
        conversation = self._conversation
        certificate = conversation.own.certificates[id]
        names = [listed.name for listed in accept.names if self._is_credible(certificate, listed.name, proven)]
        opened = conversation.own.give(id, names, proven=proven)
        if proven is not None and proven not in opened and conversation.own.is_open(proven):
            opened.append(proven)  # it was open, and whoever waits for this exchange hears of its end
        if opened:
            conversation.tell(NamesOpened(whose=Whose.OURS, names=tuple(opened)))

    def _is_credible(self, certificate: AcceptedCertificate, name: Name, proven: DomainName | None) -> bool:
        """
        Whether the peer can have seen that a name is ours: guessing shows nothing of what is hidden.

        What is only below a pattern of the certificate has to be ours, for there is no end of such names.
        """
        names, conversation = certificate.names_in_it, self._conversation
        if certificate.subject is not None:
            if name.ascii in names.entries:
                return True
            if not names.include(name):
                return False
        return name in (proven, conversation.own.header_domain) or conversation.domains.is_shown(name)

    def _begin(self, exchange: _Presentation) -> None:
        self._conversation.begin(exchange)
        self._open[exchange.id] = exchange
        by_domain = self._offers if exchange.is_ours else self._asked
        by_domain[exchange.domain] = exchange.id

    def _end(self, exchange: _Presentation, by: PresenterInput) -> None:
        self._advance(exchange, by)
        self._conversation.end(exchange)
        del self._open[exchange.id]
        by_domain = self._offers if exchange.is_ours else self._asked
        del by_domain[exchange.domain]
        self._under_way.over(exchange.id)

    def _advance(self, exchange: _Presentation, by: PresenterInput) -> None:
        exchange.state = PRESENTING[exchange.state, by]
