"""What a proxy says of a connection, in both versions of the PROXY protocol."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.proxyheader import MAX_HEADER_BYTES, ProxyHeader, ProxyHeaderRefused, read_proxy_header

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"


def binary(family: int, addresses: bytes, command: int = 0x21) -> bytes:
    """A header of version 2."""
    return SIGNATURE + bytes([command, family]) + len(addresses).to_bytes(2) + addresses


def between(source: str, target: str, *ports: int) -> bytes:
    """The addresses of a header of version 2."""
    hosts = ip_address(source).packed + ip_address(target).packed
    return hosts + b"".join(port.to_bytes(2) for port in ports)


V4 = binary(0x11, between("192.0.2.7", "192.0.2.1", 56324, 5269))
V6 = binary(0x21, between("2001:db8::7", "2001:db8::1", 56324, 5269))
UNIX = binary(0x31, b"/run/a".ljust(108, b"\0") + b"/run/b".ljust(108, b"\0"))

GOOD = (
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 5269\r\n", ("192.0.2.7", 56324)),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n", ("2001:db8::7", 0)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f::1 ffff:f::2 65535 65535\r\n", None),
    (V4, ("192.0.2.7", 56324)),
    (V6, ("2001:db8::7", 56324)),
    (binary(0x11, V4[16:] + b"\x04\x00\x02ab"), ("192.0.2.7", 56324)),
    (UNIX, None),
    (binary(0x00, b""), None),
    (binary(0x00, b"", command=0x20), None),
    (binary(0x11, b"", command=0x20), None),
)
"""Headers, with where the connection comes from."""

BAD = (
    b"<?xml version='1.0'?>",
    b"\x16\x03\x01\x02\x00",
    b"PROXYTCP4 ",
    b"proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
    b"PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.07 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
    b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 b.example 1 2\r\n",
    b"PROXY TCP4 192.0.2.\xb2 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 2\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 -1 2\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 1 \r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 1 0000002\r\n",
    b"PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n",
    b"PROXY \r\n",
    b"\r\n\r\n\0\r\nQUIX\n",
    binary(0x11, V4[16:], command=0x11),
    binary(0x11, V4[16:], command=0x22),
    binary(0x12, V4[16:]),
    binary(0x11, V4[16:-1]),
    binary(0x21, V4[16:]),
)


class ProxyHeaderTests(SynchronousTestCase):
    """Headers, good and bad."""

    def test_good(self) -> None:
        """A header says where the connection comes from, or that it does not say; what follows is not part of it."""
        for data, source in GOOD:
            header = ProxyHeader(source=source, size=len(data))
            self.assertEqual(header, read_proxy_header(data), data)
            self.assertEqual(header, read_proxy_header(data + b"PROXY UNKNOWN\r\n"), data)

    def test_truncated(self) -> None:
        """As long as a header is not complete, more is waited for."""
        for data, _ in GOOD:
            for size in range(len(data)):
                self.assertIsNone(read_proxy_header(data[:size]), data[:size])

    def test_bad(self) -> None:
        """Whatever else comes is refused."""
        for data in BAD:
            self.assertRaises(ProxyHeaderRefused, read_proxy_header, data)

    def test_refused_at_once(self) -> None:
        """What is no header from its first byte on is refused with that byte."""
        for byte in set(range(256)) - set(b"P\r"):
            self.assertRaises(ProxyHeaderRefused, read_proxy_header, bytes([byte]))

    def test_longest_line(self) -> None:
        """A header of version 1 has 107 bytes at most."""
        line = b"PROXY UNKNOWN ".ljust(105, b"x")
        self.assertEqual(ProxyHeader(source=None, size=107), read_proxy_header(line + b"\r\n"))
        self.assertRaises(ProxyHeaderRefused, read_proxy_header, line + b"x\r\n")
        self.assertIsNone(read_proxy_header(line + b"\r"))
        self.assertRaises(ProxyHeaderRefused, read_proxy_header, line + b"xx")

    def test_longest_binary(self) -> None:
        """One of version 2 may be as long as the limit; one that says it is longer is refused before it comes."""
        longest = V4[16:].ljust(MAX_HEADER_BYTES - 16, b"\0")
        self.assertEqual(("192.0.2.7", 56324), getattr(read_proxy_header(binary(0x11, longest)), "source", None))
        self.assertRaises(ProxyHeaderRefused, read_proxy_header, binary(0x11, longest + b"\0")[:16])

    @given(
        st.binary(max_size=40), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"])
    )
    def test_any(self, rest: bytes, beginning: bytes) -> None:
        """Whatever comes, it is a header, the beginning of one, or refused; and never a header longer than it is."""
        data = beginning + rest
        try:
            header = read_proxy_header(data)
        except ProxyHeaderRefused:
            return
        if header is not None:
            self.assertLessEqual(header.size, len(data))
            self.assertEqual(header, read_proxy_header(data[: header.size]))
