"""
Clients and components, in a process of their own: ``python -m tests.interop.clients``.

They are slixmpp's, whose event loop is asyncio's and cannot share a thread with Twisted's. Commands
come as JSON, one object a line, and what happens goes out the same way. Ends when its standard input
does. What a test holds in its hands is :class:`tests.interop.crowd.Crowd`.

=========  ===================================================================================
``join``   be there as ``who``, a full address of a client or the domain of a component
``send``   have ``who`` send ``stanzas`` in order, ``pause`` seconds apart
``ping``   have ``who`` ping ``to`` from ``from``; what comes of it is told as ``pinged``
``leave``  close the stream of ``who``
=========  ===================================================================================
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from slixmpp import JID, ClientXMPP, ComponentXMPP, Presence
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Message
from slixmpp.xmlstream import StanzaBase

__all__: list[str] = []

PING_SECONDS: Final = 20
MAX_COMMAND_BYTES: Final = 16 * 1024 * 1024

STANZAS: Final = "urn:ietf:params:xml:ns:xmpp-stanzas"

_pending: set[asyncio.Task[None]] = set()


def tell(event: str, **facts: object) -> None:
    """Say what happened."""
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


def error_in(stanza: StanzaBase) -> tuple[str | None, str]:
    """
    The condition and the text of an error; no condition if it is none.

    Read from the elements: slixmpp looks for errors in one namespace only, and a component has another.
    """
    conditions = stanza.xml.findall(f"{{*}}error/{{{STANZAS}}}*")
    words = {found.tag.rpartition("}")[2]: found.text or "" for found in conditions}
    text = words.pop("text", "")
    return next(iter(words), None), text


class Person:
    """One client or component."""

    def __init__(self, who: str, password: str, host: str, port: int) -> None:
        self.who = who
        self.stream: ClientXMPP | ComponentXMPP
        if "@" in who:
            self.stream = ClientXMPP(who, password)
            self.stream.enable_direct_tls = self.stream.enable_starttls = False
            self.stream.enable_plaintext = True
            self.stream.plugin["feature_mechanisms"].unencrypted_plain = True
        else:
            self.stream = ComponentXMPP(who, password, host, port)
        self.stream.register_plugin("xep_0199")
        self.stream.add_event_handler("session_start", self.started)
        self.stream.add_event_handler("disconnected", self.gone)
        self.stream.add_filter("in", self.received)
        self.stream.connect(host, port)

    def started(self, _event: object) -> None:
        """Show presence, as clients do."""
        if isinstance(self.stream, ClientXMPP):
            self.stream.send_presence()
        tell("online", who=self.who)

    def gone(self, reason: object) -> None:
        """Say that the stream is over; a lost connection is not made again."""
        self.stream.cancel_connection_attempt()
        tell("offline", who=self.who, reason=str(reason))

    def received(self, stanza: StanzaBase) -> StanzaBase:
        """Tell of a stanza and let slixmpp have it."""
        if isinstance(stanza, Message | Presence):
            condition, text = error_in(stanza)
            tell(
                "stanza",
                who=self.who,
                kind=stanza.name,
                sender=str(stanza["from"]),
                to=str(stanza["to"]),
                id=stanza["id"],
                type=stanza["type"],
                condition=condition,
                text=text,
            )
        return stanza

    async def send(self, stanzas: list[dict[str, Any]], pause: float) -> None:
        """Send, one after the other; what comes after the end of the stream is not sent."""
        for given in stanzas:
            if not self.stream.is_connected():
                tell("unsent", who=self.who, id=given["id"])
                continue
            self.make(given).send()
            if pause:
                await asyncio.sleep(pause)
        tell("sent", who=self.who)

    def make(self, given: dict[str, Any]) -> StanzaBase:
        """Make a stanza."""
        stanza: StanzaBase
        if given["kind"] == "message":
            body = given.get("body", "") + "." * given.get("padding", 0)
            stanza = self.stream.make_message(given["to"], body, mtype="chat", mfrom=given.get("sender"))
        else:
            stanza = self.stream.make_presence(pto=given["to"], ptype=given.get("type"), pfrom=given.get("sender"))
        stanza["id"] = given["id"]
        return stanza

    async def ping(self, to: str, sender: str | None) -> None:
        """Ping, and tell what came of it."""
        answer = "pong"
        try:
            await self.stream.plugin["xep_0199"].send_ping(
                JID(to), ifrom=JID(sender) if sender else None, timeout=PING_SECONDS
            )
        except IqError as refused:
            answer = error_in(refused.iq)[0] or "an error without condition"
        except IqTimeout:
            answer = "no answer"
        tell("pinged", who=self.who, to=to, answer=answer)


async def leave(person: Person) -> None:
    """Close the stream."""
    await person.stream.disconnect()


_WORK: Final[dict[str, Callable[..., Coroutine[Any, Any, None]]]] = {
    "send": Person.send,
    "ping": Person.ping,
    "leave": leave,
}


def obey(command: dict[str, Any], people: dict[str, Person]) -> None:
    """Begin what a command says."""
    do, who = command.pop("do"), command.pop("who")
    if do == "join":
        people[who] = Person(who, **command)
        return
    task = asyncio.ensure_future(_WORK[do](people[who], **command))
    _pending.add(task)
    task.add_done_callback(_pending.discard)


async def main() -> None:
    """Obey until there are no more commands."""
    logging.basicConfig(level=logging.ERROR)
    people: dict[str, Person] = {}
    commands = asyncio.StreamReader(limit=MAX_COMMAND_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        obey(json.loads(line), people)


if __name__ == "__main__":
    asyncio.run(main())
