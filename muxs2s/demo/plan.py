"""
What a demonstration is made of: two clouds, their domains, the messages between them.

Knows names, addresses and numbers, and writes the messages. Does not know processes or streams.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from muxs2s.wire.namespaces import SERVER
from muxs2s.wire.stanza import Slice

__all__ = [
    "ADDRESSES",
    "FIRST",
    "MAX_SAMPLE_DOMAINS",
    "SECOND",
    "SPARE_FILES",
    "DemoWay",
    "Plan",
    "host_name",
    "message",
    "other",
]

FIRST: Final = "a"
"""The cloud whose domains write."""

SECOND: Final = "b"
"""The cloud whose domains reply."""

ADDRESSES: Final[Mapping[str, str]] = MappingProxyType({FIRST: "127.0.0.2", SECOND: "127.0.0.3"})
"""Where each cloud listens."""

MAX_SAMPLE_DOMAINS: Final = 10
"""Of each cloud when the way without multiplexing is measured for comparison."""

SPARE_FILES: Final = 300
"""Files a process has open besides its streams: 200 questions to DNS at most, modules, pipes."""


class DemoWay(Enum):
    """How the pairs are carried."""

    MULTIPLEX = "multiplex"
    """All on one stream, each domain proven on it by its certificate."""

    STREAMS = "streams"
    """Each on a stream of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is exchanged."""

    domains: int = 10
    """Of the first cloud."""

    peer_domains: int = 10
    """Of the second."""

    messages: int = 1
    """Of each pair; each has one reply."""

    way: DemoWay = DemoWay.MULTIPLEX

    @property
    def pairs(self) -> int:
        """Domains of the first cloud, each with each of the second."""
        return self.domains * self.peer_domains

    @property
    def expected(self) -> int:
        """Messages that have to arrive, and as many replies."""
        return self.pairs * self.messages

    @property
    def open_files(self) -> int:
        """Files either process may have open at once; where pairs share no stream, one stream out and one in each."""
        return SPARE_FILES + (2 * self.pairs if self.way is DemoWay.STREAMS else 0)

    @property
    def sample(self) -> Plan:
        """Some of the pairs, each on a stream of its own, to compare with."""
        return Plan(
            domains=min(self.domains, MAX_SAMPLE_DOMAINS),
            peer_domains=min(self.peer_domains, MAX_SAMPLE_DOMAINS),
            messages=self.messages,
            way=DemoWay.STREAMS,
        )

    def names(self, cloud: str) -> list[str]:
        """The domains of a cloud, in A-labels."""
        count = self.domains if cloud == FIRST else self.peer_domains
        return [f"{cloud}{number}.example" for number in range(1, count + 1)]


def other(cloud: str) -> str:
    """The cloud at the other end."""
    return SECOND if cloud == FIRST else FIRST


def host_name(cloud: str) -> str:
    """The server host name of a cloud, where SRV points."""
    return f"xmpp.{cloud}.example"


def message(sender: str, target: str, number: str) -> Slice:
    """
    Write a message.

    :param sender: a domain in A-labels; so is ``target``.
    :param number: its id, which a reply bears as well.
    """
    from_address, to_address = f"somebody@{sender}/demo", f"somebody@{target}/demo"
    data = (
        f"<message xmlns='{SERVER}' from='{from_address}' to='{to_address}' type='chat' id='{number}'>"
        f"<body>{sender} to {target}, number {number}</body></message>"
    ).encode()
    return Slice(data, SERVER, "message", from_address, to_address, "chat", number)
