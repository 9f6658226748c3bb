"""
Checks the names of the news fragments and prints what a release would say today.

It compares with no other branch, so it works in a clone without any.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Name each fragment that towncrier would pass over; 0 if there is none and the draft succeeds."""
    table = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    kinds = [kind["directory"] for kind in table["type"]]
    shape = re.compile(rf"(\d+|\+[\w-]+)\.({'|'.join(kinds)})(\.\d+)?\.rst")
    fragments = [path for path in (CHECKOUT / table["directory"]).iterdir() if path.name != "README.rst"]
    astray = [path.name for path in fragments if not shape.fullmatch(path.name)]
    empty = [path.name for path in fragments if not path.read_text(encoding="utf-8").strip()]
    for name in sorted(astray):
        print(f"newsfragments/{name}: the name must be <issue>.<kind>.rst, kind one of {', '.join(kinds)}")
    for name in sorted(empty):
        print(f"newsfragments/{name}: it says nothing")
    draft = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "next"]
    failed = subprocess.run(draft, cwd=CHECKOUT, check=False).returncode != 0  # noqa: S603 - our own
    return int(bool(astray or empty or failed))


if __name__ == "__main__":
    sys.exit(main())
