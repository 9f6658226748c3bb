"""
The driver: components (XEP-0114) of many domains in one loop.

Knows how a component introduces itself, and how messages are cut out of what arrives from a server
that is trusted. Does not know what is sent and why.
"""

from __future__ import annotations

import hashlib
import re
import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bench.children import BenchmarkFailed

__all__ = ["SECRET", "Component", "Exchange", "Message"]

SECRET: Final = "of the benchmark"

ANSWER_SECONDS: Final = 60.0
"""For a server to answer a component that introduces itself."""

READ_BYTES: Final = 262_144

_HEADER: Final = re.compile(rb"<stream:stream[^>]*\bid=['\"]([^'\"]+)['\"][^>]*>")
_HANDSHAKE: Final = re.compile(rb"<handshake\s*/>|<handshake\s*></handshake>")
_MESSAGE: Final = re.compile(rb"<message\b([^>]*)>(.*?)</message>", re.DOTALL)
_ATTRIBUTE: Final = re.compile(rb"\b(id|type|from|to)=['\"]([^'\"]*)['\"]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that has arrived, or has come back."""

    id: bytes
    sender: bytes
    target: bytes
    is_error: bool
    content: bytes
    """What is between its tags."""


class Component:
    """
    One domain, and its connection to its server.

    :raises BenchmarkFailed: if the server does not let it in.
    """

    def __init__(self, place: tuple[str, int], domain: str) -> None:
        self.domain = domain
        self.socket = socket.create_connection(place, ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unsent = bytearray()
        self._rest = b""
        self._introduce()
        self.socket.setblocking(False)

    def messages(self, data: bytes) -> Iterator[Message]:
        """Cut whole messages out of what has arrived; what is not whole is kept until more comes."""
        data = self._rest + data
        end = 0
        for found in _MESSAGE.finditer(data):
            end = found.end()
            given = dict(_ATTRIBUTE.findall(found[1]))
            yield Message(
                id=given.get(b"id", b""),
                sender=given.get(b"from", b""),
                target=given.get(b"to", b""),
                is_error=given.get(b"type") == b"error",
                content=found[2],
            )
        self._rest = data[end:]

    def close(self) -> None:
        """Be gone."""
        self.socket.close()

    def _introduce(self) -> None:
        self.socket.sendall(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept'"
            f" xmlns:stream='http://etherx.jabber.org/streams' to='{self.domain}'>".encode()
        )
        stream_id = self._read(_HEADER)[1]
        proof = hashlib.sha1(stream_id + SECRET.encode(), usedforsecurity=False).hexdigest()
        self.socket.sendall(f"<handshake>{proof}</handshake>".encode())
        self._read(_HANDSHAKE)

    def _read(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        heard = b""
        while not (found := pattern.search(heard)):
            data = self.socket.recv(READ_BYTES)
            if not data:
                raise BenchmarkFailed(f"the component {self.domain} was sent away: {heard!r}")
            heard += data
        return found


class Exchange:
    """
    Many components, in one loop.

    :param take: gets whatever arrives, with the component it is for.
    """

    def __init__(self, components: list[Component], take: Callable[[Component, bytes], None]) -> None:
        self._take = take
        self._selector = selectors.DefaultSelector()
        for component in components:
            self._selector.register(component.socket, selectors.EVENT_READ, component)

    def send(self, component: Component, data: bytes) -> None:
        """Send now what the kernel takes, and the rest as soon as it does."""
        component.unsent += data
        self._flush(component)

    def send_message(self, component: Component, target: str, id: str, body: str) -> None:
        """Send a message; what it is made of must not need escaping."""
        sender = component.domain
        text = f"<message type='chat' from='{sender}' to='{target}' id='{id}'><body>{body}</body></message>"
        self.send(component, text.encode())

    def turn(self, seconds: float) -> None:
        """
        Wait until something can be done, and do it.

        :param seconds: at most.
        :raises BenchmarkFailed: if a server has sent a component away.
        """
        for key, events in self._selector.select(seconds):
            if events & selectors.EVENT_WRITE:
                self._flush(key.data)
            if events & selectors.EVENT_READ:
                self._read(key.data)

    def _flush(self, component: Component) -> None:
        with suppress(BlockingIOError):
            del component.unsent[: component.socket.send(component.unsent)]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if component.unsent else 0)
        self._selector.modify(component.socket, wanted, component)

    def _read(self, component: Component) -> None:
        try:
            data = component.socket.recv(READ_BYTES)
        except OSError as error:
            raise BenchmarkFailed(f"the component {component.domain} has lost its server: {error}") from None
        if not data:
            raise BenchmarkFailed(f"the component {component.domain} was sent away by its server")
        self._take(component, data)
