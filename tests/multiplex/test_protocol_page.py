"""``doc/protocol.rst`` says what the code says: its elements fit the schema, its conditions and limits are ours."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.conditions import EnableCondition, MultiplexCondition
from muxs2s.multiplex.elements import MAX_ELEMENT_BYTES
from muxs2s.multiplex.formats import MAX_TEXT_BYTES
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.proof.authenticators import AuthenticatorLimits
from muxs2s.proof.identity import MAX_CERTIFICATE_NAMES
from muxs2s.wire.namespaces import MULTIPLEX
from tests.multiplex.schema import SCHEMA, assert_valid

PAGE: Final = SCHEMA.parent / "protocol.rst"
FIRST_CELL: Final = re.compile(r"^   \* - (.+)$", re.MULTILINE)


def section(title: str) -> str:
    """What stands under a heading, up to the next one of any kind."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^{title}\n[-~]+\n(.*?)^[^\n]+\n[-~]{{4,}}\n", text, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def first_cells(title: str) -> list[str]:
    """The first column of the tables under a heading, without what heads it."""
    return [cell.strip("`") for cell in FIRST_CELL.findall(section(title))][1:]


class ProtocolPageTests(SynchronousTestCase):
    """Page and code."""

    def test_elements(self) -> None:
        """Every element that the page shows fits the schema."""
        blocks = re.findall(
            r"^\.\. code-block:: xml\n((?:\n|   .*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
        )
        shown = [element for block in blocks for element in etree.fromstring(f"<page>{block}</page>")]
        assert_valid(*map(etree.tostring, shown))
        self.assertEqual(
            ["mux", "enable", "failed", "enabled", "accept"], [etree.QName(element).localname for element in shown]
        )

    def test_namespace(self) -> None:
        """Page and schema are about the namespace that the code uses."""
        self.assertIn(f":Namespace: ``{MULTIPLEX}``\n", PAGE.read_text(encoding="utf-8"))
        self.assertIn(f'ns="{MULTIPLEX}"', SCHEMA.read_text(encoding="utf-8"))

    def test_conditions(self) -> None:
        """The conditions are those of the code, in its order."""
        self.assertEqual([condition.value for condition in MultiplexCondition], first_cells("Conditions"))
        self.assertEqual([condition.value for condition in EnableCondition], first_cells("Enabling"))

    def test_limits(self) -> None:
        """The defaults are those of the code."""
        limits, sizes, page = MultiplexLimits(), AuthenticatorLimits(), section("Limits")
        for value in (
            *(limits.max_domains, limits.max_pending, sizes.max_authenticator_bytes, sizes.max_certificates),
            *(sizes.max_request_bytes, limits.max_failures, limits.max_ignored_elements, MAX_ELEMENT_BYTES),
            MAX_CERTIFICATE_NAMES,
        ):
            self.assertRegex(page, rf"\b{value:,}\b")
        self.assertIn(f"{MAX_TEXT_BYTES:,} octets", section("Formats"))

    def test_waits(self) -> None:
        """The waits are those of the code."""
        limits = MultiplexLimits()
        self.assertEqual(60.0, limits.answer_seconds)
        self.assertEqual(60.0, limits.repeat_seconds)
        self.assertIn("60 seconds", section("Timers"))
        self.assertIn(f"in {limits.failure_seconds / 60:.0f} minutes", section("Limits"))

    def test_retries(self) -> None:
        """When to try again is what the code waits."""
        table = section("Conditions").replace("\n       ", " ")
        for condition in MultiplexCondition:
            found = re.search(rf"\* - ``{condition.value}``\n     - .*\n     - (.*)\n", table)
            assert found is not None, condition
            if condition.retry_seconds in {60.0, 3_600.0} and found[1].startswith("after"):
                wait = "60 seconds" if condition.retry_seconds == 60.0 else "1 hour"
                self.assertIn(wait, found[1])
                self.assertEqual(condition.doubles, "doubling" in found[1])
