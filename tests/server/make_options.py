"""
Writes what the documentation says of the options, from the one table of them.

That is the last part of ``doc/configuration.rst`` and all of ``doc/examples/all-options.toml``. Run it
with ``python -m tests.server.make_options``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import fill, indent, wrap
from typing import Any

from muxs2s.server.option import ANY, Option
from muxs2s.server.options import OPTIONS

DOC = Path(__file__).parent.parent.parent / "doc"
PAGE = DOC / "configuration.rst"
EXAMPLE = DOC / "examples" / "all-options.toml"

MARK = ".. Written by python -m tests.server.make_options from the table of options; do not edit below.\n"

WIDTH = 100

HEAD = """\
# Every option there is, with its default; doc/configuration.rst says more.
# Only a domain has to be named: the server runs on this file as it stands.
"""

TITLES = {
    "": "At the top",
    "domain.*": '``[domain."DOMAIN"]``',
}


def in_toml(value: object) -> str:
    """A default as TOML writes it."""
    return json.dumps(value, ensure_ascii=False)


def table_of(option: Option[Any]) -> str:
    """The table an option stands in, empty for none."""
    return option.name.rpartition(".")[0]


def by_table() -> dict[str, list[Option[Any]]]:
    """The options table by table, each table behind the one it lies in."""
    tables: dict[str, list[Option[Any]]] = {}
    for option in OPTIONS.values():
        tables.setdefault(table_of(option), []).append(option)
    tops = [table.partition(".")[0] for table in tables]
    return dict(sorted(tables.items(), key=lambda item: tops.index(item[0].partition(".")[0])))


def name_for_readers(option: Option[Any]) -> str:
    """The name of an option, with a word where a domain stands."""
    return option.name.replace(ANY, '"DOMAIN"')


def facts(option: Option[Any]) -> str:
    """The default with its unit, what may be written, and when a change counts."""
    default = "No default." if option.per_domain else f"Default: ``{in_toml(option.default)}`` {option.kind.unit}"
    wants = re.sub(r"""\[[^]]*"[^]]*\]|\{[^}]*\}|"[^"]*\"""", r"``\g<0>``", option.kind.wants)
    change = "Changes on SIGHUP" if option.live else "Restart to change"
    return f"{default.rstrip(' .')}. Write {wants}. {change}."


def described(options: Iterable[Option[Any]]) -> Iterator[str]:
    """Options as entries of a definition list in reStructuredText."""
    for option in options:
        yield f"``{name_for_readers(option)}``"
        yield indent(fill(option.text, WIDTH - 4, break_on_hyphens=False), "    ")
        yield ""
        yield indent(fill(facts(option), WIDTH - 4, break_on_hyphens=False, break_long_words=False), "    ")
        yield ""


def reference() -> str:
    """Every option for the page."""
    lines = [MARK]
    for table, options in by_table().items():
        title = TITLES.get(table, f"``[{table.removesuffix(f'.{ANY}')}]``")
        lines += [title, "~" * len(title), "", *described(options)]
    return "\n".join(lines).rstrip() + "\n"


def commented(text: str) -> Iterator[str]:
    """Prose as comments in TOML."""
    for line in wrap(re.sub("``", "", text), WIDTH - 2, break_on_hyphens=False, break_long_words=False):
        yield f"# {line}"


def example() -> str:
    """A file with every option."""
    lines = [HEAD]
    for table, options in by_table().items():
        if table and table != "domain.*":
            lines += [f"[{table}]", ""]
        for option in options:
            note = f" ({option.kind.unit})" if option.kind.unit else ""
            lines += commented(f"{option.text}{note}")
            line = option.example or f"{option.name.rpartition('.')[2]} = {in_toml(option.default)}"
            lines += ['domains = ["a.example"]' if option.name == "domains" else indent(line, "#"), ""]
    return "\n".join(lines).rstrip() + "\n"


def page() -> str:
    """What the page must say now: its prose as it stands, then every option."""
    prose = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return prose + reference()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    EXAMPLE.write_text(example(), encoding="utf-8")
