"""The tables of limits in ``doc/security.rst`` are complete and true."""

from __future__ import annotations

import ast
import csv
import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from twisted.internet.protocol import ServerFactory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

import muxs2s
from muxs2s.hosts import ComponentLimits
from muxs2s.multiplex.elements import PeerLimits
from muxs2s.network.reactors import INetworkReactor
from muxs2s.server.endpoints import MAX_WAITING_CONNECTIONS, ListenEndpoint
from muxs2s.stream.announced import AnnouncedLimits
from muxs2s.stream.limits import StreamLimits
from muxs2s.wire.limits import AFTER_AUTHENTICATION, BEFORE_AUTHENTICATION, FramingLimits

TESTS: Final = Path(__file__).resolve().parent
PAGE: Final = TESTS.parent / "doc" / "security.rst"

TABLES: Final = {
    "AcceptLimits": "accept.",
    "AuthenticatorLimits": "authenticators.",
    "BackoffLimits": "backoff.",
    "ComponentLimits": "components.",
    "ConnectLimits": "connect.",
    "DialLimits": "connect.dial.",
    "FramingLimits": "",
    "MultiplexLimits": "multiplex.",
    "PresentationLimits": "multiplex.",
    "QueueLimits": "queue.",
    "RaceLimits": "connect.race.",
    "ResolverLimits": "dns.",
    "ServiceLimits": "",
    "StreamLimits": "stream.",
}
"""Every dataclass of limits, and what stands before its fields in the configuration and on the page."""

NOT_OURS: Final[set[type[Any]]] = {AnnouncedLimits, PeerLimits}
"""Limits that peers tell."""

ROOMS: Final = ("wire", "proof", "multiplex", "stream", "network", "hosts", "service", "server")
"""Where a constant is a limit of the server; those of commands, doubles and the demonstration are not."""

