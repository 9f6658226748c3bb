"""
The test's hand on clients and components: :mod:`tests.interop.clients` at the other end of a pipe.

Knows who is there and keeps the ledger. Every wait has an end, and says what it waited for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.task import deferLater

from tests.interop.ledger import Ledger
from tests.interop.processes import Child, IChildReactor

__all__ = ["WAIT_SECONDS", "Crowd"]

WAIT_SECONDS: Final = 90.0
"""How long a test waits for anything; what takes longer has failed."""

LOOK_SECONDS: Final = 0.02
"""How often it looks whether that has come about."""


class Crowd:
    """Clients and components, all in one child process."""

    def __init__(self, reactor: IChildReactor) -> None:
        self.ledger = Ledger()
        self.online: set[str] = set()
        self.presences: list[dict[str, Any]] = []
        self.pings: dict[tuple[str, str], str] = {}
        self.said: list[str] = []
        """What the process wrote that is no event: its complaints."""
        self._reactor = reactor
        self._number = 0
        self._sending = 0
        self._child = Child(reactor, [sys.executable, "-m", "tests.interop.clients"], self._take)

    async def join(self, who: str, password: str, address: str, port: int) -> None:
        """Let a client (a full address) or a component (a domain) connect; returns when it is there."""
        self._do("join", who, password=password, host=address, port=port)
        await self.until(lambda: who in self.online, f"{who} to be online")

    async def leave(self, who: str) -> None:
        """Close a stream; returns when it is closed."""
        self._do("leave", who)
        await self.until(lambda: who not in self.online, f"{who} to be offline")

    def send(
        self, who: str, to: str, count: int = 1, *, pause: float = 0.0, padding: int = 0, sender: str | None = None
    ) -> list[str]:
        """
        Have messages sent.

        :param pause: seconds between two of them.
        :param padding: more characters in each.
        :param sender: for components: the address it sends from.
        :returns: their ids, which the ledger has as well.
        """
        ids = [f"m{self._number + number}" for number in range(count)]
        self._number += count
        self.ledger.send(sender or who, to, ids)
        stanzas = [
            {"kind": "message", "to": to, "id": id_, "body": id_, "padding": padding, "sender": sender} for id_ in ids
        ]
        self._send(who, stanzas, pause)
        return ids

    def show(self, who: str, to: str, type_: str | None = None, sender: str | None = None) -> None:
        """Have a presence sent."""
        stanza = {"kind": "presence", "to": to, "id": "presence", "type": type_, "sender": sender}
        self._send(who, [stanza], 0.0)

    def shown(self, to: str, sender: str) -> list[str]:
        """The types of the presences that went from one address to another, resources aside."""
        return [
            presence["type"]
            for presence in self.presences
            if presence["to"].partition("/")[0] == to and presence["sender"].partition("/")[0] == sender
        ]

    async def ping(self, who: str, to: str, sender: str | None = None) -> str:
        """Have a ping sent; what came of it: ``pong`` or the condition of the error."""
        self.pings.pop((who, to), None)
        self._do("ping", who, to=to, sender=sender)
        await self.until(lambda: (who, to) in self.pings, f"the answer to a ping of {to}")
        return self.pings[who, to]

    async def until(self, wish: Callable[[], bool], what: str) -> None:
        """
        Wait until something holds.

        :raises AssertionError: if it does not within :data:`WAIT_SECONDS`.
        """
        overdue_at = self._reactor.seconds() + WAIT_SECONDS
        while not wish():
            if self._reactor.seconds() > overdue_at:
                raise AssertionError(f"waited in vain for {what}\n{self.ledger.summary()}\n{self.said[-20:]}")
            await deferLater(self._reactor, LOOK_SECONDS)

    async def sent(self) -> None:
        """Wait until everything is sent."""
        await self.until(lambda: not self._sending, "every message to be sent")

    async def settled(self, senders: Iterable[str] | None = None) -> None:
        """Wait until everything sent (from some domains) has arrived or come back."""
        flows = list(self.ledger.flows.values()) if senders is None else self.ledger.between(senders)
        await self.until(lambda: not any(flow.missing for flow in flows), "every message to arrive or come back")

    async def gone(self) -> None:
        """Wait until every stream is closed; what came on it is in the ledger then."""
        await self.until(lambda: not self.online, "every stream to be closed")

    async def end(self) -> None:
        """End the process."""
        await self._child.end(None)

    def _send(self, who: str, stanzas: list[dict[str, Any]], pause: float) -> None:
        self._sending += 1
        self._do("send", who, stanzas=stanzas, pause=pause)

    def _do(self, do: str, who: str, **facts: object) -> None:
        self._child.tell(json.dumps({"do": do, "who": who, **facts}))

    def _take(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            self.said.append(line)
            return
        getattr(self, f"_{event.pop('event')}")(**event)

    # What the other end tells.

    def _online(self, who: str) -> None:
        self.online.add(who)

    def _offline(self, who: str, reason: str) -> None:
        self.online.discard(who)

    def _unsent(self, who: str, id: str) -> None:
        self.ledger.unsend(id)

    def _sent(self, who: str) -> None:
        self._sending -= 1

    def _pinged(self, who: str, to: str, answer: str) -> None:
        self.pings[who, to] = answer

    def _stanza(self, **stanza: Any) -> None:
        if stanza["kind"] == "presence":
            self.presences.append(stanza)
            return
        sender, to = stanza["sender"], stanza["to"]
        if stanza["condition"] and _domain(sender) == _domain(stanza["who"]):
            sender, to = to, sender  # the router of jabberd2 returns a stanza with its addresses as they were
        self.ledger.note(sender, to, stanza["id"], stanza["condition"], stanza["text"])


def _domain(address: str) -> str:
    return address.rpartition("@")[2].partition("/")[0]
