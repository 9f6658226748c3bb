"""
Stream headers and stream errors, written and read, for both roles.

Knows the attributes a header may carry and which condition answers a bad one. Does not know which
domains are ours or when a header is due: see :mod:`muxs2s.stream`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.framing import StreamOpened
from muxs2s.wire.markup import error_text, start_tag
from muxs2s.wire.names import DomainName, NameRefused
from muxs2s.wire.namespaces import DIALBACK, SERVER, STREAM_ERRORS, STREAMS
from muxs2s.wire.stanza import Slice

__all__ = [
    "CLOSING_TAG",
    "StreamFailure",
    "StreamHeader",
    "is_stream_error",
    "named_domain",
    "read_header",
    "read_stream_error",
    "stream_error",
]

CLOSING_TAG: Final = b"</stream:stream>"
"""Ends a stream (RFC 6120, section 4.4)."""

MAX_VERSION_CHARACTERS: Final = 9
"""A version of two numbers below 10,000."""

MAX_OTHER_HOST_CHARACTERS: Final = 262
"""Of the place a peer sends us to: a domain name, brackets, a colon and a port."""

MAX_STREAM_ID_CHARACTERS: Final = 1_024
"""A stream id a peer may give us: it is kept as long as the stream and goes into dialback keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHeader:
    """
    What a stream header says.

    Source: RFC 6120, section 4.7.
    """

    from_domain: DomainName | None = None
    to_domain: DomainName | None = None
    id: str | None = None
    """Given by the receiving server, in its response header only."""

    version: tuple[int, int] | None = (1, 0)
    """``None`` where the attribute is missing: before XMPP 1.0, and between servers and components."""

    content_namespace: str | None = SERVER

    declares_dialback: bool = True
    """Whether a prefix stands for dialback: a server says so that it knows it. Ours always does, between servers."""

    def to_bytes(self) -> bytes:
        """Write the XML declaration and the opening tag, with ``db`` bound to dialback between servers."""
        attributes = {
            "xmlns": self.content_namespace,
            "xmlns:stream": STREAMS,
            "xmlns:db": DIALBACK if self.content_namespace == SERVER else None,
            "from": self.from_domain,
            "to": self.to_domain,
            "id": self.id,
            "version": self.version and "{}.{}".format(*self.version),
            "xml:lang": "en",
        }
        return f"<?xml version='1.0'?>{start_tag('stream:stream', attributes)}".encode()


def read_header(opened: StreamOpened, content_namespace: str = SERVER) -> StreamHeader:
    """
    Read the opening tag of a stream.

    A missing ``from``, ``to`` or ``id`` is ``None``, and so is an empty domain, which a server may give
    before a stream error: which of them must be there depends on the role.

    :raises RemoteViolation: ``invalid-namespace``, ``bad-namespace-prefix``, ``bad-format``,
        ``improper-addressing`` or ``unsupported-version``.

    Source: RFC 6120, sections 4.7, 4.8 and 4.9.1.3.
    """
    if opened.namespace != STREAMS:
        raise RemoteViolation(StreamCondition.INVALID_NAMESPACE, f"the stream namespace is not {STREAMS}")
    if opened.name != "stream":
        raise RemoteViolation(StreamCondition.BAD_FORMAT, "the stream does not begin with <stream>")
    if opened.prefix not in {"stream", ""}:
        raise RemoteViolation(StreamCondition.BAD_NAMESPACE_PREFIX, "the prefix of the stream is not 'stream'")
    if opened.prefix and opened.default_namespace != content_namespace:
        raise RemoteViolation(StreamCondition.INVALID_NAMESPACE, f"the content namespace is not {content_namespace}")
    return StreamHeader(
        from_domain=_domain(opened, "from"),
        to_domain=_domain(opened, "to"),
        id=_id(opened),
        version=_version(opened),
        content_namespace=content_namespace,
        declares_dialback=DIALBACK in opened.namespaces,
    )


def named_domain(domain: DomainName | None, attribute: str) -> DomainName:
    """
    A domain that a header must name.

    :param domain: what it does name.
    :raises RemoteViolation: ``improper-addressing``, if that is nothing.
    """
    if domain is None:
        raise RemoteViolation(StreamCondition.IMPROPER_ADDRESSING, f"the stream header has no {attribute!r}")
    return domain


def _domain(opened: StreamOpened, attribute: str) -> DomainName | None:
    value = opened.attributes.get(attribute)
    if not value:
        return None
    try:
        return DomainName.parse(value)
    except NameRefused as refused:
        raise RemoteViolation(
            StreamCondition.IMPROPER_ADDRESSING, f"{attribute!r} of the stream header: {refused}"
        ) from None


def _id(opened: StreamOpened) -> str | None:
    value = opened.attributes.get("id")
    if value is not None and len(value) > MAX_STREAM_ID_CHARACTERS:
        raise RemoteViolation(
            StreamCondition.POLICY_VIOLATION, f"the stream id exceeds {MAX_STREAM_ID_CHARACTERS} characters"
        )
    return value


def _version(opened: StreamOpened) -> tuple[int, int] | None:
    value = opened.attributes.get("version")
    if value is None:
        return None
    major, dot, minor = value.partition(".")
    digits = major.isascii() and major.isdecimal() and minor.isascii() and minor.isdecimal()
    if not dot or not digits or len(value) > MAX_VERSION_CHARACTERS:
        raise RemoteViolation(StreamCondition.UNSUPPORTED_VERSION, f"the stream version {value[:20]!r} is no version")
    return int(major), int(minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFailure:
    """A stream error, as one end told the other."""

    condition: StreamCondition
    text: str
    see_other: str = ""
    """Under ``see-other-host``: where to go instead, as the peer wrote it; empty if that is no place."""


def stream_error(condition: StreamCondition, text: str) -> bytes:
    """
    Write a stream error and the closing tag that always follows it.

    Source: RFC 6120, section 4.9.
    """
    named = f"<{condition.value} xmlns='{STREAM_ERRORS}'/>"
    return f"<stream:error>{named}{error_text(STREAM_ERRORS, text)}</stream:error>".encode() + CLOSING_TAG


def is_stream_error(element: Slice) -> bool:
    """Whether a first-level element is a stream error."""
    return element.name == "error" and element.namespace == STREAMS


def read_stream_error(error: Slice) -> StreamFailure:
    """
    Read a stream error; an unknown or missing condition reads as ``undefined-condition``, of several the first counts.

    Source: RFC 6120, sections 4.9.2 and 4.9.3.19.
    """
    known = {member.value: member for member in StreamCondition}
    told = {child.name: str(child) for child in error.tree().elements() if child.uri == STREAM_ERRORS}
    condition = next((known[name] for name in told if name in known), StreamCondition.UNDEFINED_CONDITION)
    place = told[condition.value].strip() if condition is StreamCondition.SEE_OTHER_HOST else ""
    see_other = place if len(place) <= MAX_OTHER_HOST_CHARACTERS else ""
    return StreamFailure(condition=condition, text=told.get("text", ""), see_other=see_other)
