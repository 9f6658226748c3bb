"""
The domains a host serves, as a set that federation is told of.

Knows spellings and when to tell. Does not know what a domain is served with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableSet

from muxs2s.wire.names import DomainName, NameRefused

__all__ = ["HostedDomains", "parsed"]


class HostedDomains(MutableSet[DomainName]):
    """
    The domains a :class:`~muxs2s.hosts.wokkel.RouterHost` serves, in any spelling.

    Adding one while the host runs attaches it at once, removing one detaches it.

    :raises NameRefused: from :meth:`add`, for what is no domain name.
    :raises LocalMisuse: from :meth:`add` while the host runs, if the domain is not ours or another
        host serves it.
    """

    def __init__(self, attach: Callable[[DomainName], None], detach: Callable[[DomainName], None]) -> None:
        self._attach, self._detach = attach, detach
        self._domains: dict[DomainName, None] = {}

    def __contains__(self, domain: object) -> bool:
        return domain in self._domains or parsed(domain) in self._domains

    def __iter__(self) -> Iterator[DomainName]:
        return iter(list(self._domains))

    def __len__(self) -> int:
        return len(self._domains)

    def add(self, value: str) -> None:
        """Serve a domain; nothing happens if it is served already."""
        domain = DomainName.parse(value)
        if domain not in self._domains:
            self._attach(domain)
            self._domains[domain] = None

    def discard(self, value: str) -> None:
        """Serve a domain no more; nothing happens if it was not served."""
        domain = parsed(value)
        if domain in self._domains:
            del self._domains[domain]
            self._detach(domain)


def parsed(domain: object) -> DomainName | None:
    """Read a domain in any spelling; ``None`` if it is none."""
    try:
        return DomainName.parse(domain) if isinstance(domain, str) else None
    except NameRefused:
        return None
