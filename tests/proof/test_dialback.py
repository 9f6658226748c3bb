"""Tests of :mod:`muxs2s.proof.dialback`, with keys of XEP-0185 and XEP-0220."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof import (
    MIN_SECRET_BYTES,
    DialbackKeys,
    DialbackProof,
    DialbackSecret,
    Evidence,
    FoundByDNS,
    KeyAnswered,
    Outcome,
    Proven,
    Refused,
    Scope,
    Undecided,
    dialback,
)
from muxs2s.wire.errors import LocalMisuse, StanzaCondition
from muxs2s.wire.names import DomainName, DomainPair

VECTORS: Final = Path(__file__).parent.parent / "vectors" / "dialback.json"
A, B = DomainName.parse("a.example"), DomainName.parse("b.example")
PAIR: Final = DomainPair(A, B)
SECRET: Final = DialbackSecret("server-one-secret")
KEY: Final = "950103eb4b3ce7c1979085dc452152ba4ee90e05d1c602a3eed8bd3bb1064026"
KEYS: Final = (
    (
        *("s3cr3tf0rd14lb4ck", "montague.example", "capulet.example", "D60000229F"),
        "b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3",
    ),
    ("server-one-secret", "b.example", "a.example", "b1-7f3a9c", KEY),
    (
        *("server-two-secret", "a.example", "c.example", "a2-51d0e7"),
        "fe98748d271e7987c5386d8ab62423cf4457014e1c4fa140610084ea30429719",
    ),
)
"""Secret, target domain, sender domain, stream id, key."""

LABEL: Final = st.text("ab", min_size=1, max_size=3)


class DialbackSecretTests(SynchronousTestCase):
    """Keys, and what they are made from."""

    def test_vector(self) -> None:
        """D8: the key is the one that XEP-0185 prints."""
        vector = json.loads(VECTORS.read_text(encoding="utf-8"))["xep_0185"]
        pair = DomainPair(DomainName.parse(vector["originating"]), DomainName.parse(vector["receiving"]))
        self.assertEqual(vector["key"], DialbackSecret(vector["secret"]).key(pair, vector["stream_id"]))

    def test_examples(self) -> None:
        """D8, D9: keys of XEP-0220, section 2.1.1, and of an own calculation."""
        for secret, target, sender, stream_id, key in KEYS:
            pair = DomainPair(DomainName.parse(sender), DomainName.parse(target))
            self.assertEqual(key, DialbackSecret(secret).key(pair, stream_id))

    def test_pitfall_8_a_secret_is_bytes_or_text(self) -> None:
        """The same secret as bytes and as text makes the same key."""
        self.assertEqual(KEY, SECRET.key(PAIR, "b1-7f3a9c"))
        self.assertEqual(KEY, DialbackSecret(b"server-one-secret").key(PAIR, "b1-7f3a9c"))

    def test_pitfall_8_domains_beyond_ascii_have_keys(self) -> None:
        """Domains beyond ASCII have keys, too, the same for every spelling, and they are known again."""
        spellings = [DomainPair(DomainName.parse(f"{name}.example"), B) for name in ("münchen", "xn--mnchen-3ya")]
        keys = DialbackKeys(SECRET)
        key = keys.issue(spellings[0], "1")
        self.assertRegex(key, "^[0-9a-f]{64}$")
        self.assertTrue(keys.is_ours(spellings[1], "1", key))

    def test_short(self) -> None:
        """Incident 3: a secret that could be guessed is refused; one byte more is not."""
        self.assertRaises(LocalMisuse, DialbackSecret, "x" * (MIN_SECRET_BYTES - 1))
        DialbackSecret("x" * MIN_SECRET_BYTES)

    def test_not_shown(self) -> None:
        """A secret does not show itself."""
        self.assertNotIn("secret", repr(SECRET).lower().replace("dialbacksecret", ""))

    @given(st.tuples(LABEL, LABEL, LABEL), st.tuples(LABEL, LABEL, LABEL))
    def test_fields_are_apart(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
        """Incident 2: two keys are equal only if sender, target and id are, however these run together."""
        keys = [SECRET.key(DomainPair(DomainName.parse(s), DomainName.parse(t)), i) for s, t, i in (one, other)]
        self.assertEqual(one == other, keys[0] == keys[1])

    def test_pitfall_8_keys_are_compared_in_constant_time(self) -> None:
        """Incident 5: keys are compared by hmac.compare_digest and by nothing else."""
        compared = [node for node in ast.walk(ast.parse(inspect.getsource(dialback))) if isinstance(node, ast.Compare)]
        self.assertEqual([], [ast.unparse(node) for node in compared if "key" in ast.unparse(node).split()])
        self.assertIn("hmac.compare_digest(", inspect.getsource(DialbackKeys.is_ours))


class DialbackKeysTests(SynchronousTestCase):
    """Which keys are ours."""

    def setUp(self) -> None:
        self.keys = DialbackKeys(SECRET)

    def test_sent(self) -> None:
        """D12: a key is ours from when it is sent until it is settled."""
        self.assertFalse(self.keys.is_ours(PAIR, "b1-7f3a9c", KEY))
        self.assertEqual(KEY, self.keys.issue(PAIR, "b1-7f3a9c"))
        self.assertTrue(self.keys.is_ours(PAIR, "b1-7f3a9c", KEY))
        self.keys.settle(PAIR, "b1-7f3a9c")
        self.assertFalse(self.keys.is_ours(PAIR, "b1-7f3a9c", KEY))
        self.assertEqual(0, len(self.keys))

    def test_other(self) -> None:
        """D12: another key, pair or id is not ours; nor is what is no key at all."""
        self.keys.issue(PAIR, "b1-7f3a9c")
        self.assertFalse(self.keys.is_ours(PAIR.reversed(), "b1-7f3a9c", KEY))
        self.assertFalse(self.keys.is_ours(PAIR, "b1-7f3a9d", KEY))
        for key in ("", KEY[:-1], KEY.upper(), "\ud800", "ü"):
            self.assertFalse(self.keys.is_ours(PAIR, "b1-7f3a9c", key), key)

    def test_twice(self) -> None:
        """D19: two streams with the same id, which other servers choose, have their keys to the end of each."""
        self.keys.issue(PAIR, "1")
        key = self.keys.issue(PAIR, "1")
        self.keys.settle(PAIR, "1")
        self.assertTrue(self.keys.is_ours(PAIR, "1", key))
        self.keys.settle(PAIR, "1")
        self.assertFalse(self.keys.is_ours(PAIR, "1", key))


class DialbackProofTests(SynchronousTestCase):
    """When dialback proves a domain."""

    def judge(self, found: FoundByDNS | KeyAnswered | None) -> Outcome:
        """Weigh what dialback goes by."""
        return DialbackProof().judge(A, Evidence(chain=(), dialback=found), 0.0)

    def proven(self, evidence: str) -> Proven:
        """A proof by dialback."""
        return Proven(domain=A, prooftype="dialback", evidence=evidence, scope=Scope.ASKED_DOMAIN, until=None)

    def test_confirmed(self) -> None:
        """P2.1: a confirmed key is a proof that calls itself dialback."""
        answered = KeyAnswered(condition=None, address="192.0.2.1:5269")
        self.assertEqual(self.proven("key confirmed by the server at 192.0.2.1:5269"), self.judge(answered))

    def test_found(self) -> None:
        """P2.2: whoever is where DNS says is proven, as weakly as that is."""
        self.assertEqual(self.proven("found at 192.0.2.1:5269"), self.judge(FoundByDNS(address="192.0.2.1:5269")))

    def test_not_confirmed(self) -> None:
        """A key that its server disowns, or cannot be asked about, proves nothing."""
        answered = KeyAnswered(condition=StanzaCondition.FORBIDDEN, address="192.0.2.1:5269", text="not its key")
        self.assertEqual(Refused(domain=A, reasons=("dialback: not its key",)), self.judge(answered))

    def test_nothing(self) -> None:
        """Without a key there is nothing to judge."""
        self.assertEqual(Undecided(domain=A, reasons=("dialback: no key was verified",)), self.judge(None))
