"""
What a script has at hand: connections to the server, brought as far as it wants, and connections of the server.

Knows how a good peer opens a stream, in either role. Does not know what is tried on it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final, cast

from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory

from muxs2s.conformance.deviation import Deviation
from muxs2s.conformance.offers import Offers
from muxs2s.conformance.own import Identity
from muxs2s.conformance.peer import ScriptedPeer
from muxs2s.conformance.reception import Reception
from muxs2s.conformance.saying import (
    AUTH,
    BIDI_ON,
    CLOSING,
    DIALBACK_OFFER,
    EXTERNAL_OFFER,
    PING_INSIDE,
    PROCEED,
    STARTTLS,
    SUCCESS,
    TLS_OFFER,
    features,
    header,
    iq,
    key_question,
    key_result,
)
from muxs2s.conformance.setting import NOTHING_KNOWN, Facts, Need, Setting
from muxs2s.conformance.tls import AnsweringTLS, CallingTLS
from muxs2s.wire.errors import StreamCondition
from muxs2s.wire.framing import StreamClosed
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import DIALBACK, SASL, SERVER, TLS
from muxs2s.wire.stanza import Slice

__all__ = ["Kit", "Talk"]

MAX_VISITORS: Final = 20
"""Connections of the server that are looked at until one is for the domain that a script waits for."""


class _Calling(Factory):
    """Makes the protocol of a connection to the server."""

    noisy = False

    def __init__(self, make: Callable[[], ScriptedPeer]) -> None:
        self._make = make

    def buildProtocol(self, addr: IAddress | None) -> ScriptedPeer:
        return self._make()


class Kit:
    """
    One case at work; :meth:`close` ends whatever it has begun.

    :param clock: the reactor.
    :param reception: takes the connections of the server.
    :param facts: what it offers, once that is known.
    """

    def __init__(
        self, clock: IReactorTime, setting: Setting, reception: Reception, facts: Facts = NOTHING_KNOWN
    ) -> None:
        self.setting, self.facts, self.clock = setting, facts, clock
        self.domain = setting.domain
        self.ours = setting.ours
        self.peers: list[ScriptedPeer] = []
        """Every connection so far, ours and the server's."""

        self._reception = reception
        reception.admit(self._made)

    # Domains of ours.

    @property
    def me(self) -> DomainName:
        """Our domain that calls."""
        return self.ours.first.domain

    def another(self) -> Identity:
        """Give a domain of ours that was not used before; the server finds it."""
        identity = self.ours.another()
        self.lead(identity.domain)
        return identity

    def lead(self, domain: DomainName) -> None:
        """Let the server find a domain of ours, where we are asked for names."""
        zone, target = self.setting.zone, self.setting.reached_at
        if zone is not None and target is not None:
            zone.add_srv(domain.ascii, target.host, target.port)

    # Streams of ours.

    def header(self, me: DomainName | str | None = None, **attributes: str | None) -> str:
        """The header with which we call."""
        return header(**{"from_": me or self.me, "to": self.domain, **attributes})

    async def connect(self, *, direct_tls: bool = False) -> ScriptedPeer:
        """
        Connect, and say nothing.

        :raises Deviation: if the server does not take the connection.
        """
        endpoint = self.setting.direct_tls if direct_tls else self.setting.endpoint
        assert endpoint is not None, "needed by the case"
        try:
            return cast("ScriptedPeer", await endpoint.connect(_Calling(self._made)))
        except (ConnectError, DNSLookupError) as failed:
            raise Deviation(f"no connection to {self.setting.place}: {failed}") from None

    async def opened(self, me: DomainName | str | None = None, **attributes: str | None) -> tuple[ScriptedPeer, Offers]:
        """Connect and open the stream; what is offered outside TLS has come."""
        peer = await self.connect()
        peer.say(self.header(me, **attributes))
        await peer.header()
        return peer, await peer.features()

    async def handshaken(self, identity: Identity | None = None, *, max_version: int = 0) -> ScriptedPeer:
        """Connect as far as TLS; nothing is said inside."""
        identity = identity or self.ours.first
        peer, _ = await self.opened(identity.domain)
        peer.say(STARTTLS)
        await peer.element("proceed", TLS)
        await peer.start_tls(CallingTLS(identity.credentials, self.domain.ascii, max_version=max_version))
        return peer

    async def secured(
        self, identity: Identity | None = None, *, max_version: int = 0, **attributes: str | None
    ) -> tuple[ScriptedPeer, Offers]:
        """Connect and open the stream inside TLS; what is offered before authentication has come."""
        identity = identity or self.ours.first
        peer = await self.handshaken(identity, max_version=max_version)
        peer.say(self.header(identity.domain, **attributes))
        await peer.header()
        return peer, await peer.features()

    async def authenticated(
        self, identity: Identity | None = None, *, bidi: bool = False, max_version: int = 0
    ) -> tuple[ScriptedPeer, Offers]:
        """
        Connect and authenticate by SASL EXTERNAL; what is offered after that has come.

        :param bidi: say that the stream shall go in both directions.
        """
        identity = identity or self.ours.first
        peer, offers = await self.secured(identity, max_version=max_version)
        if "EXTERNAL" not in offers.mechanisms:
            raise Deviation(f"expected SASL EXTERNAL to be offered to {identity.domain}, whose certificate is good")
        peer.say(BIDI_ON if bidi else "", AUTH)
        await peer.element("success", SASL)
        peer.renew()
        peer.say(self.header(identity.domain))
        await peer.header()
        return peer, await peer.features()

    async def talk(self, identity: Identity | None = None) -> Talk:
        """Connect so that the answers of the server can be seen: on the same stream, or on one that it opens."""
        identity = identity or self.ours.first
        bidi = self.facts.has(Need.BIDI, self.setting)
        peer, _ = await self.authenticated(identity, bidi=bidi)
        return Talk(self, identity, peer, peer if bidi else None)

    def provoke(self, peer: ScriptedPeer, identity: Identity) -> str:
        """Have the server call a domain of ours, by a request that it can answer only there; gives its id."""
        id_ = self.token()
        peer.say(iq(f"kit@{identity.domain}", f"nobody@{self.domain}", id_))
        return id_

    async def is_alive(self, peer: ScriptedPeer) -> None:
        """
        See that a stream lives on and has answered everything: nothing comes but the answer to one more question.

        Where the server knows no dialback, all that can be seen is that it closes the stream without an error.
        """
        if not self.facts.has(Need.DIALBACK, self.setting):
            peer.say(CLOSING)
            await peer.ends()
            return
        id_ = self.token()
        peer.say(key_question(self.me, self.domain, id_, "00"))
        await peer.element("verify", DIALBACK, from_=self.domain, to=self.me, id=id_)

    async def ends_or_is_alive(self, peer: ScriptedPeer, *conditions: StreamCondition) -> None:
        """See that a stream ends with one of these errors, or lives on and has answered nothing."""
        expected = f"stream error {' or '.join(condition.value for condition in conditions)}, or the stream to live on"
        id_ = self.token()
        knows_dialback = self.facts.has(Need.DIALBACK, self.setting)
        peer.say(key_question(self.me, self.domain, id_, "00") if knows_dialback else CLOSING)
        heard = await peer.hear(expected)
        if peer.is_error(heard, *conditions):
            await peer.closes()
        elif not isinstance(heard, StreamClosed) and getattr(heard, "id", None) != id_:
            raise peer.other(expected, heard)

    # Streams of the server.

    async def visitor(self, domain: DomainName) -> ScriptedPeer:
        """
        Wait until the server calls a domain of ours; its header has come.

        :raises Deviation: if it does not.
        """
        for _ in range(MAX_VISITORS):
            peer = await self._reception.visitor(f"the server to call {domain}")
            opened = await peer.header()
            if opened.attributes.get("to") == domain:
                return peer
            await peer.close()
        raise Deviation(f"expected the server to call {domain}, and it called others {MAX_VISITORS} times")

    async def greeted(self, identity: Identity) -> ScriptedPeer:
        """Wait until the server calls a domain of ours, and answer as far as TLS; its header inside has come."""
        peer = await self.visitor(identity.domain)
        peer.say(self.answer(identity), features(TLS_OFFER))
        await peer.element("starttls", TLS)
        peer.say(PROCEED)
        await peer.start_tls(AnsweringTLS(identity.credentials))
        await peer.header()
        return peer

    async def received(self, identity: Identity, *offers: str, id_: str | None = None) -> ScriptedPeer:
        """
        As :meth:`greeted`, then answer and offer features.

        :param id_: of the stream inside TLS.
        """
        peer = await self.greeted(identity)
        peer.say(self.answer(identity, id_), features(*offers))
        return peer

    async def accepted(self, identity: Identity) -> ScriptedPeer:
        """Wait until the server calls a domain of ours, and accept it by SASL EXTERNAL or dialback, as it likes."""
        peer = await self.received(identity, EXTERNAL_OFFER, DIALBACK_OFFER)
        heard = await peer.hear("SASL EXTERNAL or a dialback key")
        if peer.is_element(heard, "result", DIALBACK):
            peer.say(key_result(identity.domain, self.domain, type="valid"))
        elif peer.is_element(heard, "auth", SASL):
            peer.renew()
            peer.say(SUCCESS)
            await peer.header()
            peer.say(self.answer(identity), features())
        else:
            raise peer.other("SASL EXTERNAL or a dialback key", heard)
        return peer

    def answer(self, identity: Identity, id_: str | None = None) -> str:
        """The header with which we answer."""
        return header(from_=identity.domain, to=self.domain, id=id_ or self.token())

    # Dialback.

    async def asked(self, identity: Identity, *offers: str) -> tuple[ScriptedPeer, str, str]:
        """
        Wait until the server asks the authoritative server of a domain of ours, which we play, about a key.

        :returns: the connection, the id of the stream asked about, and the key.
        """
        peer = await self.received(identity, *offers)
        expected = f"a question about a key of {identity.domain}"
        heard = await peer.hear(expected)
        if peer.is_element(heard, "result", DIALBACK):  # some prove themselves first
            peer.say(key_result(identity.domain, self.domain, type="valid"))
            heard = await peer.hear(expected)
        if not peer.is_element(heard, "verify", DIALBACK) or heard.to_address != identity.domain:
            raise peer.other(expected, heard)
        return peer, heard.id or "", str(heard.tree()).strip()

    async def vouched(self, peer: ScriptedPeer, identity: Identity, *offers: str, verdict: str = "valid") -> None:
        """Assert a pair by a key on a stream, and give this verdict on it as the authoritative server."""
        peer.say(key_result(identity.domain, self.domain, self.token()))
        asking, id_, _ = await self.asked(identity, *offers)
        asking.say(key_question(identity.domain, self.domain, id_, type=verdict))

    # The end.

    @staticmethod
    def token() -> str:
        """An id or key that nobody foresees."""
        return secrets.token_hex(16)

    async def close(self) -> None:
        """End every connection of this case."""
        self._reception.dismiss()
        for peer in self.peers:
            await peer.close()

    def _made(self) -> ScriptedPeer:
        peer = ScriptedPeer(self.clock, self.setting.seconds)
        self.peers.append(peer)
        return peer


