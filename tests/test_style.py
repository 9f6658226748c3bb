"""The rules of the house that a program can check: sizes, docstrings, names, waiting."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.plugins import muxs2s_plugin
from twisted.trial.unittest import SynchronousTestCase

import muxs2s

PACKAGE = Path(muxs2s.__file__).parent
TESTS = Path(__file__).parent
BENCH = TESTS.parent / "bench"

MAX_MODULE_LINES = 400
MAX_MEDIAN_FUNCTION_LINES = 12
MAX_TENTH_FUNCTION_LINES = 35
"""Nine of ten functions are no longer than this."""

MAX_MEDIAN_TEST_LINES = 15
MAX_PLUGIN_LINES = 15

SAYS_NOTHING = {"handler", "manager", "processor", "engine", "helper", "util"}
"""Words that tell no more than that something is done."""

OTHER_TERMS = {"this_host", "other_host", "local_domain", "remote_domain", "originating_server"}
"""Names for what the glossary calls sender domain, target domain and initiating server."""

MEASURES = {"time.perf_counter", "time.process_time", "time.gmtime", "time.strftime"}
"""What reports and logs may take from the clock: how long something took, and how a time is written."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | Function


class Source:
    """One module of ours: where it is, its text, its tree."""

    def __init__(self, path: Path, root: Path) -> None:
        self.name = path.relative_to(root.parent).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def tests(self) -> Iterator[Function]:
        """Every test method."""
        return (function for function in self.functions() if function.name.startswith("test_"))

    def at(self, node: ast.stmt | ast.expr | ast.arg) -> str:
        """Where a node stands, as editors jump to it."""
        return f"{self.name}:{node.lineno}"


def sources(root: Path) -> list[Source]:
    """Every module below a directory."""
    return [Source(path, root) for path in sorted(root.rglob("*.py"))]


def lines_of(function: Function) -> int:
    """How many lines a function takes, docstring and blank lines included."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def is_public(name: str) -> bool:
    """Tell whether a name is offered to others."""
    return not name.startswith("_")


def public_names(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Documented]]:
    """Public classes, functions and methods, by qualified name."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and is_public(node.name):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_names(node, f"{prefix}{node.name}.")


def exported(tree: ast.Module) -> list[str] | None:
    """The value of ``__all__``, or ``None`` where there is none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def coined(tree: ast.Module) -> Iterator[tuple[str, ast.stmt | ast.expr | ast.arg]]:
    """Every name that a module makes up: classes, functions, arguments, variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | Function):
            yield node.name, node
        elif isinstance(node, ast.arg):
            yield node.arg, node
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node


def words(name: str) -> set[str]:
    """The words of a name in either case style, without the s of a plural."""
    return {word.lower().removesuffix("s") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Every comment with its line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def unexplained(comment: str) -> bool:
    """Tell whether a comment switches off a check without naming code and reason."""
    mark = re.search(r"(type: ignore|noqa|pragma: no (?:cover|branch))(.*)", comment)
    if mark is None:
        return False
    code = {"type: ignore": r"\[[a-z, -]+\]", "noqa": r": [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*"}.get(mark[1], "")
    return re.fullmatch(code + r"\W+\w.*", mark[2]) is None


def is_value(decorator: ast.expr) -> bool:
    """Tell whether a dataclass decorator asks for frozen instances with slots, built by keyword."""
    given = {keyword.arg for keyword in getattr(decorator, "keywords", ()) if ast.unparse(keyword.value) == "True"}
    return {"frozen", "slots", "kw_only"} <= given


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call by the dotted name it is written with."""
    return ((ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call))


class PackageTests(SynchronousTestCase):
    """The package as it stands, and the benchmark beside it."""

    package = sources(PACKAGE) + sources(BENCH)

    def test_module_size(self) -> None:
        """A module past 400 lines asks for a second one."""
        long = [source.name for source in self.package if len(source.text.splitlines()) > MAX_MODULE_LINES]
        self.assertEqual([], long)

    def test_function_size(self) -> None:
        """Half of all functions have at most 12 lines, nine of ten at most 35."""
        sizes = [lines_of(function) for source in self.package for function in source.functions()]
        self.assertLessEqual(median(sizes), MAX_MEDIAN_FUNCTION_LINES)
        self.assertLessEqual(quantiles(sizes, n=10)[-1], MAX_TENTH_FUNCTION_LINES)

    def test_docstrings(self) -> None:
        """Every module and every public class, function and method says what it is for."""
        silent = [source.name for source in self.package if not ast.get_docstring(source.tree)]
        silent += [
            f"{source.name}: {name}"
            for source in self.package
            for name, node in public_names(source.tree)
            if not ast.get_docstring(node)
        ]
        self.assertEqual([], silent)

    def test_exports(self) -> None:
        """Every module with more than a docstring lists what it offers, and offers no more."""
        astray = []
        for source in self.package:
            listed = exported(source.tree)
            if listed is None and len(source.tree.body) > 1:
                astray.append(f"{source.name} has no __all__")
            defined = {name for name, _ in public_names(source.tree) if "." not in name}
            if not source.name.endswith("/__init__.py"):
                astray += [f"{source.name}: {name}" for name in sorted(defined - set(listed or []))]
        self.assertEqual([], astray)

    def test_packages_only_re_export(self) -> None:
        """An ``__init__.py`` holds imports and ``__all__``, no code of its own; the commands' entry point excepted."""
        allowed = ast.Expr | ast.Import | ast.ImportFrom | ast.Assign
        coded = [
            source.at(node)
            for source in self.package
            if source.name.endswith("/__init__.py") and source.name != "muxs2s/commands/__init__.py"
            for node in source.tree.body
            if not isinstance(node, allowed)
        ]
        self.assertEqual([], coded)

    def test_values_are_frozen(self) -> None:
        """A public dataclass is a value: frozen, with slots, built by keyword."""
        loose = [
            source.at(node)
            for source in self.package
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ClassDef) and is_public(node.name)
            for decorator in node.decorator_list
            if ast.unparse(decorator).startswith("dataclass") and not is_value(decorator)
        ]
        self.assertEqual([], loose)

    def test_time_is_handed_in(self) -> None:
        """No module asks the system for the time; the reactor is asked, or the caller says. A benchmark may."""
        clocks = r"time\.\w+|(datetime\.)?(datetime|date)\.(now|utcnow|today)"
        asked = [
            source.at(call)
            for source in self.package
            if not source.name.startswith("bench/")
            for name, call in calls(source.tree)
            if re.fullmatch(clocks, name) and name not in MEASURES
        ]
        self.assertEqual([], asked)

    def test_coroutines_throughout(self) -> None:
        """What waits is written with ``async`` and ``await``, not as a generator."""
        old = [source.name for source in self.package if "inlineCallbacks" in source.text]
        self.assertEqual([], old)

    def test_plugin(self) -> None:
        """The plugin only points to the server, and twistd finds it."""
        lines = Path(muxs2s_plugin.__file__).read_text(encoding="utf-8").splitlines()
        self.assertLessEqual(len(lines), MAX_PLUGIN_LINES)
        imported = [line for line in lines if "import" in line]
        self.assertEqual(["from twisted.application.service import ServiceMaker"], imported)
        self.assertIn("muxs2s", [maker.tapname for maker in getPlugins(IServiceMaker)])


