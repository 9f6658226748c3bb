"""The table of options, and what the documentation makes of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.hosts.componentstream import ComponentLimits
from muxs2s.network.resolver import ResolverLimits
from muxs2s.server.config import COMPONENT_FEATURE_ELEMENTS
from muxs2s.server.kinds import Kind, ValueRefused
from muxs2s.server.limits import AT_MOST
from muxs2s.server.option import Option
from muxs2s.server.options import OPTIONS
from muxs2s.service.s2s import ServiceLimits
from tests.server.configured import ConfiguredTestCase
from tests.server.make_options import EXAMPLE, PAGE, example, in_toml, name_for_readers, page

HERE = Path()

UNITS = {"bytes": ("_bytes", "_octets"), "seconds": ("_seconds",)}


def measured() -> Iterator[tuple[Option[Any], float, float | None]]:
    """The options that count or measure, with the least and the most their description allows."""
    for option in OPTIONS.values():
        found = re.search(r"(?:at least|from) ([0-9.]+)(?: to ([0-9]+))?$", option.kind.wants)
        if found:
            number = float if "." in in_toml(option.default) else int
            yield option, number(found[1]), number(found[2]) if found[2] else None


class TableTests(SynchronousTestCase):
    """The options as they stand."""

    def accepts(self, kind: Kind[Any], value: object) -> bool:
        """Tell whether a value is taken."""
        try:
            return bool(kind.read(value, HERE) == value)
        except ValueRefused:
            return False

    def test_ranges(self) -> None:
        """Every number may be as low and as high as its description says, and not one step beyond."""
        for option, least, most in measured():
            step = 1 if isinstance(least, int) else 0.0001
            self.assertTrue(self.accepts(option.kind, least), option.name)
            self.assertFalse(self.accepts(option.kind, least - step), option.name)
            if most is not None:
                self.assertTrue(self.accepts(option.kind, most), option.name)
                self.assertFalse(self.accepts(option.kind, most + step), option.name)

    def test_numbers_have_ranges(self) -> None:
        """Whatever has a unit has a range, and a default in it."""
        ranged = {option.name: (least, most) for option, least, most in measured()}
        self.assertEqual({name for name, option in OPTIONS.items() if option.kind.unit}, set(ranged))
        for name in ranged:
            self.assertTrue(self.accepts(OPTIONS[name].kind, OPTIONS[name].default), name)

    def test_units_in_names(self) -> None:
        """The name of a time or a size says its unit."""
        for option in OPTIONS.values():
            if option.kind.unit in UNITS:
                self.assertTrue(option.name.endswith(UNITS[option.kind.unit]), option.name)

    def test_wrong_kind(self) -> None:
        """A value of the wrong kind is refused by every option, with what to write instead."""
        for option in OPTIONS.values():
            refused = self.assertRaises(ValueRefused, option.kind.read, datetime(2026, 1, 1, tzinfo=UTC), HERE)
            self.assertIn("a date or time", str(refused))
            self.assertEqual(f"write {option.kind.wants}", refused.remedy)

    def test_numbers_only(self) -> None:
        """A switch is no number, a fraction no count, and what is not finite no time."""
        seconds, stanzas = OPTIONS["queue.max_age_seconds"].kind, OPTIONS["queue.max_pair_stanzas"].kind
        for kind, value in ((seconds, True), (stanzas, True), (stanzas, 1.5), (seconds, "60"), (stanzas, "60")):
            self.assertRaises(ValueRefused, kind.read, value, HERE)
        for value in (float("nan"), float("inf")):
            self.assertRaises(ValueRefused, seconds.read, value, HERE)
        self.assertEqual(60.0, seconds.read(60, HERE))

    def test_pairs_exist(self) -> None:
        """Options that are compared exist and have the same unit."""
        for smaller, larger in AT_MOST:
            self.assertEqual(OPTIONS[smaller].kind.unit, OPTIONS[larger].kind.unit)


class DefaultTests(ConfiguredTestCase):
    """What holds if nothing is written."""

    def test_limits(self) -> None:
        """Every limit of the service has an option, and the option has the default of the service."""
        configuration = self.made()
        self.assertEqual(ServiceLimits(), configuration.limits)
        self.assertEqual(ResolverLimits(), configuration.dns_limits)

    def test_component_limits(self) -> None:
        """Those of components, too; but that they list no features."""
        limits = self.made().component_limits
        standard = ComponentLimits()
        self.assertEqual(
            replace(
                standard,
                before_handshake=replace(standard.before_handshake, max_feature_elements=COMPONENT_FEATURE_ELEMENTS),
                after_handshake=replace(standard.after_handshake, max_feature_elements=COMPONENT_FEATURE_ELEMENTS),
            ),
            limits,
        )

    def test_example_shows_them(self) -> None:
        """The example with every option, with all of them in force, says the same as one without any."""
        everything = re.sub(r"^#(?! )", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (self.directory / "secrets").mkdir()
        (self.directory / "secrets" / "bot").write_text("sesame")
        written = self.read(everything)
        self.assertEqual(self.made().fixed, written.fixed)
        self.assertEqual({"gateway.a.example": "change me", "bot.a.example": "sesame"}, written.component_secrets)
        named = tomllib.loads(everything)
        self.assertEqual("xmpp.b.example:5269", named["domain"]["b.example"]["address"])


class DocumentationTests(SynchronousTestCase):
    """The page for operators and the example, both written from the table."""

    def test_page(self) -> None:
        """The page is up to date; if not: python -m tests.server.make_options."""
        self.assertEqual(page(), PAGE.read_text(encoding="utf-8"))

    def test_example(self) -> None:
        """So is the example with every option."""
        self.assertEqual(example(), EXAMPLE.read_text(encoding="utf-8"))

    def test_every_option(self) -> None:
        """The page has every option, and with each its default, its unit and when a change counts."""
        entries = dict(re.findall(r"^``([^`]+)``\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
        self.assertEqual({name_for_readers(option) for option in OPTIONS.values()}, set(entries))
        for option in OPTIONS.values():
            entry = " ".join(entries[name_for_readers(option)].split())
            default = "No default." if option.per_domain else f"Default: ``{in_toml(option.default)}`` "
            self.assertIn(f"{default}{option.kind.unit}".strip(), entry)
            self.assertTrue(entry.endswith("Changes on SIGHUP." if option.live else "Restart to change."), entry)
