"""What the README and the operators' page quote is what files and code say."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
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


@cache
def templates() -> tuple[re.Pattern[str], ...]:
    """Every text in the package as an expression, with anything in the place of what is filled in."""
    long_enough = (text for text in set(texts()) if len(text.replace(".*", "")) >= LEAST_TEMPLATE_CHARACTERS)
    return tuple(map(re.compile, long_enough))


def texts() -> Iterator[str]:
    """The same, each as often as it is there."""
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


def fits(template: re.Pattern[str], quotation: str) -> bool:
    """Whether a text is what a quotation shows the beginning of, or a piece of it."""
    return re.escape(quotation) in template.pattern or template.match(f"{quotation} x: x; x") is not None


def is_there(name: str) -> bool:
    """Whether a module has a dotted name, or something in one, fields that a class sets in itself included."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        owner, _, field = name.rpartition(".")
        found = pkgutil.resolve_name(owner)
        return isinstance(found, type) and re.search(rf"self\.{field}\b", inspect.getsource(found)) is not None
    return True


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
        known = [*templates(), re.compile(fixed(Refused()))]
        quoted = quotations(OPERATIONS.read_text(encoding="utf-8"))
        self.assertEqual([], [line for line in quoted if not any(fits(template, line) for template in known)])
        self.assertGreaterEqual(len(quoted), 30)

    def test_measure(self) -> None:
        """A quotation of what no code says is found out."""
        self.assertFalse(any(fits(template, "accepted everybody on stream 7") for template in templates()))


class NamesTests(SynchronousTestCase):
    """What of our code pages mention."""

    ROOMS: Final = "|".join(found.name for found in pkgutil.iter_modules(muxs2s.__path__) if found.ispkg)

    def test_roles(self) -> None:
        """Whatever a page refers to in the package is there."""
        role = re.compile(r":(?:mod|class|func|meth|exc|data|attr):`(?:[^`<]*<)?[~!]?(muxs2s(?:\.\w+)+)>?`")
        pages = (TOP / "doc").rglob("*.rst")
        named = {(page.name, name) for page in pages for name in role.findall(page.read_text(encoding="utf-8"))}
        self.assertEqual([], sorted(each for each in named if not is_there(each[1])))
        self.assertGreaterEqual(len(named), 60)

    def test_rooms(self) -> None:
        """So are the modules that notes on the design call by their rooms."""
        literal = re.compile(rf"``((?:{self.ROOMS})(?:\.\w+)+)``")
        notes = (TOP / "doc" / "design").glob("*.rst")
        named = {(note.name, name) for note in notes for name in literal.findall(note.read_text(encoding="utf-8"))}
        named -= {("probe.rst", "probe.invalid")}
        self.assertEqual([], sorted(each for each in named if not is_there(f"muxs2s.{each[1]}")))
        self.assertGreaterEqual(len(named), 15)

    def test_floors(self) -> None:
        """The page on the architecture has every room."""
        page = (TOP / "doc" / "architecture.rst").read_text(encoding="utf-8")
        self.assertEqual([], [room for room in self.ROOMS.split("|") if f"``{room}``" not in page])

    def test_measure(self) -> None:
        """A name that nobody has is found out, be it of a module or in one."""
        self.assertEqual([True, False, False], [is_there(f"muxs2s.{name}") for name in ("wire", "wired", "wire.x")])
