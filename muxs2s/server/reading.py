"""
Options read from tables, and every fault found on the way.

Knows how tables are gone through, which name was probably meant, and which options must agree with
each other. Does not know files, nor what the values are for: see :mod:`muxs2s.server.config`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from muxs2s.server.kinds import ValueRefused, read_domain
from muxs2s.server.limits import AT_MOST
from muxs2s.server.option import ANY, Option
from muxs2s.server.options import (
    COMPONENT_SECRET,
    COMPONENT_SECRET_FILE,
    DIALBACK_SECRET,
    DIALBACK_SECRET_FILE,
    DOMAIN_ADDRESS,
    HOSTED,
    LISTEN,
    LISTEN_TLS,
    OPTIONS,
)
from muxs2s.wire.reasons import readable

__all__ = ["ConfigurationProblem", "OptionValues"]

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationProblem:
    """One fault, and what to do about it."""

    place: str
    """The file."""

    option: str
    """As TOML writes it with dots; empty for the file as a whole."""

    text: str
    remedy: str

    def __str__(self) -> str:
        """One line, whatever the file holds."""
        where = f"{self.place}: {readable(self.option)}" if self.option else self.place
        return f"{where}: {readable(self.text)}. Remedy: {self.remedy}."


class OptionValues:
    """
    The values of all options, from :meth:`read` and, for those not written, the defaults.

    :param place: what problems call the file.
    :param directory: where relative paths begin.
    """

    def __init__(self, place: str, directory: Path) -> None:
        self._place, self._directory = place, directory
        self._single: dict[str, Any] = {}
        self._per_domain: dict[str, dict[str, Any]] = {}
        self._refused: set[str] = set()
        self.problems: list[ConfigurationProblem] = []

    # What was read.

    def __getitem__(self, option: Option[T]) -> T:
        return cast(T, self._single[option.name])

    def each(self, option: Option[T]) -> Mapping[str, T]:
        """The values of an option by domain."""
        return cast(Mapping[str, T], self._per_domain.get(option.name, {}))

    def limits(self, kind: type[T], table: str, **others: object) -> T:
        """
        Make a dataclass of limits out of the options in a table.

        :param others: fields that are not options of that table.
        """
        names = [field.name for field in fields(cast(Any, kind)) if field.name not in others]
        return kind(**{name: self._single[f"{table}.{name}"] for name in names}, **others)

    def fixed(self) -> dict[str, object]:
        """The values of the options that only a new start changes."""
        return {name: value for name, value in self._single.items() if not OPTIONS[name].live}

    # Reading.

    def read(self, document: Mapping[str, object]) -> None:
        """Take everything from a document, give the rest its default, and compare."""
        self._read_table(document, "", "", "")
        for option in OPTIONS.values():
            if not (option.per_domain or option.name in self._single or option.name in self._refused):
                self._take(option, option.default, option.name, "")
        for problem in (*self._disorder(), *self._contradictions()):
            self._object(*problem)

    def _read_table(self, table: Mapping[str, object], name: str, written: str, domain: str) -> None:
        """
        Take a table and all below it.

        :param name: as the options have it.
        :param written: as the file has it.
        :param domain: which it is for.
        """
        for key, value in table.items():
            here = _joined(written, _quoted(key))
            child, found = self._child(name, key, here)
            if child is None:
                continue
            below, whose = _joined(name, child), found or domain
            if below in OPTIONS:
                self._take(OPTIONS[below], value, here, whose)
            elif isinstance(value, dict):
                self._read_table(value, below, here, whose)
            else:
                self._object(here, "is a table of options", f"write [{here}] on a line of its own, and options below")

    def _child(self, name: str, key: str, here: str) -> tuple[str | None, str]:
        """What a key is to the options, ``None`` if it is nothing to them, and which domain it names."""
        children = _CHILDREN[name]
        if ANY not in children:
            if key in children:
                return key, ""
            self._object(here, "there is no such option", _nearest(name, key))
            return None, ""
        if key == ANY and name == "domain":
            return ANY, ANY
        try:
            return ANY, read_domain(key)
        except ValueRefused as refused:
            self._object(here, str(refused), refused.remedy)
            return None, ""

    def _take(self, option: Option[Any], value: object, here: str, domain: str) -> None:
        try:
            taken = option.kind.read(value, self._directory)
        except ValueRefused as refused:
            self._refused.add(option.name)
            self._object(here + refused.at, str(refused), refused.remedy)
            return
        if not option.per_domain:
            self._single[option.name] = taken
            return
        known = self._per_domain.setdefault(option.name, {})
        if domain in known:
            self._object(here, f"{domain} is there twice, in two spellings", "remove one of the two")
        known[domain] = taken

    # Comparing.

    def _disorder(self) -> Iterator[tuple[str, str, str]]:
        for smaller, larger in AT_MOST:
            if self._refused.isdisjoint((smaller, larger)):
                one, other = self._single[smaller], self._single[larger]
                if one > other:
                    yield smaller, f"{one} is more than {larger}, which is {other}", "lower the one or raise the other"

    def _contradictions(self) -> Iterator[tuple[str, str, str]]:
        secrets, files = self.each(COMPONENT_SECRET), self.each(COMPONENT_SECRET_FILE)
        for domain in sorted(secrets.keys() & files.keys()):
            yield f"components.secrets.{_quoted(domain)}", "there is a secret file, too", "remove one of the two"
        if self._single.get(DIALBACK_SECRET.name) and self._single.get(DIALBACK_SECRET_FILE.name):
            yield DIALBACK_SECRET.name, "there is a secret file, too", "remove one of the two"
        for place in self._single.get(LISTEN_TLS.name, ()):
            if place in self._single.get(LISTEN.name, ()):
                yield LISTEN_TLS.name, f"{place!r} is in {LISTEN.name}, too", "remove it from one of the two"
        ours = {*self._single.get(HOSTED.name, ()), *secrets, *files}
        for domain in sorted(ours & self.each(DOMAIN_ADDRESS).keys()):
            yield (
                f"domain.{_quoted(domain)}.address",
                f"{domain} is served here, not by a peer",
                "remove the one or the other",
            )
        if not ours and not self.problems:
            yield HOSTED.name, "no domain is served here", "name one here, or a component with its secret"

    def _object(self, option: str, text: str, remedy: str) -> None:
        self.problems.append(ConfigurationProblem(place=self._place, option=option, text=text, remedy=remedy))


def _children() -> dict[str, dict[str, None]]:
    """What may stand in each table, in the order of the documentation."""
    children: dict[str, dict[str, None]] = {}
    for name in OPTIONS:
        parts = name.split(".")
        for depth, part in enumerate(parts):
            children.setdefault(".".join(parts[:depth]), {})[part] = None
    return children


_CHILDREN: Final = _children()


def _joined(table: str, key: str) -> str:
    return f"{table}.{key}" if table else key


def _quoted(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _nearest(table: str, key: str) -> str:
    """What somebody may have meant who wrote a key that is not in a table."""
    children = _CHILDREN[table]
    close = get_close_matches(key, children, n=1)
    if close:
        return f"write {close[0]}, if that is meant"
    elsewhere = [name for name in OPTIONS if name.rpartition(".")[2] == key]
    if elsewhere:
        return f"move it to where it belongs: {' or '.join(elsewhere)}"
    if ANY in table.split("."):
        return 'put a domain with dots in quotes, as in [domain."b.example"]'
    return f"remove it; options here are {', '.join(children)}"
