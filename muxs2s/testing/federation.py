"""
Federation in memory, for the tests of hosts.

Knows the promise of :class:`~muxs2s.hosts.seam.Federation` and keeps a record. Does not send anything
anywhere: what a peer would answer, the test delivers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from muxs2s.hosts.seam import Host
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.framing import Framer
from muxs2s.wire.limits import AFTER_AUTHENTICATION
from muxs2s.wire.names import DomainName
from muxs2s.wire.namespaces import SERVER
from muxs2s.wire.stanza import Slice

__all__ = ["MemoryFederation", "stanza_of"]


class MemoryFederation:
    """
    A :class:`~muxs2s.hosts.seam.Federation` that keeps what hosts send and delivers what a test says.

    :param domains: those that are ours, in any spelling.
    :raises NameRefused: if one of them is no domain name.
    """

    def __init__(self, *domains: str) -> None:
        self.hosted = {DomainName.parse(domain) for domain in domains}
        """The domains that are ours; change it as you like."""
        self.hosts: dict[DomainName, Host] = {}
        """Which host has attached which domain."""
        self.sent: list[Slice] = []
        """All that hosts have sent, in order."""
        self.batches: list[int] = []
        """How many stanzas came with each call of :meth:`send`."""

    def attach(self, domain: DomainName, host: Host) -> None:
        """
        From now on ``host`` serves ``domain``.

        :raises LocalMisuse: if the domain is not ours, or another host serves it.
        """
        if domain not in self.hosted:
            raise LocalMisuse(f"{domain} is not hosted here")
        if self.hosts.setdefault(domain, host) is not host:
            raise LocalMisuse(f"{domain} is served by another host")

    def detach(self, domain: DomainName, host: Host) -> None:
        """``host`` no longer serves ``domain``; nothing happens if it did not."""
        if self.hosts.get(domain) is host:
            del self.hosts[domain]

    def send(self, stanzas: Sequence[Slice]) -> None:
        """
        Keep stanzas of our domains in :attr:`sent`.

        :raises LocalMisuse: if a ``from`` is not in a domain that is ours; nothing of it is kept,
            what stood before it is.
        :raises NameRefused: likewise, if ``from`` or ``to`` is no address.
        """
        self.batches.append(len(stanzas))
        for stanza in stanzas:
            pair = stanza.pair
            if pair.sender not in self.hosted:
                raise LocalMisuse(f"{pair.sender} is not hosted here")
            self.sent.append(stanza)

    def deliver(self, *stanzas: Slice | str) -> None:
        """
        Hand stanzas to the hosts of their ``to``, as if they came from peers.

        :param stanzas: in order, each as a slice or as XML in the namespace ``jabber:server``. Those
            that follow each other for the same domain are handed over in one call.
        :raises LocalMisuse: if nobody has attached the domain; what stood before it is delivered.
        """
        slices = [stanza_of(stanza) if isinstance(stanza, str) else stanza for stanza in stanzas]
        for domain, batch in groupby(slices, lambda stanza: stanza.target):
            if domain not in self.hosts:
                raise LocalMisuse(f"no host serves {domain}")
            self.hosts[domain].deliver(list(batch))


def stanza_of(xml: str, namespace: str = SERVER) -> Slice:
    """
    Make a slice of XML, as if a stream with that content namespace had carried it.

    :raises LocalMisuse: if it is not one whole element.
    """
    framer = Framer(AFTER_AUTHENTICATION)
    opening = f"<stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams'>"
    framed = framer.feed(opening.encode() + xml.encode())[1:]
    if len(framed) != 1 or not isinstance(framed[0], Slice) or framer.violation is not None:
        raise LocalMisuse(f"not one stanza: {framer.violation or xml!r}")
    return framed[0]
