"""What the README and the operators' page quote is what files and code say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.trial.unittest import SynchronousTestCase

import muxs2s

TOP: Final = Path(__file__).resolve().parent.parent
README: Final = TOP / "README.rst"
OPERATIONS: Final = TOP / "doc" / "operations.rst"

MAX_README_LINES: Final = 120

LEAST_TEMPLATE_CHARACTERS: Final = 8
"""Of what is fixed in a text of the code; with fewer it would fit anything."""


def code_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and content of every code block."""
    for found in re.finditer(r"^\.\. code-block:: (\w+)\n\n((?:    .*\n|\n)+)", text, re.MULTILINE):
        yield found[1], re.sub("^    ", "", found[2], flags=re.MULTILINE).strip("\n") + "\n"


def quotations(page: str) -> list[str]:
    """What stands in literals in the first column of the tables of a page."""
    cells = re.findall(r"^   \* - (.*?)^     - ", page, re.MULTILINE | re.DOTALL)
    found = [re.sub(r"\s+", " ", literal) for cell in cells for literal in re.findall("``(.*?)``", cell, re.DOTALL)]
    return [literal.removesuffix(" ...") for literal in found]


def templates() -> Iterator[str]:
    """Every text in the package as a regular expression, with anything in the place of what is filled in."""
    for path in Path(muxs2s.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield "".join(fixed(part.value) if isinstance(part, ast.Constant) else ".*" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within:
                yield ".*".join(fixed(part) for part in re.split(r"{\w*}", node.value))


def fixed(text: object) -> str:
    """A part of a text in which nothing is filled in."""
    return re.escape(str(text))


def fits(template: str, quotation: str) -> bool:
    """Whether a text is what a quotation shows the beginning of, or a piece of it."""
    if len(template.replace(".*", "")) < LEAST_TEMPLATE_CHARACTERS:
        return False
    return re.escape(quotation) in template or re.match(template, f"{quotation} x: x; x") is not None


class ReadmeTests(SynchronousTestCase):
    """The first page."""

    text = README.read_text(encoding="utf-8")

    def test_length(self) -> None:
        """It has less than 120 lines, so that it is read."""
        self.assertLess(len(self.text.splitlines()), MAX_README_LINES)

    def test_code(self) -> None:
        """Each block of code is a file of the examples, to the letter, and those are tested."""
        files = {path.read_text(encoding="utf-8"): path.name for path in (TOP / "doc" / "examples").glob("*.*")}
        blocks = dict(code_blocks(self.text))
        self.assertEqual({"python", "toml"}, set(blocks))
        names = [files.get(block, block) for _, block in code_blocks(self.text)]
        self.assertEqual(["wokkel_echo.py", "minimal.toml", "component_echo.py"], names)

    def test_files(self) -> None:
        """The files it names are there."""
        named = re.findall(r"``((?:doc|tests)/[\w./]+)``", self.text)
        self.assertEqual([], [name for name in named if not (TOP / name).exists()])
        self.assertGreaterEqual(len(named), 3)


class OperationsTests(SynchronousTestCase):
    """The page for operators."""

    def test_quotations(self) -> None:
        """The lines of the log and the texts of bounces that it explains are what the code says."""
        known = [*templates(), fixed(Refused())]
        quoted = quotations(OPERATIONS.read_text(encoding="utf-8"))
        self.assertEqual([], [line for line in quoted if not any(fits(template, line) for template in known)])
        self.assertGreaterEqual(len(quoted), 30)

    def test_measure(self) -> None:
        """A quotation of what no code says is found out."""
        self.assertFalse(any(fits(template, "accepted everybody on stream 7") for template in templates()))