class TestTests(SynchronousTestCase):
    """The tests as they stand."""

    tests = sources(TESTS)

    def test_docstrings(self) -> None:
        """Every module of tests and every test says in a sentence what holds."""
        silent = [source.name for source in self.tests if not ast.get_docstring(source.tree)]
        silent += [source.at(test) for source in self.tests for test in source.tests() if not ast.get_docstring(test)]
        self.assertEqual([], silent)

    def test_size(self) -> None:
        """Half of all tests have at most 15 lines."""
        sizes = [lines_of(test) for source in self.tests for test in source.tests()]
        self.assertLessEqual(median(sizes), MAX_MEDIAN_TEST_LINES)

    def test_nothing_sleeps(self) -> None:
        """A unit test moves its clock on; it does not wait for the real one."""
        waits = [
            source.at(call)
            for source in self.tests
            if not source.name.startswith(("tests/interop/", "tests/soak/"))
            for name, call in calls(source.tree)
            if name.endswith("sleep")
        ]
        self.assertEqual([], waits)

    def test_nothing_is_skipped(self) -> None:
        """A unit test runs everywhere; only one against a real server may find it missing."""
        skipping = r"(^|\W)(skip|todo) = |@(unittest\.)?(skip|expectedFailure)|SkipTest\("
        skips = [
            source.name
            for source in self.tests
            if not source.name.startswith("tests/interop/") and source.name != "tests/test_style.py"
            if re.search(skipping, source.text)
        ]
        self.assertEqual([], skips)


class NamingTests(SynchronousTestCase):
    """Package, benchmark and tests alike."""

    everything = sources(PACKAGE) + sources(BENCH) + sources(TESTS)

    def test_names_say_something(self) -> None:
        """No name is made of words such as handler, manager or helper, which fit everything."""
        vague = [
            f"{source.at(node)}: {name}"
            for source in self.everything
            for name, node in coined(source.tree)
            if words(name) & SAYS_NOTHING or name.strip("_").lower() in OTHER_TERMS
        ]
        self.assertEqual([], vague)

    def test_exceptions_to_checks_are_explained(self) -> None:
        """Whoever switches off a linter, a type check or coverage for a line names the code and the reason."""
        bare = [
            f"{source.name}:{line}: {comment}"
            for source in self.everything
            for line, comment in comments(source.text)
            if unexplained(comment)
        ]
        self.assertEqual([], bare)


class MeasureTests(SynchronousTestCase):
    """The measures themselves: each must see what it is there for."""

    def test_words(self) -> None:
        """Both case styles fall into their words."""
        self.assertEqual({"stanza", "handler"}, words("StanzaHandler"))
        self.assertEqual({"tl", "manager"}, words("_tls_managers"))
        self.assertEqual({"tl", "engine"}, words("TLSEngine"))

    def test_unexplained(self) -> None:
        """A mark without its code or without a reason is seen; one with both is not."""
        for comment in ("# noqa", "# noqa: S311", "# type: ignore", "# type: ignore[misc]", "# pragma: no cover"):
            self.assertTrue(unexplained(comment), comment)
        for comment in (
            "# noqa: S311 - jitter, no secret",
            "# type: ignore[misc]  # zope has no types",
            "# pragma: no cover - depends on the version of expat",
            "# an ordinary remark",
        ):
            self.assertFalse(unexplained(comment), comment)

    def test_is_value(self) -> None:
        """All three properties are needed; more do no harm."""
        for text, is_one in (
            ("dataclass", False),
            ("dataclass(frozen=True, slots=True)", False),
            ("dataclass(frozen=True, slots=True, kw_only=True, eq=False)", True),
        ):
            self.assertIs(is_one, is_value(ast.parse(text, mode="eval").body), text)

    def test_public_names(self) -> None:
        """Methods of public classes count as public names; what begins with an underscore does not."""
        tree = ast.parse("class A:\n def b(self): ...\n def _c(self): ...\ndef _d(): ...\ndef e(): ...")
        self.assertEqual(["A", "A.b", "e"], [name for name, _ in public_names(tree)])
