"""
Writes the examples of certificate multiplexing, ``doc/protocol-examples.txt``, which ``doc/protocol.rst`` includes.

Run it with ``python -m tests.multiplex.make_examples``. Elements are those that the code writes; what is in them
is made by the book. Knows what both servers say in each example, and how bytes are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from textwrap import wrap
from typing import Final

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import (
    Accept,
    Enable,
    Enabled,
    ListedName,
    MultiplexElement,
    Offer,
    PeerLimits,
    Present,
    Reject,
    Request,
    Revoke,
    Revoked,
    Withdraw,
    Withdrawn,
)
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.wire.names import DomainName, DomainPattern
from tests.multiplex.bythebook import CLIENT, CONNECTION, SERVER, BookCertificate

__all__ = ["EXAMPLES", "ONE", "PAGE", "TWO", "rendered", "shown"]

PAGE: Final = Path(__file__).resolve().parent.parent.parent / "doc" / "protocol-examples.txt"
HEAD: Final = ".. Written by python -m tests.multiplex.make_examples; do not edit.\n"
WIDTH: Final = 100

ONE: Final = "One"
TWO: Final = "Two"
Said = tuple[str, Sequence[MultiplexElement | bytes]]
"""Which server, and what it sends in one write."""

LIMITS: Final = MultiplexLimits()
ROOMS: Final = BookCertificate(seed="rooms.a.example", domains=["rooms.a.example"])
RENEWED: Final = BookCertificate(seed="renewed", domains=["rooms.a.example"], end=ROOMS.end.replace(year=2028))
C: Final = BookCertificate(seed="c.example", domains=["c.example", "*.c.example"])

STANZA: Final = (
    b"<message from='hall@rooms.a.example/iago' to='cassio@c.example'><body>What, are you hurt?</body></message>"
)


def domain(text: str) -> DomainName:
    """A domain."""
    return DomainName.parse(text)


def listed(*names: str, until: float = ROOMS.ends) -> tuple[ListedName, ...]:
    """Names as they stand in an accept."""
    return tuple(
        ListedName(
            name=DomainPattern(domain(name.removeprefix("*."))) if name.startswith("*.") else domain(name), until=until
        )
        for name in names
    )


def context(number: int) -> bytes:
    """What stands for 32 random bytes."""
    return sha256(f"context {number}".encode()).digest()


REQUEST_ROOMS: Final = CONNECTION.request(SERVER, context(1), ROOMS.domains[0])
REQUEST_C: Final = CONNECTION.request(CLIENT, context(2), C.domains[0])
REQUEST_RENEWED: Final = CONNECTION.request(SERVER, context(3), RENEWED.domains[0])
REQUEST_D: Final = CONNECTION.request(CLIENT, context(4), "d.example")


def enabling() -> Iterator[Said]:
    """The offer, and how it is taken up."""
    limits = PeerLimits(max_domains=LIMITS.max_domains, max_pending=LIMITS.max_pending)
    yield TWO, [b"<stream:features>" + limits.feature + b"</stream:features>"]
    yield ONE, [Enable(max_domains=limits.max_domains, max_pending=limits.max_pending)]
    yield TWO, [Enabled(), Accept(id=0, certificate=None, names=listed("a.example"))]
    yield ONE, [Accept(id=0, certificate=None, names=listed("b.example"))]


def first_stanza() -> Iterator[Said]:
    """Two domains at once."""
    yield (
        ONE,
        [Offer(id=1, domain=domain("rooms.a.example")), Request(id=3, domain=domain("c.example"), data=REQUEST_C)],
    )
    yield (
        TWO,
        [
            Request(id=1, domain=domain("rooms.a.example"), data=REQUEST_ROOMS),
            Present(id=3, data=CONNECTION.authenticator(SERVER, REQUEST_C, C)),
        ],
    )
    yield (
        ONE,
        [
            Present(id=1, data=CONNECTION.authenticator(CLIENT, REQUEST_ROOMS, ROOMS)),
            Accept(id=3, certificate=None, names=listed(*C.domains)),
        ],
    )
    yield TWO, [Accept(id=1, certificate=None, names=listed(*ROOMS.domains))]
    yield ONE, [STANZA]


def below_a_pattern() -> Iterator[Said]:
    """A name that is accepted already."""
    yield ONE, [Request(id=5, domain=domain("x.c.example"), data=b"")]
    yield TWO, [Present(id=5, data=b"")]
    yield ONE, [Accept(id=5, certificate=3, names=listed("x.c.example"))]


def refusal() -> Iterator[Said]:
    """A domain that the peer does not have."""
    yield ONE, [Request(id=7, domain=domain("d.example"), data=REQUEST_D)]
    yield TWO, [Reject(id=7, condition=MultiplexCondition.UNKNOWN_DOMAIN)]


def renewal() -> Iterator[Said]:
    """A newer certificate of the same subject."""
    yield ONE, [Offer(id=9, domain=domain("rooms.a.example"), renew=True)]
    yield TWO, [Request(id=9, domain=domain("rooms.a.example"), data=REQUEST_RENEWED)]
    yield ONE, [Present(id=9, data=CONNECTION.authenticator(CLIENT, REQUEST_RENEWED, RENEWED))]
    yield (
        TWO,
        [
            Accept(id=9, certificate=None, names=listed(*RENEWED.domains, until=RENEWED.ends)),
            Revoke(id=2, certificate=1, names=(), condition=MultiplexCondition.REPLACED),
        ],
    )
    yield ONE, [Revoked(id=2)]
    yield TWO, [Revoked(id=2)]


def withdrawal() -> Iterator[Said]:
    """A domain leaves."""
    yield ONE, [Withdraw(id=11, names=(domain("rooms.a.example"),))]
    yield TWO, [Withdrawn(id=11)]
    yield ONE, [Withdrawn(id=11)]


EXAMPLES: Final = (
    (
        "Offer and opt-in",
        "What follows SASL EXTERNAL. Both handshake certificates have proven the domains of the stream headers.",
        enabling,
    ),
    (
        "The first stanza between two new domains",
        "Two round trips. In the second write Two asks for one domain and proves another.",
        first_stanza,
    ),
    (
        "A name below a pattern",
        "``*.c.example`` is accepted from Two; that Two serves ``x.c.example`` is not known yet. One round trip.",
        below_a_pattern,
    ),
    ("A refusal", "The stream goes on; One may ask again in an hour.", refusal),
    (
        "Renewal",
        "The certificate of exchange 1 ends soon. The new one has the same subject, and takes its place.",
        renewal,
    ),
    ("Withdrawal", "One stops serving a domain. After the last element no stanza of it is under way.", withdrawal),
)


def in_hex(data: bytes) -> str:
    """Bytes in groups of four."""
    return data.hex(" ", -4)


def bytes_of_request(request: bytes) -> Iterator[tuple[str, bytes]]:
    """The parts of an authenticator request, with what each is."""
    at = 5 + request[4]
    yield "type and length of the message", request[:4]
    yield "certificate_request_context, after its length", request[4:at]
    yield "length of the extensions", request[at : at + 2]
    at += 2
    while at < len(request):
        end = at + 4 + int.from_bytes(request[at + 2 : at + 4], "big")
        yield {0: "server_name", 13: "signature_algorithms"}[request[at + 1]], request[at:end]
        at = end


def bytes_of_authenticator(messages: tuple[bytes, bytes, bytes]) -> Iterator[tuple[str, bytes]]:
    """The parts of an authenticator, with what each is."""
    certificate, verify, finished = messages
    at = 5 + certificate[4]
    yield "type and length of Certificate", certificate[:4]
    yield "certificate_request_context, after its length", certificate[4:at]
    yield "length of certificate_list; of the certificate", certificate[at : at + 6]
    yield "the certificate", certificate[at + 6 : -2]
    yield "its extensions: none", certificate[-2:]
    yield "type and length of CertificateVerify, scheme", verify[:6]
    yield "signature, after its length", verify[6:]
    yield "type and length of Finished", finished[:4]
    yield "verify_data", finished[4:]


def all_bytes() -> Iterator[tuple[str, bytes]]:
    """What exchange 1 of the examples is made of."""
    yield "exporter_master_secret of the connection, TLS_AES_128_GCM_SHA256", CONNECTION.exporter_secret
    for sender in (CLIENT, SERVER):
        yield f"HC if the presenter is the {sender}", CONNECTION.context_key(sender)
        yield f"FK if the presenter is the {sender}", CONNECTION.finished_key(sender)
    yield "private key of rooms.a.example, Ed25519", ROOMS.private_key.private_bytes_raw()
    yield from bytes_of_request(REQUEST_ROOMS)
    yield from bytes_of_authenticator(CONNECTION.messages(CLIENT, REQUEST_ROOMS, ROOMS))


def titled(title: str, text: str) -> Iterator[str]:
    """The beginning of a section, up to its block of code."""
    yield from (title, "~" * len(title), "", f"{text}", "", ".. code-block:: text", "")


def spoken(dialogue: Iterable[Said]) -> Iterator[str]:
    """Who says what, in lines that are folded."""
    for server, elements in dialogue:
        yield from shown(server, map(in_text, elements))


def shown(server: str, elements: Iterable[str]) -> Iterator[str]:
    """What a server sends in one write."""
    for number, line in enumerate(line for element in elements for line in folded(element)):
        yield f"   {'' if number else f'{server}:':<6}{line}"
    yield ""


def folded(text: str) -> Iterator[str]:
    """A text in lines: between tags and at spaces if that will do, else anywhere."""
    line = ""
    for piece in re.split(r"(?<=>)(?=<)|(?= )", text):
        if line and len(piece) <= WIDTH < len(line) + len(piece):
            yield line
            line = piece.lstrip()
        else:
            line += piece
        while len(line) > WIDTH:
            yield line[:WIDTH]
            line = line[WIDTH:]
    yield line


def in_text(element: MultiplexElement | bytes) -> str:
    """An element as it is sent."""
    return (element if isinstance(element, bytes) else element.to_bytes()).decode()


def rendered() -> str:
    """The whole file."""
    lines = [HEAD]
    for title, text, dialogue in EXAMPLES:
        lines += [*titled(title, text), *spoken(dialogue())]
    lines += titled(
        "Every byte of one proof",
        "What stands in ``request`` and ``present`` of exchange 1 above, before base64, and what it was made from.",
    )
    for what, data in all_bytes():
        lines += [f"   {what}", *(f"      {line}" for line in wrap(in_hex(data), 80))]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