class Talk:
    """
    A stream on which we send stanzas, and wherever the server sends what it answers.

    :param peer: our stream.
    :param back: where answers come; ``None`` before the server has opened a stream for them.
    """

    def __init__(self, kit: Kit, identity: Identity, peer: ScriptedPeer, back: ScriptedPeer | None) -> None:
        self.peer, self.me = peer, f"kit@{identity.domain}"
        self._kit, self._identity, self._back = kit, identity, back

    @property
    def nobody(self) -> str:
        """An address at the server's domain that nobody has; who asks it gets an error."""
        return f"nobody@{self._kit.domain}"

    def ask(self, id_: str, to: str | None = None, *, inside: str = PING_INSIDE) -> None:
        """Send a request that somebody has to answer, by default to nobody."""
        self.peer.say(iq(self.me, to or self.nobody, id_, inside=inside))

    async def fence(self) -> None:
        """See that everything sent so far was read, and that nothing more of it is answered."""
        id_ = self._kit.token()
        self.ask(id_)
        await self.answer(id_)

    async def back(self) -> ScriptedPeer:
        """Where answers come; the server opens a stream for the first one."""
        if self._back is None:
            self._back = await self._kit.accepted(self._identity)
        return self._back

    async def answer(self, id_: str) -> Slice:
        """The answer to a request comes next, whatever it says."""
        back = await self.back()
        return await back.element("iq", SERVER, to=self.me, id=id_)
