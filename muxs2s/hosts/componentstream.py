"""
What a component and its server say to each other: bytes in, stanzas and bytes out.

Knows the component protocol from the server's side: header, handshake, addresses, closing. Does not
know who may serve a domain, for which it is given two functions to ask; nor sockets and time:
:mod:`muxs2s.hosts.componentconnection` moves the bytes.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha1
from types import MappingProxyType
from typing import Final

from muxs2s.wire.errors import RemoteViolation, StanzaCondition, StreamCondition
from muxs2s.wire.framing import Framed, Framer, StreamClosed, StreamOpened
from muxs2s.wire.header import (
    CLOSING_TAG,
    StreamHeader,
    is_stream_error,
    named_domain,
    read_header,
    read_stream_error,
    stream_error,
)
from muxs2s.wire.limits import AFTER_AUTHENTICATION, BEFORE_AUTHENTICATION, FramingLimits
from muxs2s.wire.names import DomainName, NameRefused, domain_of
from muxs2s.wire.namespaces import COMPONENT, SERVER
from muxs2s.wire.reasons import readable
from muxs2s.wire.stanza import STANZA_NAMES, Slice, error_reply, moved

__all__ = [
    "TRANSITIONS",
    "Admit",
    "ComponentInput",
    "ComponentLimits",
    "ComponentState",
    "ComponentStream",
    "Received",
    "SecretOf",
    "handshake_digest",
]

SecretOf = Callable[[DomainName], str | None]
"""The secret of a component's domain now; ``None`` or empty if no component may serve it."""

