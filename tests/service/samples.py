"""Domains and stanzas that tests of the service share."""

from __future__ import annotations

from typing import Final

from muxs2s.testing import stanza_of
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice

A: Final = DomainName.parse("a.example")
B: Final = DomainName.parse("b.example")
C: Final = DomainName.parse("c.example")
PAIR: Final = DomainPair(A, B)


def message(body: str = "hello", sender: str = "x@a.example", target: str = "y@b.example", **attributes: str) -> Slice:
    """A message, by default of the domain pair of ours."""
    written = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return stanza_of(f"<message from='{sender}' to='{target}'{written}><body>{body}</body></message>")


def of_size(size: int, body: str = "") -> Slice:
    """A message of that many bytes."""
    return message(body + "x" * (size - len(message(body).data)))


def bodies(stanzas: list[Slice]) -> list[str]:
    """What messages say, in order."""
    return [str(stanza.tree().body) for stanza in stanzas]
