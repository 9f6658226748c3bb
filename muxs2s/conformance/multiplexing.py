"""
A stream on which both ends multiplex, in the hands of a script.

Knows how a good presenter and a good verifier go about an exchange, and what authenticators are made of, so that
scripts can bend them. Does not know what is tried on it.
"""

from __future__ import annotations

import secrets
from itertools import count
from typing import Final, TypeVar

from muxs2s.conformance.deviation import Deviation, NotObservable
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.own import Identity
from muxs2s.conformance.peer import Heard, ScriptedPeer
from muxs2s.conformance.saying import closed, iq
from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import (
    Accept,
    Enable,
    Enabled,
    ListedName,
    MultiplexElement,
    Offer,
    Present,
    Reject,
    Request,
    Revoke,
    Revoked,
)
from muxs2s.multiplex.formats import FormatRefused, read_id
from muxs2s.multiplex.reading import MultiplexMalformed, read_element
from muxs2s.network.exporting import authenticator_keys, why_no_authenticators
from muxs2s.network.pem import Credentials
from muxs2s.proof.authenticators import Authenticators, TLSRole
from muxs2s.proof.outcome import Evidence, Proven
from muxs2s.proof.pkix import PkixProof
from muxs2s.proof.possession import AuthenticatorRefused, AuthenticatorSender
from muxs2s.proof.tlsmessages import HandshakeType, MessageMalformed, RequestMessage, read_request
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import MULTIPLEX, SERVER
from muxs2s.wire.stanza import Slice

__all__ = ["LIMITS", "Multiplexing", "element"]

LIMITS: Final = Enable(max_domains=10_000, max_pending=64)
"""What the kit says it takes."""

ECDSA_P256: Final = 0x0403
RSA_PSS: Final = 0x0804
"""The schemes that every request names."""

CONTEXT_BYTES: Final = 32

T = TypeVar("T", bound=MultiplexElement)


def element(name: str, content: str = "", **attributes: str | None) -> str:
    """An element of multiplexing as a script writes it, however wrong; ``_`` in names stands for a hyphen."""
    named = {key.replace("_", "-"): value for key, value in attributes.items()}
    return closed(name, {"xmlns": MULTIPLEX, **named}, content)


