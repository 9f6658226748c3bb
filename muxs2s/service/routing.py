"""
Where a stanza goes: to a host of ours, into the queue of its pair, or back.

Knows which domains are ours, who serves them and which links exist. Does not know streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby

from twisted.logger import Logger

from muxs2s.hosts.seam import Host
from muxs2s.proof.peers import PeerPolicies
from muxs2s.service.linkseams import Link
from muxs2s.service.queues import PairQueue, QueueBudget
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair, NameRefused
from muxs2s.wire.stanza import Slice, error_reply

__all__ = ["Routing"]


class Routing:
    """
    Routes stanzas between hosts and links.

    Nothing is relayed: one of the two domains is always served here.

    :param link: makes the link of a pair that has none.
    :param policies: gives the policies of the moment; what is for a domain they deny comes back before
        there is a link. See :meth:`end_denied`.
    """

    _log = Logger()

    def __init__(
        self,
        domains: Iterable[DomainName],
        budget: QueueBudget,
        link: Callable[[DomainPair, PairQueue], Link],
        seconds: Callable[[], float],
        policies: Callable[[], PeerPolicies] = PeerPolicies,
    ) -> None:
        self._hosted = set(domains)
        self._hosts: dict[DomainName, Host] = {}
        self._budget = budget
        self._new_link = link
        self._seconds = seconds
        self._policies = policies
        self._links: dict[DomainPair, tuple[PairQueue, Link]] = {}
        self._is_stopped = False

    @property
    def hosted(self) -> AbstractSet[DomainName]:
        """The domains that are ours; a live view."""
        return self._hosted

    @property
    def links(self) -> Iterable[tuple[DomainPair, PairQueue]]:
        """The pairs that have a link, and what waits there."""
        return [(pair, queue) for pair, (queue, _) in self._links.items()]

    def add(self, domain: DomainName) -> None:
        """A domain is ours from now on."""
        self._hosted.add(domain)

    def remove(self, domain: DomainName) -> None:
        """A domain is no longer ours: what waits from it is bounced."""
        for pair in [pair for pair in self._links if pair.sender == domain]:
            self._links.pop(pair)[1].stop()
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

    def forget(self, pair: DomainPair) -> None:
        """A link has nothing left to do."""
        self._links.pop(pair, None)

    def reached(self, pair: DomainPair) -> None:
        """The target of a pair has shown that it is there."""
        if pair in self._links:
            self._links[pair][1].reached()

    def reached_all(self) -> None:
        """Every target may be there again."""
        for _, link in list(self._links.values()):
            link.reached()

    def send(self, stanzas: Sequence[Slice]) -> None:
        """See :meth:`muxs2s.hosts.seam.Federation.send`."""
        touched: dict[DomainPair, Link] = {}
        try:
            for stanza in stanzas:
                self._send_one(stanza, touched)
        finally:
            for link in touched.values():
                link.stanzas_wait()

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
        for pair in [pair for pair in self._links if not policies.of(pair.target).is_admitted]:
            queue, link = self._links.pop(pair)
            self._deny(pair.target, queue.clear())
            link.stop()

    def start(self) -> None:
        """Send to peers again after :meth:`stop`."""
        self._is_stopped = False

    def stop(self) -> None:
        """Bounce everything that waits for peers, and whatever hosts send to them from now on."""
        self._is_stopped = True
        links, self._links = self._links, {}
        for _, link in links.values():
            link.stop()

    def _send_one(self, stanza: Slice, touched: dict[DomainPair, Link]) -> None:
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
        pair = DomainPair(sender, target)
        if pair in self._links or self._policies().of(target).is_admitted:
            self._enqueue(pair, stanza, touched)
        else:
            self._deny(target, [stanza])

    def _deny(self, target: DomainName, stanzas: Sequence[Slice]) -> None:
        """Bounce; RFC 6120, section 8.3.3.10, names a domain on a black list as its example of this condition."""
        self.bounce(stanzas, StanzaCondition.NOT_ALLOWED, f"the policy of this server denies {target}")

    def _enqueue(self, pair: DomainPair, stanza: Slice, touched: dict[DomainPair, Link]) -> None:
        """Let a stanza wait; its link is to hear of the first one only."""
        queue, link = self._links.get(pair) or self._add_link(pair)
        if not queue:
            touched[pair] = link
        if not queue.push(stanza, self._seconds()):
            text = f"too much waits for {pair.target} already"
            self.bounce([stanza], StanzaCondition.RESOURCE_CONSTRAINT, text)

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

    def _add_link(self, pair: DomainPair) -> tuple[PairQueue, Link]:
        queue = PairQueue(self._budget)
        self._links[pair] = queue, self._new_link(pair, queue)
        return self._links[pair]

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
