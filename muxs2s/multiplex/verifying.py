"""
The verifier: has domains of the peer proven, offered by it or asked for by us.

Knows what may be asked, and what an accepted proof changes. Does not judge: that is asked for by an event,
and answered when its turn has come. Does not know what presenting takes: see
:mod:`muxs2s.multiplex.presenting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from muxs2s.multiplex.accepted import AcceptedCertificate
from muxs2s.multiplex.conditions import MultiplexCondition, Objection
from muxs2s.multiplex.conversation import Conversation, Unattributed
from muxs2s.multiplex.elements import Accept, ListedName, Offer, Present, Reject, Request, portions
from muxs2s.multiplex.events import NamesOpened, ProofRecalled, ProofShown, Whose
from muxs2s.multiplex.exchanges import VERIFYING, Exchange, VerifierInput, VerifierState
from muxs2s.multiplex.verdicts import NotVouched, Vouched
from muxs2s.multiplex.waits import DueWait
from muxs2s.wire.names import DomainName, Name

__all__ = ["Verifier"]


class _Verification(Exchange):
    """One exchange in which we verify."""

    __slots__ = ("recalled", "request", "state")

    waits_as = DueWait.VERIFIER

    def __init__(self, id: int, domain: DomainName, *, is_ours: bool) -> None:
        super().__init__(id, domain, is_ours=is_ours)
        self.state = VerifierState.NEW
        self.request = b""
        """What we have asked; empty where the domain is accepted already, or a certificate is recalled."""

        self.recalled: int | None = None
        """The certificate, accepted before, that is judged for this domain."""


class Verifier:
    """
    Verifies domains of the peer on one stream.

    :param replaced: called with the id of a certificate whose place another has taken.
    """

    def __init__(self, conversation: Conversation, replaced: Callable[[int, float], None]) -> None:
        self._conversation = conversation
        self._replaced = replaced
        self._open: dict[int, _Verification] = {}
        self._by_domain: dict[DomainName, _Verification] = {}
        self.judged = 0
        """Certificates judged, that of the handshake not among them."""

        self.asked = 0
        """Exchanges that we have begun."""

    def decides_on(self, domain: DomainName) -> bool:
        """Whether an exchange decides on a domain of the peer."""
        return domain in self._by_domain

    def __len__(self) -> int:
        """How many exchanges are open."""
        return len(self._open)

    def objection(self, domain: DomainName) -> Objection | None:
        """What keeps us from accepting a domain of the peer at the moment, as far as we know ourselves."""
        if domain in self._conversation.domains.hosted:
            text = f"{domain} is hosted at the other end"
            return Objection(condition=MultiplexCondition.POLICY_VIOLATION, text=text)
        return self._objection_to_domain(domain)

    def ask(self, domain: DomainName, now: float) -> None:
        """Begin to have a domain proven or, if it is accepted, confirmed that it is served."""
        exchange = _Verification(self._conversation.next_id(), domain, is_ours=True)
        self._begin(exchange)
        self.asked += 1
        self._request(exchange, now, proof=not self._conversation.peers.is_open(domain))

    # What the peer says.

    def offered(self, offer: Offer, now: float) -> None:
        """The peer would like to prove a domain."""
        conversation = self._conversation
        if not conversation.begins(offer.id):
            return
        objection = self._objection_to_offer(offer.domain, now)
        if objection is not None:
            conversation.turn_down(offer.id, objection, now)
            return
        exchange = _Verification(offer.id, offer.domain, is_ours=False)
        self._begin(exchange)
        known = None if offer.renew else conversation.peers.naming(offer.domain)
        if known is None or not known.shown:
            self._request(exchange, now, proof=True)
        else:
            exchange.recalled = known.id
            self._advance(exchange, VerifierInput.RECALL)
            conversation.wait(exchange, now)
            conversation.tell(ProofRecalled(id=exchange.id, domain=exchange.domain, chain=known.chain))

    def presented(self, present: Present, now: float) -> None:
        """The peer shows a proof or, where none was asked for, says that it serves the domain."""
        exchange = self._open.get(present.id)
        if exchange is None:
            self._conversation.expect_over(present.id)
        elif exchange.state is not VerifierState.REQUESTED or (present.data and not exchange.request):
            raise Unattributed("the proof does not fit what was asked for")
        elif not exchange.request:
            self._confirmed(exchange, now)
        else:
            self._advance(exchange, VerifierInput.PRESENT)
            self._conversation.wait(exchange, now)
            shown = ProofShown(
                id=exchange.id, domain=exchange.domain, request=exchange.request, authenticator=present.data
            )
            self._conversation.tell(shown)

    def rejected(self, reject: Reject, now: float) -> bool:
        """
        The peer ends an exchange.

        :returns: whether it is one in which we verify.
        """
        exchange = self._open.get(reject.id)
        if exchange is None:
            return False
        if exchange.state is VerifierState.JUDGING:
            raise Unattributed("a proof that was shown cannot be taken back")
        self._end(exchange, VerifierInput.REJECT)
        if not exchange.is_ours:
            self._conversation.note_failure(reject.condition, now)
        self._conversation.rejected(Whose.PEERS, exchange.domain, reject, now)
        return True

    def malformed(self, id: int, text: str, now: float) -> bool:
        """
        What should be a proof cannot be read.

        :returns: whether an exchange ends with it.
        """
        exchange = self._open.get(id)
        if exchange is None or exchange.state is not VerifierState.REQUESTED:
            return False
        self._advance(exchange, VerifierInput.PRESENT)
        objection = Objection(condition=MultiplexCondition.BAD_REQUEST, text=text)
        self._reject(exchange, VerifierInput.NOT_PROVEN, objection, now)
        return True

    # What the service answers.

    def conclude(self, id: int, verdict: Vouched | NotVouched, now: float) -> None:
        """Take the verdict on what was shown or recalled; too late is no error."""
        exchange = self._open.get(id)
        if exchange is None or exchange.state is VerifierState.REQUESTED:
            return
        self.judged += 1
        if isinstance(verdict, NotVouched):
            objection = Objection(condition=verdict.condition, text=verdict.text)
            self._reject(exchange, VerifierInput.NOT_PROVEN, objection, now)
            return
        given = self.listed(verdict.names, proven=exchange.domain)
        late_objection = self._late_objection(exchange, given)
        if late_objection is not None:
            self._reject(exchange, VerifierInput.NOT_PROVEN, late_objection, now)
        else:
            self._end(exchange, VerifierInput.PROVEN)
            self._accept(exchange, verdict, given, now)

    def late(self, id: int, now: float) -> None:
        """The peer, or the verdict, has not come in time."""
        exchange = self._open[id]
        waited_for = "the proof" if exchange.state is VerifierState.REQUESTED else "the verdict"
        text = f"{waited_for} has not come within {self._conversation.limits.answer_seconds:g} seconds"
        objection = Objection(condition=MultiplexCondition.TIMEOUT, text=text)
        self._reject(exchange, VerifierInput.LATE, objection, now)

    def removed(self, names: Iterable[Name], now: float) -> None:
        """Either end begins to take names off: what is open on them is over."""
        text = "the domain is being taken off this stream"
        objection = Objection(condition=MultiplexCondition.TRY_AGAIN, text=text)
        for name in names:
            exchange = self._by_domain.get(name) if isinstance(name, DomainName) else None
            if exchange is not None:
                self._reject(exchange, VerifierInput.REMOVAL, objection, now)

    # Names and certificates.

    def listed(self, names: Iterable[ListedName], *, proven: DomainName | None) -> list[ListedName]:
        """
        Leave out what is ours, what was taken off, and what there is no room for.

        :param proven: the domain of the exchange, which comes back even if it was taken off.
        """
        peers, hosted = self._conversation.peers, self._conversation.domains.hosted
        room = self._conversation.limits.max_domains - len(peers)
        found: list[ListedName] = []
        for listed in names:
            name = listed.name
            if name in hosted or (name != proven and peers.is_closed(name)):
                continue
            is_new = name not in peers
            if not is_new or room > 0:
                room -= is_new
                found.append(listed)
        return found

    def take_certificate(self, id: int, vouched: Vouched) -> AcceptedCertificate | None:
        """
        Keep a certificate of the peer, which gives nothing yet.

        :returns: the one with the same subject, whose place it takes, if there is one.
        """
        replaced = self._conversation.peers.add(AcceptedCertificate.of_peer(id, vouched))
        if vouched.until is not None:
            self._conversation.waits.add(vouched.until, DueWait.CERTIFICATE, id)
        return replaced

    def give(self, id: int, certificate: int, names: list[ListedName], *, proven: DomainName | None) -> None:
        """Open names, then say so: the peer may use them as soon as it has read it."""
        conversation = self._conversation
        opened = conversation.peers.give(certificate, [listed.name for listed in names], proven=proven)
        if proven is not None:
            conversation.peers.serve(proven)
            if proven not in opened:
                opened.append(proven)  # it was open; that it is served here is new
        for portion in portions(names):
            conversation.say(Accept(id=id, certificate=None if certificate == id else certificate, names=portion))
        if opened:
            conversation.tell(NamesOpened(whose=Whose.PEERS, names=tuple(opened)))

    # The inside.

    def _objection_to_domain(self, domain: DomainName) -> Objection | None:
        """What anybody may hear who offers a domain: that it is ours is told only to those who prove it."""
        conversation = self._conversation
        if conversation.peers.is_fenced(domain):
            return Objection(condition=MultiplexCondition.TRY_AGAIN, text=f"{domain} is being taken off this stream")
        if not conversation.domains.policies().of(domain).is_multiplexed:
            text = f"the policy denies {domain} on a shared stream"
            return Objection(condition=MultiplexCondition.POLICY_VIOLATION, text=text)
        return None

    def _objection_to_offer(self, domain: DomainName, now: float) -> Objection | None:
        """What ends an offer at once; the first reason that fits is told."""
        objection = self._conversation.objection(now) or self._fullness(domain)
        if objection is None and domain in self._by_domain:
            text = "another exchange for this domain is open"
            objection = Objection(condition=MultiplexCondition.DUPLICATE, text=text)
        return objection or self._objection_to_domain(domain)

    def _fullness(self, domain: DomainName) -> Objection | None:
        """Whether there is no room for a domain, or for one more certificate, though each gives one name at least."""
        peers, most = self._conversation.peers, self._conversation.limits.max_domains
        if len(peers) >= most and domain not in peers:
            return Objection(condition=MultiplexCondition.TOO_MANY, text=f"{most} names of yours are kept")
        if len(peers.certificates) >= 2 * most:
            return Objection(condition=MultiplexCondition.TOO_MANY, text=f"{2 * most} certificates of yours are kept")
        return None

    def _late_objection(self, exchange: _Verification, given: list[ListedName]) -> Objection | None:
        """What keeps us from accepting a domain, though it is proven: much can have happened meanwhile."""
        conversation = self._conversation
        if exchange.recalled is not None and exchange.recalled not in conversation.peers.certificates:
            text = "the certificate that was judged is no longer accepted"
            return Objection(condition=MultiplexCondition.TRY_AGAIN, text=text)
        objection = self.objection(exchange.domain)
        if objection is None and not (given and given[0].name == exchange.domain):
            text = f"no room for more than {conversation.limits.max_domains} names"
            return Objection(condition=MultiplexCondition.TOO_MANY, text=text)
        return objection

    def _request(self, exchange: _Verification, now: float, *, proof: bool) -> None:
        conversation = self._conversation
        if proof:
            exchange.request = conversation.authenticators.request(exchange.domain)
        self._advance(exchange, VerifierInput.REQUEST)
        conversation.wait(exchange, now)
        conversation.say(Request(id=exchange.id, domain=exchange.domain, data=exchange.request))

    def _confirmed(self, exchange: _Verification, now: float) -> None:
        """The peer serves a domain that we accept, if we still do."""
        peers = self._conversation.peers
        self._advance(exchange, VerifierInput.PRESENT)
        giver = peers.giver(exchange.domain) if peers.is_open(exchange.domain) else None
        if giver is None:
            text = "the domain is no longer accepted here"
            objection = Objection(condition=MultiplexCondition.TRY_AGAIN, text=text)
            self._reject(exchange, VerifierInput.NOT_PROVEN, objection, now)
            return
        given = self.listed([ListedName(name=exchange.domain, until=giver.until)], proven=exchange.domain)
        late_objection = self._late_objection(exchange, given)
        if late_objection is not None:
            self._reject(exchange, VerifierInput.NOT_PROVEN, late_objection, now)
            return
        self._end(exchange, VerifierInput.PROVEN)
        self._open_domain(exchange, giver.id, given)

    def _accept(self, exchange: _Verification, vouched: Vouched, given: list[ListedName], now: float) -> None:
        """Keep the certificate, in the place of the one with the same subject if there is one."""
        if exchange.recalled is not None:
            self._open_domain(exchange, exchange.recalled, given)
            return
        replaced = self.take_certificate(exchange.id, vouched)
        self._open_domain(exchange, exchange.id, given)
        if replaced is not None:
            self._replaced(replaced.id, now)

    def _open_domain(self, exchange: _Verification, certificate: int, names: list[ListedName]) -> None:
        self._conversation.refusals.forget(Whose.PEERS, exchange.domain)
        self.give(exchange.id, certificate, names, proven=exchange.domain)

    def _reject(self, exchange: _Verification, by: VerifierInput, objection: Objection, now: float) -> None:
        conversation = self._conversation
        self._end(exchange, by)
        conversation.note_failure(objection.condition, now)
        conversation.reject(exchange.id, objection)
        conversation.refused(Whose.PEERS, exchange.domain, objection, now)

    def _begin(self, exchange: _Verification) -> None:
        self._conversation.begin(exchange)
        self._open[exchange.id] = self._by_domain[exchange.domain] = exchange

    def _end(self, exchange: _Verification, by: VerifierInput) -> None:
        self._advance(exchange, by)
        self._conversation.end(exchange)
        del self._open[exchange.id]
        del self._by_domain[exchange.domain]
        if exchange.request:
            self._conversation.authenticators.forget(exchange.request)

    def _advance(self, exchange: _Verification, by: VerifierInput) -> None:
        exchange.state = VERIFYING[exchange.state, by]