class Multiplexing:
    """
    Both ends, from ``enable`` on.

    :param peer: its stream, authenticated and going in both directions.
    """

    def __init__(self, kit: Kit, peer: ScriptedPeer) -> None:
        assert peer.connection is not None, "TLS is up"
        keys = authenticator_keys(peer.connection)
        if keys is None:
            raise NotObservable(why_no_authenticators(peer.connection))
        self.kit, self.peer = kit, peer
        self.keys = keys
        self.asker = Authenticators(TLSRole.CLIENT, keys, secrets.token_bytes)
        """Asks the server, and checks what it shows."""

        self.prover = AuthenticatorSender(keys.hash_name, keys.client_context, keys.client_finished)
        """Proves whatever a script wants, to whatever request."""

        peer.deflect = self._deflect
        self._ids = count(1, 2)
        self._contexts: set[bytes] = set()

    @classmethod
    async def enabled(cls, kit: Kit, identity: Identity | None = None) -> Multiplexing:
        """Connect and enable it; both first lists have been told."""
        identity = identity or kit.ours.first
        peer, _ = await kit.authenticated(identity, bidi=True)
        found = cls(kit, peer)
        names = await found.enable()
        if identity.domain not in names:
            raise Deviation(
                f"expected the first list to have {identity.domain}; it has {', '.join(names) or 'nothing'}"
            )
        return found

    async def enable(self) -> list[str]:
        """Enable it, and tell our first list; gives the server's."""
        self.say(LIMITS)
        await self.hear(Enabled)
        first = await self.hear(Accept)
        if first.id:
            raise Deviation(f"expected an accept with the id 0 first; the id was {first.id}")
        self.accept(0, self.kit.domain)
        return [str(listed.name) for listed in first.names]

    # Speaking and listening.

    def say(self, *elements: MultiplexElement | str) -> None:
        """Say elements, good ones or as they are written."""
        self.peer.say(*(each if isinstance(each, str) else each.to_bytes() for each in elements))

    async def hear(self, kind: type[T], seconds: float | None = None, *, id_: int | None = None) -> T:
        """
        An element of multiplexing comes next.

        :param id_: that it must have.
        """
        return self.read(await self.peer.hear(kind.__name__.lower(), seconds), kind, id_)

    def read(self, heard: Heard, kind: type[T], id_: int | None = None) -> T:
        """What was heard has to be an element of multiplexing, of this kind and with this id."""
        name = kind.__name__.lower()
        if not self.peer.is_element(heard, name, MULTIPLEX):
            raise self.peer.other(f"{name} of {MULTIPLEX}", heard)
        try:
            read = read_element(heard)
        except MultiplexMalformed as malformed:
            raise Deviation(f"expected {name} as specified; {malformed}") from None
        assert isinstance(read, kind), "its name says so"
        if id_ is not None and getattr(read, "id", None) != id_:
            raise self.peer.other(f"{name} with the id {id_}", heard)
        return read

    def next_id(self) -> int:
        """An id of ours, higher than those before."""
        return next(self._ids)

    def _deflect(self, heard: Heard) -> bool:
        """The server may begin exchanges of its own, about domains it has met before: none of the script's business."""
        if not isinstance(heard, Slice) or heard.namespace != MULTIPLEX or heard.name not in {"offer", "request"}:
            return False
        try:
            id_ = read_id(heard.id)
        except FormatRefused:
            return False
        if id_ % 2:
            return False
        self.say(Reject(id=id_, condition=MultiplexCondition.POLICY_VIOLATION))
        return True

    # Presenting.

    async def offered(self, domain: DomainName, *, renew: bool = False) -> Request:
        """Offer a domain; the server asks for it."""
        id_ = self.next_id()
        self.say(Offer(id=id_, domain=domain, renew=renew))
        request = await self.hear(Request, id_=id_)
        if request.domain != domain:
            raise Deviation(f"expected a request for {domain}; it was for {request.domain}")
        self.examine(request)
        return request

    def examine(self, request: Request) -> RequestMessage:
        """See that a request is one, of a TLS server, with a context not used before and the schemes that must be."""
        try:
            message = read_request(request.data)
        except MessageMalformed as malformed:
            raise Deviation(f"expected an authenticator request; {malformed}") from None
        wrong = [
            reason
            for reason, is_wrong in {
                "it has the type of a TLS client": message.kind is not HandshakeType.CERTIFICATE_REQUEST,
                "it has a server_name": message.server_name is not None,
                f"its context is not of {CONTEXT_BYTES} bytes": len(message.context) != CONTEXT_BYTES,
                "its context was used before": message.context in self._contexts,
                "it lacks 0x0403 or 0x0804": not {ECDSA_P256, RSA_PSS} <= set(message.schemes),
            }.items()
            if is_wrong
        ]
        if wrong:
            raise Deviation(f"expected a good authenticator request; {', '.join(wrong)}")
        self._contexts.add(message.context)
        return message

    def proof(self, request: Request, credentials: Credentials) -> bytes:
        """A good authenticator."""
        message = read_request(request.data)
        return self.prover.make(request.data, message.context, message.schemes, credentials)

    def show(self, request: Request, credentials: Credentials) -> None:
        """Present a good authenticator."""
        self.say(Present(id=request.id, data=self.proof(request, credentials)))

    async def add(self, identity: Identity, *, renew: bool = False) -> Accept:
        """Add a domain of ours as it should be done; gives what the server accepted."""
        request = await self.offered(identity.domain, renew=renew)
        self.show(request, identity.credentials)
        accepted = await self.hear(Accept, id_=request.id)
        self._look_at(accepted, identity.domain)
        return accepted

    async def add_again(self, identity: Identity) -> None:
        """Add a domain that was there before: the server may go by the certificate that it knows."""
        id_ = self.next_id()
        self.say(Offer(id=id_, domain=identity.domain))
        heard = await self.peer.hear("a request, or an accept by a certificate that is known")
        if self.peer.is_element(heard, "request", MULTIPLEX):
            request = self.read(heard, Request, id_)
            self.examine(request)
            self.show(request, identity.credentials)
            heard = await self.peer.hear("accept")
        self._look_at(self.read(heard, Accept, id_), identity.domain)

    @staticmethod
    def _look_at(accepted: Accept, domain: DomainName) -> None:
        """See that an accept lists the domain of its exchange first."""
        if not accepted.names or accepted.names[0].name != domain:
            raise Deviation(f"expected {domain} first in the list; {accepted.to_bytes().decode()} came")

    async def refused(self, *conditions: MultiplexCondition, id_: int) -> Reject:
        """The server rejects an exchange for one of these reasons, and the stream lives on."""
        reject = await self.hear(Reject, id_=id_)
        if reject.condition not in conditions:
            expected = " or ".join(condition.value for condition in conditions)
            raise Deviation(f"expected the condition {expected}; it was {reject.condition.value}: {reject.text}")
        await self.kit.is_alive(self.peer)
        return reject

    async def answered(self, domain: DomainName) -> None:
        """A request from a domain of ours is answered on this stream."""
        id_ = self.kit.token()
        me = f"kit@{domain}"
        self.peer.say(iq(me, f"nobody@{self.kit.domain}", id_))
        await self.peer.element("iq", SERVER, to=me, id=id_)

    # Judging.

    async def asked(self, domain: DomainName) -> Present:
        """Ask the server to prove a domain, unasked; it presents a good authenticator."""
        id_, data = self.next_id(), self.asker.request(domain)
        self.say(Request(id=id_, domain=domain, data=data))
        present = await self.hear(Present, id_=id_)
        try:
            chain = self.asker.check(data, present.data)
        except AuthenticatorRefused as refused:
            raise Deviation(f"expected a good authenticator for {domain}; {refused}") from None
        if self.kit.setting.anchors is not None:
            proof = PkixProof(self.kit.setting.anchors)
            outcome = proof.judge(domain, Evidence(chain=chain), self.kit.clock.seconds())
            if not isinstance(outcome, Proven):
                raise Deviation(f"expected a certificate that proves {domain}; {'; '.join(outcome.reasons)}")
        return present

    def accept(self, id_: int, *domains: DomainName) -> None:
        """Accept domains of the server."""
        self.say(Accept(id=id_, certificate=None, names=tuple(ListedName(name=domain) for domain in domains)))

    # Removing.

    async def revoke(self, domain: DomainName) -> None:
        """Accept a domain of the server no longer; it goes through the fence."""
        id_ = self.next_id()
        self.say(Revoke(id=id_, certificate=None, names=(domain,), condition=MultiplexCondition.POLICY_VIOLATION))
        await self.hear(Revoked, id_=id_)
        self.say(Revoked(id=id_))

    async def revoked(self, condition: MultiplexCondition, seconds: float | None = None) -> Revoke:
        """The server revokes a certificate or names of ours; we go through the fence."""
        revoke = await self.hear(Revoke, seconds)
        if revoke.condition is not condition:
            raise Deviation(f"expected a revoke for {condition.value}; it was for {revoke.condition.value}")
        self.say(Revoked(id=revoke.id))
        await self.hear(Revoked, id_=revoke.id)
        return revoke
