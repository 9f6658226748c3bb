"""
Dialback: the keys that tie a domain pair to a stream, and what the answer to one is worth.

Knows how a key is made and compared, which keys of ours are being asked about, and when dialback proves
a domain. Does not know the elements that carry keys: see :mod:`muxs2s.stream.dialback`.

Dialback is the weak prooftype: it proves that DNS leads to whoever answers for the domain, no more.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

from muxs2s.proof.outcome import Evidence, KeyAnswered, Outcome, Proven, Refused, Scope, Undecided
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName, DomainPair

__all__ = ["MIN_SECRET_BYTES", "DialbackKeys", "DialbackProof", "DialbackSecret"]

MIN_SECRET_BYTES: Final = 16
"""Of a dialback secret: what 128 bits of chance take."""


class DialbackSecret:
    """
    What keys are made from; the same on all nodes that answer for a domain.

    :param secret: at least :data:`MIN_SECRET_BYTES` bytes; text counts in UTF-8.
    :raises LocalMisuse: if it is shorter.
    """

    def __init__(self, secret: bytes | str) -> None:
        octets = secret.encode() if isinstance(secret, str) else secret
        if len(octets) < MIN_SECRET_BYTES:
            raise LocalMisuse(
                f"a dialback secret of {len(octets)} bytes can be guessed: give one of {MIN_SECRET_BYTES} or more"
            )
        self._digest = sha256(octets).hexdigest().encode()

    def key(self, pair: DomainPair, stream_id: str) -> str:
        """
        Make the key that ties a pair to a stream.

        :param pair: the domain of the initiating server, then that of the receiving server.
        :param stream_id: of the response header on the stream on which the key is sent.
        :returns: 64 lower-case hexadecimal digits.

        Source: XEP-0185, section 3: the HMAC's key is the hexadecimal text of the secret's digest.
        """
        return hmac.new(self._digest, f"{pair.target} {pair.sender} {stream_id}".encode(), sha256).hexdigest()


class DialbackKeys:
    """
    The keys we have sent and still wait for an answer to.

    A server that asks whether a key is ours hears yes for these alone.

    Source: XEP-0220, section 2.2.2.
    """

    def __init__(self, secret: DialbackSecret) -> None:
        self._secret = secret
        self._sent: dict[tuple[DomainPair, str], int] = {}
        """How many streams have sent the key: with another server's ids there may be more than one."""

    def __len__(self) -> int:
        return len(self._sent)

    def issue(self, pair: DomainPair, stream_id: str) -> str:
        """Make a key that is sent now; it is good until :meth:`settle`."""
        self._sent[pair, stream_id] = self._sent.get((pair, stream_id), 0) + 1
        return self._secret.key(pair, stream_id)

    def settle(self, pair: DomainPair, stream_id: str) -> None:
        """Nobody needs to ask about this key any more: it was answered, or its stream is over."""
        left = self._sent.pop((pair, stream_id)) - 1
        if left:
            self._sent[pair, stream_id] = left

    def is_ours(self, pair: DomainPair, stream_id: str, key: str) -> bool:
        """Whether this very key was sent for this pair on a stream of this id, and waits for its answer."""
        expected = self._secret.key(pair, stream_id)
        is_equal = hmac.compare_digest(expected.encode(), key.encode("utf-8", "replace"))
        return is_equal and (pair, stream_id) in self._sent


class DialbackProof:
    """
    A domain is proven by a key that its authoritative server confirms, or by being where DNS says.

    The first is for the domain of whoever sends on a stream, the second for that of whoever we called.

    Source: XEP-0220, section 1.1; RFC 7712, section 7, which leaves dialback out of its prooftypes.
    """

    name = "dialback"
    shows = "a key for the domain pair and the stream"
    matched = "by the authoritative server, which says whether the key is its own"
    material = "the address of the authoritative server, from DNS"
    needs_secure_dns = False

    def judge(self, domain: DomainName, evidence: Evidence, now: float) -> Outcome:
        """Weigh the answer to a key, or where the peer was found."""
        found = evidence.dialback
        if found is None:
            return Undecided(domain=domain, reasons=("dialback: no key was verified",))
        if isinstance(found, KeyAnswered):
            if found.condition is not None:
                return Refused(domain=domain, reasons=(f"dialback: {found.text}",))
            proof = f"key confirmed by the server at {found.address}"
        else:
            proof = f"found at {found.address}"
        return Proven(domain=domain, prooftype=self.name, evidence=proof, scope=Scope.ASKED_DOMAIN, until=None)