Admit = Callable[[DomainName], None]
"""
Let the component of that domain in, now that it knows its secret.

Raises :exc:`~muxs2s.wire.errors.RemoteViolation` with the condition that keeps it out.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentLimits:
    """How much and how long one component may take."""

    before_handshake: FramingLimits = BEFORE_AUTHENTICATION
    after_handshake: FramingLimits = AFTER_AUTHENTICATION

    handshake_seconds: float = 30.0
    """From the connection to the handshake."""

    closing_seconds: float = 10.0
    """From our closing tag to the end of the connection."""

    answer_seconds: float = 10.0
    """For a component to answer a ping while another one asks for its place."""

    max_waiting_bytes: int = 4 * 1024 * 1024
    """Stanzas that wait because the component does not read; what exceeds it is bounced."""

    max_unproven_connections: int = 100
    """Connections without a handshake, of all components together; for one more the oldest is cut."""


class ComponentState(Enum):
    """Where the stream of a component stands."""

    OPENING = auto()
    """Its header is due."""
    HANDSHAKING = auto()
    """Its handshake is due."""
    CARRYING = auto()
    """Stanzas pass."""
    CLOSING = auto()
    """We have closed our half; its stanzas pass until it closes its own."""
    CLOSED = auto()
    """Nothing passes."""


class ComponentInput(Enum):
    """What can happen to the stream of a component."""

    HEADER = auto()
    HANDSHAKE = auto()
    ELEMENT = auto()
    """Any other first-level element."""
    END = auto()
    """Its closing tag, or a stream error from it."""
    SHUTDOWN = auto()
    """We want to end it in good order."""


_S, _I = ComponentState, ComponentInput

TRANSITIONS: Final[Mapping[tuple[ComponentState, ComponentInput], ComponentState]] = MappingProxyType(
    {
        (_S.OPENING, _I.HEADER): _S.HANDSHAKING,
        (_S.OPENING, _I.SHUTDOWN): _S.CLOSED,
        (_S.HANDSHAKING, _I.HANDSHAKE): _S.CARRYING,
        (_S.HANDSHAKING, _I.END): _S.CLOSED,
        (_S.HANDSHAKING, _I.SHUTDOWN): _S.CLOSED,
        (_S.CARRYING, _I.ELEMENT): _S.CARRYING,
        (_S.CARRYING, _I.END): _S.CLOSED,
        (_S.CARRYING, _I.SHUTDOWN): _S.CLOSING,
        (_S.CLOSING, _I.ELEMENT): _S.CLOSING,
        (_S.CLOSING, _I.END): _S.CLOSED,
        (_S.CLOSING, _I.SHUTDOWN): _S.CLOSING,
        (_S.CLOSED, _I.END): _S.CLOSED,
        (_S.CLOSED, _I.SHUTDOWN): _S.CLOSED,
    }
)
"""Anything absent is a violation and closes the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a component sent, in order and in the namespace ``jabber:server``."""

    stanzas: tuple[Slice, ...]
    replies: tuple[Slice, ...]
    """Errors for the component itself, where ``to`` was no address."""


class ComponentStream:
    """
    One stream of one component.

    :param stream_id: goes into the handshake; fresh for each stream and not to be guessed.

    Source: XEP-0114, section 3.
    """

    state = ComponentState.OPENING

    domain: DomainName | None = None
    """The component's name: what ``to`` of its header says, once we know such a component."""

    reason = "the connection was lost"
    """Why the stream is ending."""

    def __init__(self, stream_id: str, secret_of: SecretOf, admit: Admit, limits: ComponentLimits) -> None:
        self.stream_id = stream_id
        self._secret_of = secret_of
        self._admit = admit
        self._limits = limits
        self._framer = Framer(limits.before_handshake)
        self._secret = ""
        self._outgoing: list[bytes] = []

    def receive_bytes(self, data: bytes) -> Received:
        """
        Read what the component sent.

        A violation closes the stream: :attr:`state` tells, and :meth:`bytes_to_send` has the stream
        error. What came before it is returned all the same.
        """
        stanzas: list[Slice] = []
        replies: list[Slice] = []
        try:
            for framed in self._framer.feed(data):
                self._read(framed, stanzas, replies)
            if self._framer.violation is not None:
                raise self._framer.violation
        except RemoteViolation as violation:
            self.fail(violation.condition, str(violation))
        return Received(stanzas=tuple(stanzas), replies=tuple(replies))

    def bytes_to_send(self) -> bytes:
        """Take what is to be written to the component now."""
        outgoing, self._outgoing = self._outgoing, []
        return b"".join(outgoing)

    def fail(self, condition: StreamCondition, text: str) -> None:
        """End the stream at once, with a stream error unless our half is closed already."""
        if self.state not in {_S.CLOSING, _S.CLOSED}:
            self._write_error(condition, text)
        self.state = _S.CLOSED

    def shut_down(self, condition: StreamCondition, text: str) -> None:
        """End the stream in good order: what the component has under way still passes."""
        after = TRANSITIONS[self.state, _I.SHUTDOWN]
        if self.state not in {_S.CLOSING, _S.CLOSED}:
            self._write_error(condition, text)
        self.state = after

    def _write_error(self, condition: StreamCondition, text: str) -> None:
        if self.state is _S.OPENING:
            self._outgoing.append(self._header())
        self._outgoing.append(stream_error(condition, readable(text)))
        self.reason = f"{condition.value}: {readable(text)}"

    def _header(self) -> bytes:
        """Our header: an XML declaration and a tag without a version, which components know nothing of."""
        header = StreamHeader(from_domain=self.domain, id=self.stream_id, version=None, content_namespace=COMPONENT)
        return header.to_bytes()

    # What comes in, in the order of a stream.

    def _read(self, framed: Framed, stanzas: list[Slice], replies: list[Slice]) -> None:
        if isinstance(framed, Slice) and framed.namespace == COMPONENT and framed.name in STANZA_NAMES:
            if self.state is not _S.CARRYING:
                self.state = self._after(_I.ELEMENT)
            self._read_stanza(framed, stanzas, replies)
        elif isinstance(framed, StreamOpened):
            self._read_header(framed)
        elif isinstance(framed, StreamClosed):
            self._read_end("it closed its stream")
        elif is_stream_error(framed):
            self._read_end(f"it reported {read_stream_error(framed).condition.value}")
        elif (framed.namespace, framed.name) == (COMPONENT, "handshake"):
            self._read_handshake(framed)
        else:
            self.state = self._after(_I.ELEMENT)
            raise RemoteViolation(
                StreamCondition.UNSUPPORTED_STANZA_TYPE, "a component sends messages, presence and IQs, nothing else"
            )

    def _after(self, given: ComponentInput) -> ComponentState:
        after = TRANSITIONS.get((self.state, given))
        if after is not None:
            return after
        if self.state is _S.HANDSHAKING:
            raise RemoteViolation(StreamCondition.NOT_AUTHORIZED, "the first element must be a handshake")
        text = f"{given.name.lower()} while {self.state.name.lower()}"
        raise RemoteViolation(StreamCondition.POLICY_VIOLATION, text)

    def _read_header(self, opened: StreamOpened) -> None:
        after = self._after(_I.HEADER)
        domain = named_domain(read_header(opened, COMPONENT).to_domain, "to")
        secret = self._secret_of(domain)
        if not secret:
            raise RemoteViolation(StreamCondition.HOST_UNKNOWN, f"no component is known as {domain}")
        self.domain, self._secret = domain, secret
        self._outgoing.append(self._header())
        self.state = after

    def _read_handshake(self, element: Slice) -> None:
        after = self._after(_I.HANDSHAKE)
        given = "".join(child for child in element.tree().children if isinstance(child, str))
        digest = handshake_digest(self.stream_id, self._secret)
        if self.domain is None or not hmac.compare_digest(digest.encode(), given.encode()):
            raise RemoteViolation(StreamCondition.NOT_AUTHORIZED, "the handshake does not match the secret")
        self._admit(self.domain)
        self._framer.limits = self._limits.after_handshake
        self._outgoing.append(b"<handshake/>")
        self.state = after

    def _read_end(self, reason: str) -> None:
        after = self._after(_I.END)
        if self.state not in {_S.CLOSING, _S.CLOSED}:
            self._outgoing.append(CLOSING_TAG)
            self.reason = reason
        self.state = after

    def _read_stanza(self, element: Slice, stanzas: list[Slice], replies: list[Slice]) -> None:
        if element.from_address is None or element.to_address is None:
            raise RemoteViolation(StreamCondition.IMPROPER_ADDRESSING, "a stanza needs 'from' and 'to'")
        self._check_sender(element)
        stanza = moved(element, SERVER)
        try:
            domain_of(element.to_address)
        except NameRefused as refused:
            reply = error_reply(stanza, StanzaCondition.JID_MALFORMED, str(refused))
            replies.extend([reply] if reply else [])
        else:
            stanzas.append(stanza)

    def _check_sender(self, stanza: Slice) -> None:
        try:
            sender = stanza.sender
        except NameRefused as refused:
            raise RemoteViolation(StreamCondition.INVALID_FROM, str(refused)) from None
        if sender != self.domain:
            raise RemoteViolation(StreamCondition.INVALID_FROM, f"{sender} is not {self.domain}")


def handshake_digest(stream_id: str, secret: str) -> str:
    """
    Make what a component proves its secret with.

    :returns: 40 lower-case hexadecimal digits.

    Source: XEP-0114, section 3: SHA-1 over the stream id and the secret, in UTF-8.
    """
    return sha1((stream_id + secret).encode()).hexdigest()  # noqa: S324 - the protocol knows no other hash
