"""Whatever a component sends: its stream answers, and the same for any pieces."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.hosts.componentstream import ComponentLimits, ComponentState, ComponentStream
from muxs2s.wire.names import DomainName
from tests.hosts.componentpeer import DOMAIN, HEADER, MESSAGE, SECRET, digest
from tests.wire.generated import SIZES, pieces

EXAMPLES = settings(max_examples=150, derandomize=True, deadline=None, database=None)

HANDSHAKE = f"<handshake>{digest('id')}</handshake>"

STANZAS = [
    stanza.encode()
    for stanza in (
        *(MESSAGE, MESSAGE.replace("c@", "@"), MESSAGE.replace(DOMAIN, "c.example"), MESSAGE.replace("hello", "&#58;")),
        *("<presence/>", "<iq xmlns='jabber:server'/>"),
    )
]
"""Good and bad."""

OTHERS = [
    text.encode()
    for text in (
        *(HEADER, HEADER.replace(DOMAIN, "c.example"), HEADER.replace(f" to='{DOMAIN}'", ""), "<?xml version='1.0'?>"),
        *(HANDSHAKE, "<handshake/>", "<handshake>ü</handshake>", " \n", "<x/>", "</stream:stream>", "<stream:error/>"),
        *("<!-- -->", "junk", "<", ">", "'", "</message>", "<message>"),
    )
]
"""What else a component may say, in its place and out of it."""

SAID = some.lists(some.sampled_from(STANZAS) | some.sampled_from(OTHERS), max_size=8).map(b"".join)


class AnyComponentTests(SynchronousTestCase):
    """One stream, from its first byte."""

    def outcome(self, chunks: Iterable[bytes]) -> tuple[list[bytes], list[bytes], bytes, ComponentState, str]:
        """What became of these bytes."""
        secrets = {DomainName.parse(DOMAIN): SECRET}
        stream = ComponentStream("id", secrets.get, lambda _domain: None, ComponentLimits())
        said = [stream.receive_bytes(chunk) for chunk in chunks]
        stanzas = [stanza.data.replace(b'"', b"'") for received in said for stanza in received.stanzas]
        replies = [reply.data for received in said for reply in received.replies]
        return stanzas, replies, stream.bytes_to_send(), stream.state, stream.reason

    @EXAMPLES
    @given(some.sampled_from([0, 1, 2, 2, 2]), SAID, SIZES)
    def test_any_pieces(self, begun: int, said: bytes, sizes: list[int]) -> None:
        """S32: the same stanzas, errors and end, and no stanza without the handshake or from another domain."""
        data = "".join([HEADER, HANDSHAKE][:begun]).encode() + said
        whole = self.outcome([data])
        self.assertEqual(whole, self.outcome(pieces(data, sizes)))
        stanzas, _, sent, state, reason = whole
        self.assertTrue(HANDSHAKE.encode() in data or not stanzas)
        self.assertEqual([], [stanza for stanza in stanzas if f"from='{DOMAIN}'".encode() not in stanza])
        self.assertEqual(state is ComponentState.CLOSED, sent.endswith(b"</stream:stream>"), reason)

    @EXAMPLES
    @given(some.binary(max_size=60), SIZES)
    def test_any_bytes(self, said: bytes, sizes: list[int]) -> None:
        """So it is with any bytes at all, before the header, before the handshake and after it."""
        for before in ("", HEADER, HEADER + HANDSHAKE, HEADER + HANDSHAKE + "<message"):
            data = before.encode() + said
            self.assertEqual(self.outcome([data]), self.outcome(pieces(data, sizes)))
