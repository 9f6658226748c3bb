"""
Where a stanza goes: to a host of ours, to a peer, or back.

Knows which domains are ours, who serves them, and what a stanza has to be. Does not know streams, nor what waits
for one: see :mod:`muxs2s.service.outgoing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby

from twisted.logger import Logger

from muxs2s.hosts.seam import Host
from muxs2s.proof.peers import PeerPolicies
from muxs2s.service.outgoing import Outgoing, OutgoingSeams
from muxs2s.service.queues import PairQueue, QueueBudget
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair, NameRefused
from muxs2s.wire.stanza import Slice, error_reply

__all__ = ["Routing"]


class Routing:
    """
    Routes stanzas between hosts and peers.

    Nothing is relayed: one of the two domains is always served here.

    :param budget: of what waits for peers.
    :param seams: of what waits for peers.
    :param policies: gives the policies of the moment; what is for a domain they deny comes back before
        anybody looks for it. See :meth:`end_denied`.
    """

    _log = Logger()

    def __init__(
        self,
        domains: Iterable[DomainName],
        budget: QueueBudget,
        seams: OutgoingSeams,
        policies: Callable[[], PeerPolicies] = PeerPolicies,
    ) -> None:
        self._hosted = set(domains)
        self._hosts: dict[DomainName, Host] = {}
        self._policies = policies
        self.outgoing = Outgoing(budget, seams, self.bounce)
        """What waits for peers."""
        self._is_stopped = False

    @property
    def hosted(self) -> AbstractSet[DomainName]:
        """The domains that are ours; a live view."""
        return self._hosted

    def add(self, domain: DomainName) -> None:
        """A domain is ours from now on."""
        self._hosted.add(domain)

    def remove(self, domain: DomainName) -> None:
        """A domain is no longer ours: what waits from it is bounced."""
        for queue in self.outgoing:
            if queue.pair.sender == domain:
                self.outgoing.close(queue)
        self._hosted.discard(domain)
        self._hosts.pop(domain, None)

    def attach(self, domain: DomainName, host: Host) -> None:
        """See :meth:`muxs2s.hosts.seam.Federation.attach`."""
        if domain not in self._hosted:
            raise LocalMisuse(f"{domain} is not hosted here; add it to the configured domains")
        if self._hosts.get(domain, host) is not host:
            raise LocalMisuse(f"{domain} is served by another host already")
        self._hosts[domain] = host

    def detach(self, domain: DomainName, host: Host) -> None:
        """See :meth:`muxs2s.hosts.seam.Federation.detach`."""
        if self._hosts.get(domain) is host:
            del self._hosts[domain]

    def send(self, stanzas: Sequence[Slice]) -> None:
        """See :meth:`muxs2s.hosts.seam.Federation.send`."""
        woken: list[PairQueue] = []
        policies = self._policies()
        try:
            for stanza in stanzas:
                self._send_one(stanza, policies, woken)
        finally:
            self.outgoing.wake(woken)

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """Give what peers sent, checked, to the hosts of the target domains, in order."""
        for target, batch in groupby(stanzas, key=lambda stanza: stanza.target):
            self._deliver(target, tuple(batch))

    def bounce(self, stanzas: Sequence[Slice], condition: StanzaCondition, text: str) -> None:
        """Send stanzas of ours back to where they came from."""
        replies = [reply for stanza in stanzas if (reply := error_reply(stanza, condition, text)) is not None]
        for target, batch in groupby(replies, key=lambda stanza: stanza.target):
            if target in self._hosts:
                self._give(self._hosts[target], tuple(batch))

    def end_denied(self) -> None:
        """The policies have changed: send back what waits for domains they deny."""
        policies = self._policies()
        for queue in self.outgoing:
            if not policies.of(queue.pair.target).is_admitted:
                self._deny(queue.pair.target, queue.clear())
                self.outgoing.close(queue)

    def start(self) -> None:
        """Send to peers again after :meth:`stop`."""
        self._is_stopped = False

    def stop(self) -> None:
        """Bounce everything that waits for peers, and whatever hosts send to them from now on."""
        self._is_stopped = True
        self.outgoing.stop()

    def _send_one(self, stanza: Slice, policies: PeerPolicies, woken: list[PairQueue]) -> None:
        sender = self._own_sender(stanza)
        try:
            target = stanza.target
        except NameRefused as refused:
            self.bounce([stanza], StanzaCondition.JID_MALFORMED, str(refused))
            return
        if target in self._hosted:
            self._deliver(target, (stanza,))
            return
        if self._is_stopped:
            self.bounce([stanza], StanzaCondition.REMOTE_SERVER_TIMEOUT, f"{sender} is out of service")
            return
        if policies.of(target).is_admitted:
            self.outgoing.push(DomainPair(sender, target), stanza, woken)
        else:
            self._deny(target, [stanza])

    def _deny(self, target: DomainName, stanzas: Sequence[Slice]) -> None:
        """Bounce; RFC 6120, section 8.3.3.10, names a domain on a black list as its example of this condition."""
        self.bounce(stanzas, StanzaCondition.NOT_ALLOWED, f"the policy of this server denies {target}")

    def _own_sender(self, stanza: Slice) -> DomainName:
        if not stanza.is_stanza:
            raise LocalMisuse(f"<{stanza.name} xmlns='{stanza.namespace}'/> is no stanza between servers")
        try:
            sender = stanza.sender
        except NameRefused as refused:
            raise LocalMisuse(f"a stanza has no good 'from': {refused}") from None
        if sender not in self._hosted:
            raise LocalMisuse(f"a stanza from {sender}, which is not hosted here, is not relayed")
        return sender

    def _deliver(self, target: DomainName, stanzas: Sequence[Slice]) -> None:
        host = self._hosts.get(target)
        if host is None:
            self._return(stanzas, StanzaCondition.SERVICE_UNAVAILABLE, f"nobody serves {target} at the moment")
        elif not self._give(host, stanzas):
            self._return(stanzas, StanzaCondition.INTERNAL_SERVER_ERROR, f"the server of {target} failed")

    def _give(self, host: Host, stanzas: Sequence[Slice]) -> bool:
        try:
            host.deliver(stanzas)
        except Exception:  # noqa: BLE001 - whatever a host does, other stanzas go on
            self._log.failure("a host failed to take {count} stanzas", count=len(stanzas))
            return False
        return True

    def _return(self, stanzas: Sequence[Slice], condition: StanzaCondition, text: str) -> None:
        """Answer for a domain of ours that cannot answer itself."""
        if stanzas[0].target not in self._hosted:
            return
        self.send([reply for stanza in stanzas if (reply := error_reply(stanza, condition, text)) is not None])
