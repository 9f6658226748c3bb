"""
Somebody at every domain of one cloud: those of the first write, those of the second reply.

Knows when to write and enters what arrives. Does not know streams: it is a host like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from muxs2s.demo.ledger import Bounces, Ledger
from muxs2s.demo.plan import FIRST, Plan, message, other
from muxs2s.hosts.seam import Federation
from muxs2s.wire.names import DomainName
from muxs2s.wire.stanza import Slice

__all__ = ["Correspondents"]


class Correspondents:
    """
    A :class:`~muxs2s.hosts.seam.Host` that serves every domain of one cloud.

    :param changed: called when something has arrived or come back.
    """

    def __init__(self, plan: Plan, cloud: str, federation: Federation, changed: Callable[[], None]) -> None:
        self._plan, self._cloud, self._federation, self._changed = plan, cloud, federation, changed
        own, peers = plan.names(cloud), plan.names(other(cloud))
        self.ledger = Ledger(peers, own, plan.messages)
        self.bounces = Bounces()
        for domain in own:
            federation.attach(DomainName.parse(domain), self)

    @property
    def settled(self) -> int:
        """Messages whose fate is known here."""
        return self.ledger.arrived + self.bounces.count

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is awaited here."""
        return self.settled >= self._plan.expected

    def begin(self) -> None:
        """Write from every domain of ours to every domain of the peer."""
        peers = self._plan.names(other(self._cloud))
        for sender in self._plan.names(self._cloud):
            self._federation.send(
                [message(sender, target, str(number)) for target in peers for number in range(self._plan.messages)]
            )

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """See :meth:`muxs2s.hosts.seam.Host.deliver`."""
        replies = []
        for stanza in stanzas:
            if stanza.type == "error":
                self.bounces.note(stanza)
            elif self.ledger.note(stanza) and self._cloud != FIRST:
                sender, target = stanza.pair
                replies.append(message(target, sender, stanza.id or ""))
        if replies:
            self._federation.send(replies)
        self._changed()
