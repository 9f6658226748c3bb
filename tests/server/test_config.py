"""The configuration: what a file becomes, and what is said of its faults."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

from muxs2s.network.targets import Target
from muxs2s.server.config import MAX_FILE_BYTES, ConfigurationRefused, make_configuration, read_configuration
from muxs2s.server.material import MAX_SECRET_BYTES, CertificateFiles
from muxs2s.wire.names import DomainName
from tests.server.configured import AUTHORITY, ConfiguredTestCase

OURS = 'domains = ["a.example"]\n'


class FileTests(ConfiguredTestCase):
    """Files that are none of ours."""

    def refusal(self, path: Path) -> str:
        """Why a file as a whole cannot be read."""
        (problem,) = self.assertRaises(ConfigurationRefused, read_configuration, path).problems
        self.assertEqual("", problem.option)
        return str(problem)

    def test_missing(self) -> None:
        """A file that is not there is named, with what to check."""
        said = self.refusal(self.directory / "other.toml")
        self.assertIn("other.toml: cannot be read: No such file or directory. Remedy: check the path", said)

    def test_unreadable(self) -> None:
        """So is one that cannot be read, such as a directory."""
        self.assertIn("cannot be read: Is a directory", self.refusal(self.directory))

    def test_not_toml(self) -> None:
        """What is no TOML is refused with the line and the column."""
        self.assertIn("muxs2s.toml: is not TOML: ", self.fault(f"{OURS}listen = 5269:\n"))
        self.assertIn("(at line 2, column 14)", self.fault(f"{OURS}listen = 5269:\n"))

    def test_not_utf_8(self) -> None:
        """What is not UTF-8 is refused with the line."""
        self.assertIn("is not UTF-8 (at line 2)", self.fault(b'domains = ["a.example"]\n# caf\xe9\n'))

    def test_nested(self) -> None:
        """Brackets without end are refused like any other text."""
        self.assertIn("nested too deeply", self.fault("domains = " + "[" * 100_000))

    def test_numbers_without_end(self) -> None:
        """A number of more digits than Python reads is refused like any other text."""
        self.assertIn("number of thousands of digits", self.fault(f"{OURS}queue.max_pair_stanzas = {'9' * 5_000}"))

    def test_size(self) -> None:
        """A file may be as large as the limit, and not one byte larger."""
        self.assertEqual(("a.example",), self.read(OURS + "#" * (MAX_FILE_BYTES - len(OURS))).domains)
        self.assertIn("is larger than 16777216 bytes", self.fault(OURS + "#" * (MAX_FILE_BYTES - len(OURS) + 1)))


class NameTests(ConfiguredTestCase):
    """Names of options."""

    def test_misspelt(self) -> None:
        """A misspelt option is refused with the name that was probably meant."""
        self.assertEqual(
            "muxs2s.toml: stream.idle_secnds: there is no such option. Remedy: write idle_seconds, if that is meant.",
            self.fault(f"{OURS}[stream]\nidle_secnds = 5"),
        )

    def test_misplaced(self) -> None:
        """An option in the wrong table is refused with the right one."""
        self.assertIn("belongs: stream.idle_seconds.", self.fault(f"{OURS}idle_seconds = 5"))
        said = self.fault(f"{OURS}[stream]\nmax_tag_bytes = 10000")
        self.assertIn("stream.before_authentication.max_tag_bytes or stream.after_authentication", said)

    def test_unheard_of(self) -> None:
        """An option like no other is refused with those there are."""
        self.assertIn("Remedy: remove it; options here are anchors.", self.fault(f"{OURS}[trust]\nbanana = 1"))

    def test_table_expected(self) -> None:
        """A value where a table belongs is refused with the way to write a table."""
        self.assertIn("stream: is a table of options. Remedy: write [stream]", self.fault(f"{OURS}stream = 5"))
        self.assertIn("domain: is a table of options.", self.fault(f"{OURS}[[domain]]\naddress = '192.0.2.1'"))

    def test_domain_without_quotes(self) -> None:
        """A domain with dots and without quotes is refused with a word on quotes."""
        self.assertIn("put a domain with dots in quotes", self.fault("[components.secrets]\ngw.a.example = 'x'"))
        said = self.fault(f"{OURS}[domain.b.example]\naddress = '192.0.2.1'")
        self.assertIn("domain.b.example: there is no such option. Remedy: put a domain with dots in quotes", said)

    def test_domain_named_in_toml(self) -> None:
        """What is no domain is refused where one is named, in the spelling of TOML."""
        self.assertIn('components.secrets."a..example"', self.fault("[components.secrets]\n'a..example' = 'x'"))
        self.assertIn('domain."\\"": ', self.fault(OURS + "[domain.'\"']\naddress = '192.0.2.1'"))

    def test_odd_names(self) -> None:
        """A fault is told in one short line, whatever somebody calls an option."""
        said = self.fault(f'{OURS}"colour\\n{"o" * 1_000}" = 1')
        self.assertIn('"colour\\nooo', said)
        self.assertLess(len(said), 800)

    def test_everything_at_once(self) -> None:
        """Every fault of a file is told, each on a line of its own, whatever its kind."""
        said = self.faults(
            """
            domains = ["a.example", "b..example"]
            listen = [5269]
            colour = "blue"
            [stream]
            idle_seconds = -1
            [stream.before_authentication]
            max_element_bytes = 9999
            [components.secrets]
            "gw.a.example" = ""
            [backoff]
            first_seconds = 100
            max_seconds = 50
            """
        )
        named = ["domains[1]", "listen[0]", "colour", "stream.idle_seconds"]
        named += ["stream.before_authentication.max_element_bytes", 'components.secrets."gw.a.example"']
        self.assertEqual([*named, "backoff.first_seconds"], [line.split(": ")[1] for line in said])
        refused = self.assertRaises(ConfigurationRefused, read_configuration, self.file)
        self.assertEqual(len(said), len(str(refused).splitlines()))


class ValueTests(ConfiguredTestCase):
    """Values, good and bad."""

    def test_whole_file(self) -> None:
        """A file becomes one value that cannot be changed."""
        configuration = self.read(
            """
            domains = ["A.example.", "bücher.example"]
            listen = ["127.0.0.1:15269"]
            listen_tls = ["127.0.0.1:15270"]
            bind_address = "2001:DB8::1"
            [policy]
            close_on_foreign_sender = true
            [stream]
            idle_seconds = 7
            [stream.after_authentication]
            max_elements = 99
            [connect.race]
            max_addresses = 3
            [queue]
            max_pair_stanzas = 5
            [dns]
            servers = ["192.0.2.53", "[2001:db8::53]", "2001:db8::54", "192.0.2.54:5353", "[2001:db8::55]:5354"]
            rounds = 1
            [components]
            answer_seconds = 4
            """
        )
        self.assertEqual(("a.example", "bücher.example"), configuration.domains)
        self.assertEqual(("127.0.0.1:15269",), configuration.listen)
        self.assertEqual(("127.0.0.1:15270",), configuration.listen_tls)
        self.assertEqual("2001:db8::1", configuration.bind_address)
        self.assertTrue(configuration.limits.stream.close_on_foreign_sender)
        self.assertEqual(7.0, configuration.limits.stream.idle_seconds)
        self.assertEqual(99, configuration.limits.stream.after_authentication.max_elements)
        self.assertEqual(3, configuration.limits.connect.race.max_addresses)
        self.assertEqual(5, configuration.limits.queue.max_pair_stanzas)
        self.assertEqual((1, 4.0), (configuration.dns_limits.rounds, configuration.component_limits.answer_seconds))
        v4, v6, bare, v4_port, v6_port = configuration.dns_servers
        self.assertEqual([("192.0.2.53", 53), ("2001:db8::53", 53), ("2001:db8::54", 53)], [v4, v6, bare])
        self.assertEqual([("192.0.2.54", 5353), ("2001:db8::55", 5354)], [v4_port, v6_port])
        self.assertRaises(FrozenInstanceError, setattr, configuration, "listen", ())

    def test_least_stanza(self) -> None:
        """S20: a limit below 10,000 bytes for one stanza is refused, with the standard that forbids it."""
        for table in ("stream.before_authentication", "stream.after_authentication"):
            said = self.faults(f"{OURS}[{table}]\nmax_element_bytes = 9999")[0]
            self.assertIn("9999 is too small: RFC 6120, section 13.12, demands 10000 at least", said)
            limits = self.read(f"{OURS}[{table}]\nmax_element_bytes = 10000").limits.stream
            self.assertEqual(10_000, getattr(limits, table.partition(".")[2]).max_element_bytes)

    def test_order_of_limits(self) -> None:
        """A limit that another one makes pointless is refused, with both."""
        said = self.fault(f"{OURS}[connect]\nconnect_seconds = 61")
        self.assertIn("connect.connect_seconds: 61.0 is more than connect.total_seconds, which is 60.0", said)
        self.assertEqual(60.0, self.read(f"{OURS}[connect]\nconnect_seconds = 60").limits.connect.connect_seconds)

    def test_no_domain(self) -> None:
        """A server without any domain is refused."""
        self.assertIn("domains: no domain is served here", self.fault(""))

    def test_twice(self) -> None:
        """A domain that is there twice is refused, in whatever spelling."""
        self.assertIn("domains[1]: 'A.EXAMPLE' is there twice", self.fault('domains = ["a.example", "A.EXAMPLE"]'))
        said = self.fault(f'{OURS}[domain]\n"b.example".address = "192.0.2.1"\n"B.example".address = "192.0.2.2"')
        self.assertIn('domain."B.example".address: b.example is there twice, in two spellings', said)

    def test_relative_paths(self) -> None:
        """Paths begin at the directory of the file, unless they begin at the root."""
        configuration = self.read(
            f"""
            {OURS}
            [certificates]
            directories = ["certs", "/etc/letsencrypt"]
            files = [{{ certificate = "a.pem", key = "keys/a.key" }}, "both.pem"]
            """
        )
        self.assertEqual((self.directory / "certs", Path("/etc/letsencrypt")), configuration.certificate_directories)
        pair, both = configuration.certificate_files
        wanted = CertificateFiles(certificate=self.directory / "a.pem", key=self.directory / "keys" / "a.key")
        self.assertEqual(wanted, pair)
        self.assertEqual(both.certificate, both.key)

    def test_pairs_of_files(self) -> None:
        """A certificate without its key, or with something else, is refused."""
        for files, reason in (
            ("[{ certificate = 'a.pem' }]", "certificates.files[0].key: is missing, or no text"),
            ("['a.pem', { certificate = 'a.pem', key = 5 }]", "certificates.files[1].key: is missing, or no text"),
            ("[{ certificate = 'a', key = 'b', password = 'c' }]", "certificates.files[0].password: there is no such"),
            ("[5]", "certificates.files[0]: 5 is a number"),
            ("'a.pem'", "certificates.files: 'a.pem' is text"),
            ("['']", "certificates.files[0]: '' is no path"),
            ('["a\\u0000"]', r"certificates.files[0]: 'a\x00' is no path"),
        ):
            self.assertIn(reason, self.fault(f"{OURS}[certificates]\nfiles = {files}"))

    def test_addresses(self) -> None:
        """What is no address, or no DNS server, is refused."""
        for line, reason in (
            ('bind_address = "localhost"', "bind_address: 'localhost' is no IP address"),
            ('dns.servers = ["ns.example"]', "dns.servers[0]: 'ns.example' is no IP address"),
            ('dns.servers = ["192.0.2.53:0"]', "dns.servers[0]: '192.0.2.53:0': 0 is no port"),
            ('domain."b.example".address = "b.example:70000"', "70000 is no port"),
            ('listen = ["5269", "5269"]', "listen[1]: '5269' is there twice"),
            ('listen = ["localhost:5269"]', "listen[0]: 'localhost:5269' is no place to listen"),
            ("listen = 5269", "listen: 5269 is a number"),
            ('listen_tls = ["5269"]', "listen_tls: '5269' is in listen, too. Remedy: remove it from one of the two"),
            ("listen_tls = 5270", "listen_tls: 5270 is a number"),
            ("policy.close_on_foreign_sender = 1", "policy.close_on_foreign_sender: 1 is a number"),
            (f"bind_address = '{'x' * 200}'", "is no IP address"),
        ):
            self.assertIn(reason, self.fault(f"{OURS}{line}"))

    def test_large_numbers(self) -> None:
        """Numbers go as far as TOML promises; what is larger is refused in a few words, however it is written."""
        largest = (1 << 63) - 1
        self.assertEqual(largest, self.read(f"{OURS}queue.max_total_bytes = {largest}").limits.queue.max_total_bytes)
        for line, reason in (
            (f"queue.max_total_bytes = {largest + 1}", f"{largest + 1} is too large"),
            (f"queue.max_total_bytes = 0x{'f' * 5_000}", "what has thousands of digits is too large"),
            (f"queue.max_total_bytes = -{'9' * 4_000}", "... is too small"),
            (f"stream.idle_seconds = 0x{'f' * 5_000}", "what has thousands of digits is out of range"),
            (f"listen = [0x{'f' * 5_000}]", "what has thousands of digits is a number"),
        ):
            said = self.fault(f"{OURS}{line}")
            self.assertIn(reason, said)
            self.assertLess(len(said), 300)

    def test_shown_in_part(self) -> None:
        """A message shows no more than the beginning of a long value."""
        self.assertLess(len(self.fault(f"{OURS}listen = '{'x' * 10_000}'")), 500)


class PeerTests(ConfiguredTestCase):
    """Where peers are."""

    def test_address(self) -> None:
        """S28: a domain with an address of its own has it, any other that of "*"."""
        overrides = self.read(
            f'{OURS}[domain."B.example"]\naddress = "xmpp.b.example"\n[domain."*"]\naddress = "[2001:db8::1]:15269"'
        ).overrides
        found = overrides.find(DomainName.parse("b.example"))
        self.assertEqual(Target(host="xmpp.b.example", port=5269), found)
        self.assertEqual(Target(host="2001:db8::1", port=15269), overrides.find(DomainName.parse("c.example")))

    def test_direct_tls(self) -> None:
        """S29: an address may say that TLS begins with the connection."""
        overrides = self.read(f'{OURS}[domain."b.example"]\naddress = "xmpps://xmpp.b.example"').overrides
        target = Target(host="xmpp.b.example", port=5270, direct_tls=True)
        self.assertEqual(target, overrides.find(DomainName.parse("b.example")))

    def test_none(self) -> None:
        """Without any, DNS says where peers are."""
        self.assertIsNone(self.made().overrides.find(DomainName.parse("b.example")))

    def test_ours(self) -> None:
        """An address for a domain that is served here is refused."""
        said = self.fault(f'{OURS}[domain."a.example"]\naddress = "192.0.2.1"')
        self.assertIn('domain."a.example".address: a.example is served here, not by a peer', said)


class TrustTests(ConfiguredTestCase):
    """Whose word counts."""

    def test_system(self) -> None:
        """Unless something else is written, the authorities of the system count."""
        self.assertEqual((AUTHORITY.certificate,), self.made().trust_anchors.certificates)

    def test_own(self) -> None:
        """Anchors of one's own take their place."""
        (self.directory / "own").mkdir()
        AUTHORITY.intermediate().write(self.directory / "own" / "ca.pem")
        anchors = self.read(f'{OURS}[trust]\nanchors = "own"').trust_anchors
        self.assertEqual(1, len(anchors))
        self.assertNotIn(AUTHORITY.certificate, anchors.certificates)

    def test_unusable(self) -> None:
        """Anchors that cannot be read are refused with the file."""
        self.assertIn("trust.anchors: own.pem: is missing", self.fault(f'{OURS}[trust]\nanchors = "own.pem"'))
        (self.directory / "own.pem").write_text("nothing")
        self.assertIn("holds no usable certificate", self.fault(f'{OURS}[trust]\nanchors = "own.pem"'))


