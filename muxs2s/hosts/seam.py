"""
The seam between federation and whatever hangs on it.

Knows two promises: what a host does for the domains it serves, and what federation does for a host.
Does not know any host: see :mod:`muxs2s.hosts.wokkel` and :mod:`muxs2s.hosts.components`.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Protocol

from muxs2s.wire.names import DomainName
from muxs2s.wire.stanza import Slice

__all__ = ["Federation", "Host"]


class Host(Protocol):
    """Serves domains of ours: takes what is sent to them."""

    def deliver(self, stanzas: Sequence[Slice]) -> None:
        """
        Take stanzas, in order, whose ``to`` is in a domain this host has attached.

        :param stanzas: in the namespace ``jabber:server``. From peers each has passed the check of
            its stream; bounces of what this host sent come the same way.

        Hand over and return: it is called from the middle of reading a stream.
        """
        ...


class Federation(Protocol):
    """Carries stanzas between the domains of ours and the domains of peers."""

    @property
    def hosted(self) -> Container[DomainName]:
        """The domains that are ours, whether a host has attached them or not."""
        ...

    def attach(self, domain: DomainName, host: Host) -> None:
        """
        From now on ``host`` serves ``domain``.

        :raises LocalMisuse: if the domain is not ours, or another host serves it.
        """
        ...

    def detach(self, domain: DomainName, host: Host) -> None:
        """``host`` no longer serves ``domain``; nothing happens if it did not."""
        ...

    def send(self, stanzas: Sequence[Slice]) -> None:
        """
        Send stanzas of our domains, in order, to peers or to another host.

        What cannot be sent comes back to the host of its ``from``, as an error stanza, sooner or
        later; an error that cannot be sent is dropped.

        :param stanzas: in the namespace ``jabber:server``, ``from`` and ``to`` given.
        :raises LocalMisuse: if a ``from`` is not in a domain that is ours; nothing of it is sent,
            what stood before it is.
        """
        ...
