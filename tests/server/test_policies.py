"""Policies of peers as a configuration says them."""

from __future__ import annotations

from muxs2s.proof.dialback import DialbackSecret
from muxs2s.proof.peers import PeerPolicy
from muxs2s.proof.policy import ProofPolicy
from muxs2s.wire.names import DomainName, DomainPair
from tests.server.configured import ConfiguredTestCase

OURS = 'domains = ["a.example"]\n'

PAIR = DomainPair(DomainName.parse("a.example"), DomainName.parse("b.example"))

BOTH = ProofPolicy(order=("pkix", "dialback"))


class PolicyTests(ConfiguredTestCase):
    """What counts for a domain."""

    def policy(self, text: str, domain: str = "b.example") -> PeerPolicy:
        """The policy of a domain in a configuration of this text."""
        return self.read(OURS + text).peer_policies.of(DomainName.parse(domain))

    def test_default(self) -> None:
        """Unless something is written, everybody is let in who shows a valid certificate inside TLS."""
        self.assertEqual(PeerPolicy(), self.policy(""))

    def test_of_all(self) -> None:
        """What stands under [policy] counts for every domain."""
        found = self.policy('[policy]\ndefault = "deny"\nrequire_encryption = false\nproofs = ["dialback", "pkix"]')
        proofs = ProofPolicy(order=("dialback", "pkix"))
        self.assertEqual(PeerPolicy(is_admitted=False, require_encryption=False, proofs=proofs), found)

    def test_of_one(self) -> None:
        """What a domain has of its own counts for it, in any spelling, and the rest is that of all."""
        text = '[policy]\nrequire_encryption = false\n[domain."B.example."]\npolicy = "deny"'
        self.assertEqual(PeerPolicy(is_admitted=False, require_encryption=False), self.policy(text))
        self.assertEqual(PeerPolicy(require_encryption=False), self.policy(text, "c.example"))

    def test_below(self) -> None:
        """Incident 17: it counts for the domains below, and for none that only ends alike."""
        text = '[domain."b.example"]\npolicy = "deny"'
        for domain, admitted in (("b.example", False), ("x.y.b.example", False), ("xb.example", True)):
            self.assertIs(admitted, self.policy(text, domain).is_admitted, domain)

    def test_multiplexing(self) -> None:
        """Whether domains share streams is said for all, and otherwise for some, in either direction."""
        for of_all, of_one in (("true", "false"), ("false", "true")):
            text = f'[policy]\nmultiplex = {of_all}\n[domain."b.example"]\nmultiplex = {of_one}'
            for domain, expected in (("x.b.example", of_one), ("c.example", of_all)):
                self.assertEqual(expected == "true", self.policy(text, domain).is_multiplexed)

    def test_option_by_option(self) -> None:
        """A nearer table that says one thing leaves the others as the next one above says them."""
        text = """
            [domain."b.example"]
            policy = "deny"
            require_encryption = false
            [domain."good.b.example"]
            policy = "allow"
            [domain."rooms.good.b.example"]
            proofs = ["pkix", "dialback"]
            """
        self.assertEqual(PeerPolicy(require_encryption=False), self.policy(text, "good.b.example"))
        rooms = PeerPolicy(require_encryption=False, proofs=BOTH)
        self.assertEqual(rooms, self.policy(text, "x.rooms.good.b.example"))

    def test_of_every_domain(self) -> None:
        """The table "*" is the farthest there is: it counts where no domain above says anything."""
        text = '[domain."*"]\nproofs = ["pkix", "dialback"]\npolicy = "deny"\n[domain."b.example"]\npolicy = "allow"'
        self.assertEqual(PeerPolicy(proofs=BOTH), self.policy(text))
        self.assertEqual(PeerPolicy(is_admitted=False, proofs=BOTH), self.policy(text, "c.example"))

    def test_address_alone(self) -> None:
        """A table that only says where a domain is says nothing else of it, nor of those below."""
        text = '[domain."b.example"]\npolicy = "deny"\n[domain."c.b.example"]\naddress = "192.0.2.1"'
        self.assertFalse(self.policy(text, "c.b.example").is_admitted)

    def test_refused(self) -> None:
        """Words that mean nothing are refused with those that do."""
        for line, reason in (
            (
                "default = 'perhaps'",
                "policy.default: 'perhaps' is none of the words there are. Remedy: write \"allow\"",
            ),
            ("proofs = ['dane']", "policy.proofs[0]: 'dane' proves nothing here. Remedy: name some of pkix, dialback"),
            ("proofs = []", "policy.proofs: names none, so that no peer could prove itself"),
            ("proofs = ['pkix', 'pkix']", "policy.proofs[1]: 'pkix' is there twice"),
            ("proofs = 'pkix'", "policy.proofs: 'pkix' is text"),
        ):
            self.assertIn(reason, self.fault(f"{OURS}[policy]\n{line}"))
        self.assertIn('domain."b.example".policy: ', self.fault(f'{OURS}[domain."b.example"]\npolicy = "no"'))

    def test_bidi(self) -> None:
        """Streams in both directions can be switched off."""
        self.assertEqual((True, False), (self.made().bidi, self.made(policy={"bidi": False}).bidi))


class DialbackSecretTests(ConfiguredTestCase):
    """What dialback keys are made from."""

    def key(self, text: str) -> str | None:
        """A key made with the secret of a configuration of this text."""
        secret = self.read(OURS + text).dialback_secret
        return None if secret is None else secret.key(PAIR, "1")

    def test_none(self) -> None:
        """Without one the start makes it."""
        self.assertIsNone(self.key(""))
        self.assertIsNone(self.key('[dialback]\nsecret = ""\nsecret_file = ""'))

    def test_both_ways(self) -> None:
        """It stands in the configuration, or in a file of its own."""
        (self.directory / "dialback").write_text(f"{'s' * 16}\n")
        wanted = DialbackSecret("s" * 16).key(PAIR, "1")
        self.assertEqual(wanted, self.key(f"dialback.secret = '{'s' * 16}'"))
        self.assertEqual(wanted, self.key("dialback.secret_file = 'dialback'"))
        said = self.fault(f"{OURS}[dialback]\nsecret = '{'s' * 16}'\nsecret_file = 'dialback'")
        self.assertIn("dialback.secret: there is a secret file, too. Remedy: remove one of the two", said)

    def test_short(self) -> None:
        """Incident 3: a secret of 15 bytes is refused, in a file as well."""
        (self.directory / "short").write_text(f"{'s' * 15}\n")
        (self.directory / "empty").write_text("\n")
        for line, reason in (
            (f"secret = '{'s' * 15}'", "dialback.secret: is shorter than 16 bytes"),
            ("secret_file = 'short'", "dialback.secret_file: short is shorter than 16 bytes"),
            ("secret_file = 'empty'", "dialback.secret_file: empty is shorter than 16 bytes"),
            ("secret_file = 'missing'", "dialback.secret_file: missing cannot be read"),
        ):
            self.assertIn(reason, self.fault(f"{OURS}[dialback]\n{line}"))

    def test_counted_in_bytes(self) -> None:
        """Text counts as the bytes it is in UTF-8."""
        self.assertIsNotNone(self.key("dialback.secret = 'ßßßßßßßß'"))

    def test_never_shown(self) -> None:
        """It is in no message and in no representation."""
        configuration = self.read(f"{OURS}dialback.secret = 'sesame, sesame, sesame'")
        self.assertNotIn("sesame", repr(configuration))
        for value in ("'sesame'", "['sesame, sesame, sesame']"):
            self.assertNotIn("sesame", self.fault(f"{OURS}dialback.secret = {value}"))
