"""
Imports point one way: down.

Judges what each module of the package imports by itself, read from its source; what Twisted
imports in turn is Twisted's affair.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import muxs2s

PACKAGE = Path(muxs2s.__file__).parent

FLOORS = {
    "wire": 1,
    "proof": 2,
    "multiplex": 3,
    "stream": 4,
    "network": 5,
    "hosts": 5,
    "service": 6,
    "server": 7,
    "testing": 7,
    "tap": 8,
    "check": 8,
    "probe": 8,
    "demo": 8,
    "conformance": 8,
    "commands": 9,
}
"""
Rooms and top-level modules by floor: a module imports from its own room and from lower floors.

``network`` and ``hosts`` share a floor; which of them may import the other is :data:`NEIGHBOURS`.
"""

NEIGHBOURS = {("hosts", "network"), ("probe", "check")}
"""
A host hands stanzas to what moves bytes, and a probe has our own certificate checked, never the reverse: one
direction, so no cycle.
"""

PURE = ("wire", "proof", "multiplex", "stream")

TREE = "twisted.words.xish"
"""Domish as a plain tree: all of Twisted that the pure floors see."""

THIRD_PARTY = {
    "wire": ("idna", TREE),
    "proof": ("idna", TREE, "cryptography", "service_identity", "dns"),
    "multiplex": ("idna", TREE, "cryptography"),
    "stream": ("idna", TREE, "cryptography"),
}

NETWORK = {"asyncio", "http", "select", "selectors", "socket", "socketserver", "ssl", "urllib"}
SYSTEM = {"logging", "multiprocessing", "os", "pathlib", "shutil", "signal", "subprocess", "tempfile", "threading"}
CHANCE_AND_TIME = {"random", "secrets", "time"}

WORLDLY = NETWORK | SYSTEM | CHANCE_AND_TIME
"""What of the standard library a pure floor does without; it is handed entropy and the time."""

REACTORS = {"tap", "commands"}
"""Where the global reactor may be imported; every other module is handed one."""

LOGGERS = {"network", "hosts", "service", "server", "tap", "commands", "demo"}

WOKKEL = {"hosts.wokkel"}
"""The only module that knows wokkel, which has no types."""


def modules(package: Path = PACKAGE) -> Iterator[tuple[str, ast.Module]]:
    """Every module of the package by its dotted name below it, ``''`` for the package itself."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    """The dotted names a module imports anywhere in it: modules, and what is taken from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def within(name: str, *packages: str) -> bool:
    """Tell whether ``name`` is one of the packages or lies in one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def room(module: str) -> str:
    """The room or top-level module that a name below the package belongs to."""
    return module.partition(".")[0]


def complaints(module: str, tree: ast.Module) -> Iterator[str]:
    """Whatever a module imports against the rules."""
    for name in imports(tree):
        if not all(rule(room(module), module, name) for rule in RULES):
            yield f"muxs2s.{module} imports {name}"


def points_down(here: str, _module: str, name: str) -> bool:
    """From the package: the own room, lower floors, and the neighbour allowed; the root only re-exports."""
    if name.startswith("."):
        return False
    if not within(name, "muxs2s") or not here:
        return True
    there = room(name.removeprefix("muxs2s").removeprefix("."))
    return there == here or (here, there) in NEIGHBOURS or FLOORS.get(there, sys.maxsize) < FLOORS[here]


def pure(here: str, _module: str, name: str) -> bool:
    """On a pure floor: of the standard library what knows no world, of others what the table names."""
    if here not in PURE or within(name, "muxs2s"):
        return True
    top = room(name)
    return within(name, *THIRD_PARTY[here]) or (top in sys.stdlib_module_names and top not in WORLDLY)


def reactor_handed_in(here: str, _module: str, name: str) -> bool:
    """The global reactor belongs to the commands."""
    return here in REACTORS or not within(name, "twisted.internet.reactor")


def wokkel_confined(_here: str, module: str, name: str) -> bool:
    """One module knows wokkel."""
    return module in WOKKEL or not within(name, "wokkel")


def logs_above(here: str, _module: str, name: str) -> bool:
    """Log lines come from where things move; and never through the standard library or the old log."""
    if within(name, "twisted.logger"):
        return here in LOGGERS
    return not within(name, "logging", "twisted.python.log")


RULES = (points_down, pure, reactor_handed_in, wokkel_confined, logs_above)


class LayerTests(SynchronousTestCase):
    """The package as it stands."""

    def test_imports_point_down(self) -> None:
        """No module imports from a higher floor, and the pure floors import nothing that does input or output."""
        self.assertEqual([], [complaint for module, tree in modules() for complaint in complaints(module, tree)])

    def test_every_room_has_a_floor(self) -> None:
        """A new room or top-level module is given its floor before it is built in."""
        self.assertEqual(set(), {room(module) for module, _ in modules()} - set(FLOORS) - {""})

    def test_no_cycles(self) -> None:
        """No two modules need each other, not even by way of others."""
        known = {module for module, _ in modules()}
        needs = {module: set(self.needed(tree, known)) - {module} for module, tree in modules() if module}
        while free := {module for module, others in needs.items() if not others & needs.keys()}:
            needs = {module: others for module, others in needs.items() if module not in free}
        self.assertEqual({}, needs)

    @staticmethod
    def needed(tree: ast.Module, known: set[str]) -> Iterator[str]:
        """The modules of the package a module imports, be it themselves or a name of theirs."""
        for name in imports(tree):
            below = name.removeprefix("muxs2s.")
            if below != name:
                yield below if below in known else below.rpartition(".")[0]


class RuleTests(SynchronousTestCase):
    """The rules themselves: each must object to what it is there for."""

    def refused(self, module: str, source: str) -> bool:
        """Tell whether a module of that name and source meets an objection."""
        return bool(list(complaints(module, ast.parse(source))))

    def test_upwards(self) -> None:
        """An import from a higher floor, or from the package's root, is refused; one from a lower floor is not."""
        self.assertTrue(self.refused("proof.pkix", "from muxs2s.stream.machine import StreamMachine"))
        self.assertTrue(self.refused("wire.names", "import muxs2s"))
        self.assertTrue(self.refused("wire.names", "from . import errors"))
        self.assertFalse(self.refused("proof.pkix", "from muxs2s.wire.names import DomainName"))
        self.assertFalse(self.refused("", "from muxs2s.service.s2s import S2SService"))

    def test_neighbours(self) -> None:
        """Hosts may use the network; the network knows no host."""
        self.assertTrue(self.refused("network.protocol", "from muxs2s.hosts.seam import Host"))
        self.assertFalse(self.refused("hosts.components", "from muxs2s.network.listening import listen"))

    def test_input_and_output(self) -> None:
        """Sockets, clocks, files, loggers and most of Twisted are refused on the pure floors, inside a function too."""
        for source in (
            "import socket",
            "import time",
            "from pathlib import Path",
            "from logging import getLogger",
            "from twisted.internet.defer import Deferred",
            "from twisted.logger import Logger",
            "def late():\n    import asyncio",
            "import lxml.etree",
        ):
            self.assertTrue(self.refused("stream.machine", source), source)
        self.assertFalse(self.refused("wire.framing", "from xml.parsers import expat"))
        self.assertFalse(self.refused("wire.stanza", "from twisted.words.xish.domish import Element"))

    def test_proof_alone_reads_certificates(self) -> None:
        """Certificates and DNS records are read on the floor of proofs, not on the wire."""
        self.assertTrue(self.refused("wire.names", "from cryptography import x509"))
        self.assertTrue(self.refused("stream.machine", "import dns.rdata"))
        self.assertFalse(self.refused("proof.identity", "from cryptography import x509"))

    def test_global_reactor(self) -> None:
        """The global reactor is refused outside the commands, in either spelling."""
        for source in ("from twisted.internet import reactor", "import twisted.internet.reactor"):
            self.assertTrue(self.refused("service.s2s", source))
            self.assertFalse(self.refused("tap", source))

    def test_wokkel(self) -> None:
        """Only the seam to wokkel imports wokkel."""
        self.assertTrue(self.refused("service.s2s", "from wokkel.component import Router"))
        self.assertFalse(self.refused("hosts.wokkel", "from wokkel.component import Router"))

    def test_old_log(self) -> None:
        """The standard library's logging and Twisted's old log are refused everywhere."""
        self.assertTrue(self.refused("service.s2s", "from twisted.python import log"))
        self.assertFalse(self.refused("service.s2s", "from twisted.logger import Logger"))