UNITS: Final = frozenset(
    {
        *("addresses", "aliases", "answers", "attempts", "back-offs", "bits", "bytes", "certificates", "characters"),
        *(
            "connections",
            "connections per second",
            "contexts",
            "domains",
            "exchanges",
            "elements",
            "hosts",
            "ids",
            "keys",
            "levels",
            "lines",
            "names",
            "numbers",
            "pairs",
            "parsers",
            "proofs",
            "proofs per second",
            "questions",
            "redirects",
            "times",
            "records",
            "rounds",
        ),
        *("seconds", "servers", "signatures", "signatures per second", "stanzas", "steps", "switch"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One limit, as the page has it."""

    limit: str
    unit: str
    default: str
    past: str
    tests: tuple[str, ...]
    """Each a module below ``tests``, a class and a method."""


def rows() -> list[Row]:
    """Every row of every table with five columns on the page."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = next(csv.reader([line.strip()], skipinitialspace=True)) if line.startswith('   "``') else []
        if cells:
            limit, unit, default, past, tests = cells
            named = tuple(test.strip() for test in tests.split(";"))
            found.append(Row(limit=limit.strip("`"), unit=unit, default=default, past=past, tests=named))
    return found


def modules() -> Iterator[Any]:
    """Every module of the server."""
    for room in ROOMS:
        package = importlib.import_module(f"muxs2s.{room}")
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"muxs2s.{room}."):
            yield importlib.import_module(found.name)


def limit_classes() -> dict[str, Any]:
    """Every dataclass of limits of ours by its name."""
    return {
        name: value
        for module in modules()
        for name, value in vars(module).items()
        if name.endswith("Limits") and dataclasses.is_dataclass(value) and value not in NOT_OURS
    }


def written(value: float) -> str:
    """A number as the page writes it."""
    return str(value).lower() if isinstance(value, bool) else f"{value:,g}" if value < 1 else f"{value:,.0f}"


def fields() -> Iterator[tuple[str, str]]:
    """Every field that holds no further limits, by its name on the page, with its default."""
    for name, kind in limit_classes().items():
        for field in dataclasses.fields(kind):
            if kind is FramingLimits:
                before, after = (
                    getattr(limits, field.name) for limits in (BEFORE_AUTHENTICATION, AFTER_AUTHENTICATION)
                )
                yield field.name, f"{written(before)} / {written(after)}"
            elif not dataclasses.is_dataclass(getattr(kind(), field.name)):
                yield f"{TABLES[name]}{field.name}", written(getattr(kind(), field.name))


def constants() -> Iterator[tuple[str, str]]:
    """Every constant that is a limit by its name, with its value, from the module that defines it."""
    for module in modules():
        for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                name = node.target.id
                if re.fullmatch(r"(MAX|MIN)_\w+|[A-Z]\w*_SECONDS", name):
                    yield f"{module.__name__.removeprefix('muxs2s.')}.{name}", written(getattr(module, name))


@cache
def known_tests() -> frozenset[str]:
    """Every test there is, as the page names it."""
    found = set[str]()
    for path in TESTS.rglob("test_*.py"):
        module = path.relative_to(TESTS).with_suffix("").as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                methods = (method.name for method in node.body if isinstance(method, ast.FunctionDef))
                found |= {f"{module} {node.name}.{method}" for method in methods if method.startswith("test_")}
    return frozenset(found)


class LimitsTableTests(SynchronousTestCase):
    """Page and code say the same."""

    def setUp(self) -> None:
        self.listed = {row.limit: row for row in rows()}

    def test_nothing_twice(self) -> None:
        """Each limit has one row."""
        self.assertEqual(len(self.listed), len(rows()))

    def test_every_class(self) -> None:
        """A new dataclass of limits is given its place on the page."""
        self.assertEqual(set(TABLES), set(limit_classes()))

    def test_every_limit(self) -> None:
        """Every field of every dataclass of limits, and every constant that is one, is listed with its value."""
        real = {**dict(fields()), **dict(constants())}
        self.assertEqual(real, {limit: row.default for limit, row in self.listed.items()})

    def test_shared_defaults(self) -> None:
        """The two sets of limits of elements hold where the page says they do."""
        stream, component = StreamLimits(), ComponentLimits()
        self.assertEqual(
            (BEFORE_AUTHENTICATION, AFTER_AUTHENTICATION), (stream.before_authentication, stream.after_authentication)
        )
        self.assertEqual(
            (BEFORE_AUTHENTICATION, AFTER_AUTHENTICATION), (component.before_handshake, component.after_handshake)
        )

    def test_complete(self) -> None:
        """Each row says in which unit the limit is, and what happens past it."""
        self.assertEqual([], [row.limit for row in self.listed.values() if row.unit not in UNITS or not row.past])

    def test_units(self) -> None:
        """What is named after a unit is counted in it."""
        for unit in ("seconds", "bytes", "characters", "elements", "stanzas"):
            named = {limit: row.unit for limit, row in self.listed.items() if limit.lower().endswith(f"_{unit}")}
            self.assertEqual({}, {limit: given for limit, given in named.items() if given != unit})

    def test_every_test(self) -> None:
        """Each limit has a test, and the test exists."""
        known = known_tests()
        absent = {row.limit: row.tests for row in self.listed.values() if not known.issuperset(row.tests)}
        self.assertEqual({}, absent)

    def test_waiting_connections(self) -> None:
        """The system is asked to keep 512 connections until they are accepted."""
        reactor = MemoryReactor()
        self.successResultOf(ListenEndpoint(cast(INetworkReactor, reactor), "127.0.0.1:5269").listen(ServerFactory()))
        self.assertEqual(MAX_WAITING_CONNECTIONS, reactor.tcpServers[0][2])

    def test_package(self) -> None:
        """Each room of the package that has limits is looked at."""
        rooms = {found.name for found in pkgutil.iter_modules(muxs2s.__path__) if found.ispkg}
        self.assertEqual(set(), set(ROOMS) - rooms)
        self.assertEqual({"check", "commands", "conformance", "demo", "probe", "testing"}, rooms - set(ROOMS))