class SecretTests(ConfiguredTestCase):
    """What components say to be let in."""

    def test_both_ways(self) -> None:
        """A secret stands in the file or in a file of its own; its domain is served without being listed."""
        (self.directory / "gw.secret").write_text("from a file\n")
        configuration = self.read(
            """
            domains = ["GW.a.example", "a.example"]
            [components.secrets]
            "bot.a.example" = " as it is "
            [components.secret_files]
            "gw.a.example" = "gw.secret"
            """
        )
        self.assertEqual(
            {"bot.a.example": " as it is ", "gw.a.example": "from a file"}, configuration.component_secrets
        )
        self.assertEqual(("gw.a.example", "a.example", "bot.a.example"), configuration.domains)

    def test_never_shown(self) -> None:
        """A secret is in no message and in no representation, not even where it stands in the wrong place."""
        self.assertNotIn("sesame", repr(self.read("[components.secrets]\n'a.example' = 'sesame'")))
        for text in (
            "components.secrets = 'sesame'",
            "components.secrets.'a.example' = ['sesame']",
            "components.secrets.'a..example' = 'sesame'",
            "components.secrets.'a.example' = 'sesame'\ncomponents.secrets.'A.example' = 'sesame'",
            "components.secrets.gw.example = 'sesame'",
        ):
            self.assertNotIn("sesame", self.fault(text + f"\n{OURS}" if "\n" in text else f"{OURS}{text}"))

    def test_empty(self) -> None:
        """An empty secret would let anybody in: it is refused, in a file as well."""
        self.assertIn("is empty, so that anybody would be let in", self.fault("components.secrets.'a.example' = ' '"))
        (self.directory / "empty").write_text("\n")
        self.assertIn("empty is empty, so that", self.fault("components.secret_files.'a.example' = 'empty'"))

    def test_files(self) -> None:
        """A file of a secret that is missing, no text or too large is refused; one at the limit is taken."""
        (self.directory / "binary").write_bytes(b"\xff")
        (self.directory / "large").write_text("x" * (MAX_SECRET_BYTES + 1))
        (self.directory / "good").write_text("x" * MAX_SECRET_BYTES)
        for name, reason in (
            ("missing", "missing cannot be read: No such file or directory"),
            ("binary", "binary is not text in UTF-8"),
            ("large", "large is larger than 4096 bytes"),
        ):
            self.assertIn(reason, self.fault(f"components.secret_files.'a.example' = '{name}'"))
        self.assertTrue(self.read("components.secret_files.'a.example' = 'good'").component_secrets)

    def test_twice(self) -> None:
        """A secret and a file with one are a fault: which would count?"""
        (self.directory / "file").write_text("x")
        said = self.fault("components.secrets.'a.example' = 'y'\ncomponents.secret_files.'a.example' = 'file'")
        self.assertIn('components.secrets."a.example": there is a secret file, too', said)


class CodeTests(ConfiguredTestCase):
    """Options from code."""

    def test_options(self) -> None:
        """Code gives the same options in tables, and gets the same refusals."""
        configuration = make_configuration({"domains": ["a.example"], "stream": {"idle_seconds": 5}})
        self.assertEqual(5.0, configuration.limits.stream.idle_seconds)
        refused = self.assertRaises(ConfigurationRefused, make_configuration, {"stream": {"idle_seconds": "5"}})
        self.assertIn("configuration: stream.idle_seconds: '5' is text. Remedy: write a number", str(refused))
