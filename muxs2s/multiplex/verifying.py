"""
The verifier: has domains of the peer proven, offered by it or asked for by us.

Knows what may be asked, and what an accepted proof changes. Does not judge: that is asked for by an event,
and answered when its turn has come. Does not know what presenting takes: see
:mod:`muxs2s.multiplex.presenting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from cryptography.x509 import Certificate

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.conversation import Begun, Conversation
from muxs2s.multiplex.elements import Accept, ListedName, Offer, Present, Reject, Request, portions
from muxs2s.multiplex.events import NamesOpened, ProofRecalled, ProofShown, Whose
from muxs2s.multiplex.exchanges import VERIFYING, VerifierInput, VerifierState
from muxs2s.multiplex.names import AcceptedCertificate, Name
from muxs2s.multiplex.unattributed import Unattributed
from muxs2s.multiplex.verdicts import NotVouched, Vouched, subject_key
from muxs2s.multiplex.waits import DueWait
from muxs2s.proof.identity import names_in
from muxs2s.wire.names import DomainName

__all__ = ["Verifier"]


@dataclass(slots=True, kw_only=True)
class _Verification:
    """One exchange in which we verify."""

    id: int
    domain: DomainName
    is_ours: bool
    """Whether we have begun it."""

    state: VerifierState = VerifierState.NEW
    request: bytes = b""
    """What we have asked; empty where the domain is accepted already, or a certificate is recalled."""

    recalled: int | None = None
    """The certificate, accepted before, that is judged for this domain."""

    due: float = inf


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

    def is_open(self, domain: DomainName) -> bool:
        """Whether an exchange decides on a domain of the peer."""
        return domain in self._by_domain

    def __len__(self) -> int:
        """How many exchanges are open."""
        return len(self._open)

    def objection(self, domain: DomainName) -> tuple[MultiplexCondition, str] | None:
        """What keeps us from verifying a domain of the peer at the moment, as far as we know ourselves."""
        conversation = self._conversation
        if conversation.peers.is_fenced(domain):
            return MultiplexCondition.TRY_AGAIN, f"{domain} is being taken off this stream"
        if domain in conversation.domains.hosted:
            return MultiplexCondition.POLICY_VIOLATION, f"{domain} is hosted at the other end"
        if not conversation.domains.policies().of(domain).is_multiplexed:
            return MultiplexCondition.POLICY_VIOLATION, f"the policy denies {domain} on a shared stream"
        return None

    def ask(self, domain: DomainName, now: float) -> None:
        """Begin to have a domain proven or, if it is accepted, confirmed that it is served."""
        exchange = _Verification(id=self._conversation.next_id(), domain=domain, is_ours=True)
        self._begin(exchange)
        self._request(exchange, now, proof=not self._conversation.peers.is_open(domain))

    # What the peer says.

    def offered(self, offer: Offer, now: float) -> None:
        """The peer would like to prove a domain."""
        conversation = self._conversation
        begun = conversation.begun(offer.id)
        if begun is not Begun.NOW:
            if offer.id in self._open:
                raise Unattributed("the id of an offer is in use")
            Unattributed.unless_over(begun)
            return
        conversation.note_begun(offer.id)
        if self._rejects(offer, now):
            return
        exchange = _Verification(id=offer.id, domain=offer.domain, is_ours=False)
        self._begin(exchange)
        known = None if offer.renew else conversation.peers.naming(offer.domain)
        if known is None or not known.chain:
            self._request(exchange, now, proof=True)
        else:
            exchange.recalled = known.id
            self._advance(exchange, VerifierInput.RECALL)
            self._wait(exchange, now)
            conversation.tell(ProofRecalled(id=exchange.id, domain=exchange.domain, chain=known.chain))

    def presented(self, present: Present, now: float) -> None:
        """The peer shows a proof or, where none was asked for, says that it serves the domain."""
        exchange = self._open.get(present.id)
        if exchange is None:
            Unattributed.unless_over(self._conversation.begun(present.id))
        elif exchange.state is not VerifierState.REQUESTED or (present.data and not exchange.request):
            raise Unattributed("the proof does not fit what was asked for")
        elif not exchange.request:
            self._confirmed(exchange, now)
        elif not 0 < len(present.data) <= self._conversation.limits.max_authenticator_bytes:
            text = f"an authenticator of {len(present.data)} bytes"
            self._reject_shown(exchange, MultiplexCondition.BAD_AUTHENTICATOR, text, now)
        else:
            self._advance(exchange, VerifierInput.PRESENT)
            self._wait(exchange, now)
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
        if exchange.state is not VerifierState.REQUESTED:
            raise Unattributed("a proof that was shown cannot be taken back")
        self._end(exchange, VerifierInput.REJECT)
        self._conversation.note_failure(reject.condition, now)
        self._conversation.refused(
            Whose.PEERS, exchange.domain, reject.condition, reject.text, now, retry_seconds=reject.retry_seconds
        )
        return True

    def malformed(self, id: int, text: str, now: float) -> bool:
        """
        What should be a proof cannot be read.

        :returns: whether an exchange ends with it.
        """
        exchange = self._open.get(id)
        if exchange is None or exchange.state is not VerifierState.REQUESTED:
            return False
        self._reject_shown(exchange, MultiplexCondition.BAD_REQUEST, text, now)
        return True

    # What the service answers.

    def conclude(self, id: int, verdict: Vouched | NotVouched, now: float) -> None:
        """Take the verdict on what was shown or recalled; too late is no error."""
        exchange = self._open.get(id)
        if exchange is None or exchange.state is not VerifierState.JUDGING:
            return
        self.judged += 1
        if isinstance(verdict, NotVouched):
            self._reject(exchange, VerifierInput.NOT_PROVEN, verdict.condition, verdict.text, now)
            return
        if exchange.recalled is not None and exchange.recalled not in self._conversation.peers.certificates:
            text = "the certificate that was judged is no longer accepted"
            self._reject(exchange, VerifierInput.NOT_PROVEN, MultiplexCondition.TRY_AGAIN, text, now)
            return
        given = self.listed(verdict.names, proven=exchange.domain)
        if not given or given[0].name != exchange.domain:
            text = f"no room for more than {self._conversation.limits.max_domains} names"
            self._reject(exchange, VerifierInput.NOT_PROVEN, MultiplexCondition.TOO_MANY, text, now)
            return
        self._end(exchange, VerifierInput.PROVEN)
        self._accept(exchange, verdict, given, now)

    def late(self, id: int, due: float, now: float) -> None:
        """The peer, or the verdict, has not come in time."""
        exchange = self._open.get(id)
        if exchange is not None and exchange.due == due:
            waited_for = "the proof" if exchange.state is VerifierState.REQUESTED else "the verdict"
            text = f"{waited_for} has not come within {self._conversation.limits.answer_seconds:g} seconds"
            self._reject(exchange, VerifierInput.LATE, MultiplexCondition.TIMEOUT, text, now)

    def removed(self, names: Iterable[Name], now: float) -> None:
        """Either end begins to take names off: what is open on them is over."""
        for name in names:
            exchange = self._by_domain.get(name) if isinstance(name, DomainName) else None
            if exchange is not None:
                text = "the domain is being taken off this stream"
                self._reject(exchange, VerifierInput.REMOVAL, MultiplexCondition.TRY_AGAIN, text, now)

    # Names and certificates.

    def listed(self, names: Iterable[ListedName], *, proven: DomainName | None) -> list[ListedName]:
        """
        Leave out what was taken off, and what there is no room for.

        :param proven: the domain of the exchange, which comes back even if it was taken off.
        """
        peers = self._conversation.peers
        room = self._conversation.limits.max_domains - len(peers)
        found: list[ListedName] = []
        for listed in names:
            if listed.name != proven and peers.is_closed(listed.name):
                continue
            is_new = listed.name not in peers
            if not is_new or room > 0:
                room -= is_new
                found.append(listed)
        return found

    def take_certificate(self, id: int, vouched: Vouched) -> None:
        """Keep a certificate of the peer, which gives nothing yet."""
        leaf: Certificate = vouched.chain[0]
        conversation = self._conversation
        conversation.peers.add(
            AcceptedCertificate(
                id=id,
                subject=subject_key(leaf),
                leaf=leaf,
                chain=vouched.chain,
                names_in_it=names_in(leaf),
                until=vouched.until,
                prooftype=vouched.prooftype,
                evidence=vouched.evidence,
            )
        )
        if vouched.until is not None:
            conversation.waits.add(vouched.until, DueWait.CERTIFICATE, id)

    def give(self, id: int, certificate: int, names: list[ListedName], *, proven: DomainName | None) -> None:
        """Open names, then say so: the peer may use them as soon as it has read it."""
        conversation = self._conversation
        opened = conversation.peers.give(certificate, [listed.name for listed in names], proven=proven)
        for portion in portions(names):
            conversation.say(Accept(id=id, certificate=None if certificate == id else certificate, names=portion))
        if proven is not None and proven not in opened:
            opened.append(proven)  # it was open; that it is served here is new
        if opened:
            conversation.tell(NamesOpened(whose=Whose.PEERS, names=tuple(opened)))

    # The inside.

    def _rejects(self, offer: Offer, now: float) -> bool:
        """Whether an offer is over at once; the first reason that fits is told."""
        conversation = self._conversation
        met = conversation.bound_met(now)
        is_full = len(conversation.peers) >= conversation.limits.max_domains
        if met is None and is_full and offer.domain not in conversation.peers:
            met = f"{conversation.limits.max_domains} names of yours are kept", None
        if met is not None:
            conversation.reject(offer.id, MultiplexCondition.TOO_MANY, met[0], now, retry_seconds=met[1])
            return True
        if offer.domain in self._by_domain:
            text = "another exchange for this domain is open"
            conversation.reject(offer.id, MultiplexCondition.DUPLICATE, text, now)
            return True
        refused = self.objection(offer.domain)
        if refused is not None:
            conversation.reject(offer.id, *refused, now)
        return refused is not None

    def _request(self, exchange: _Verification, now: float, *, proof: bool) -> None:
        conversation = self._conversation
        if proof:
            exchange.request = conversation.authenticators.request(exchange.domain)
        self._advance(exchange, VerifierInput.REQUEST)
        self._wait(exchange, now)
        conversation.say(Request(id=exchange.id, domain=exchange.domain, data=exchange.request))

    def _confirmed(self, exchange: _Verification, now: float) -> None:
        """The peer serves a domain that we accept, if we still do."""
        peers = self._conversation.peers
        self._advance(exchange, VerifierInput.PRESENT)
        giver = peers.giver(exchange.domain) if peers.is_open(exchange.domain) else None
        if giver is None:
            text = "the domain is no longer accepted here"
            self._reject(exchange, VerifierInput.NOT_PROVEN, MultiplexCondition.TRY_AGAIN, text, now)
            return
        self._end(exchange, VerifierInput.PROVEN)
        listed = self.listed([ListedName(name=exchange.domain, until=giver.until)], proven=exchange.domain)
        self._open_domain(exchange, giver.id, listed)

    def _accept(self, exchange: _Verification, vouched: Vouched, given: list[ListedName], now: float) -> None:
        """Keep the certificate, in the place of the one with the same subject if there is one."""
        peers = self._conversation.peers
        if exchange.recalled is not None:
            self._open_domain(exchange, exchange.recalled, given)
            return
        replaced = peers.of_subject(subject_key(vouched.chain[0]))
        self.take_certificate(exchange.id, vouched)
        self._open_domain(exchange, exchange.id, given)
        if replaced is not None:
            self._replaced(replaced.id, now)

    def _open_domain(self, exchange: _Verification, certificate: int, names: list[ListedName]) -> None:
        self._conversation.accepted(Whose.PEERS, exchange.domain)
        self._conversation.peers.serve(exchange.domain)
        self.give(exchange.id, certificate, names, proven=exchange.domain)

    def _reject_shown(self, exchange: _Verification, condition: MultiplexCondition, text: str, now: float) -> None:
        """What was shown is no good at first sight."""
        self._advance(exchange, VerifierInput.PRESENT)
        self._reject(exchange, VerifierInput.NOT_PROVEN, condition, text, now)

    def _reject(
        self, exchange: _Verification, by: VerifierInput, condition: MultiplexCondition, text: str, now: float
    ) -> None:
        self._end(exchange, by)
        self._conversation.reject(exchange.id, condition, text, now)
        self._conversation.refused(Whose.PEERS, exchange.domain, condition, text, now)

    def _begin(self, exchange: _Verification) -> None:
        conversation = self._conversation
        self._open[exchange.id] = self._by_domain[exchange.domain] = exchange
        conversation.begun_by_us += exchange.is_ours
        conversation.begun_by_peer += not exchange.is_ours

    def _end(self, exchange: _Verification, by: VerifierInput) -> None:
        self._advance(exchange, by)
        conversation = self._conversation
        del self._open[exchange.id]
        del self._by_domain[exchange.domain]
        conversation.begun_by_us -= exchange.is_ours
        conversation.begun_by_peer -= not exchange.is_ours
        if exchange.request:
            conversation.authenticators.forget(exchange.request)

    def _advance(self, exchange: _Verification, by: VerifierInput) -> None:
        exchange.state = VERIFYING[exchange.state, by]

    def _wait(self, exchange: _Verification, now: float) -> None:
        exchange.due = now + self._conversation.limits.answer_seconds
        self._conversation.waits.add(exchange.due, DueWait.VERIFIER, exchange.id)
