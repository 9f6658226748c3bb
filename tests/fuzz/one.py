"""
Fuzzes one target: ``python -m tests.fuzz.one TARGET [OPTION ...] [CORPUS ...]``, options as libFuzzer has them.

Knows atheris, which must see our modules while they are imported. It never returns.
"""

from __future__ import annotations

import shlex
import sys

import atheris

with atheris.instrument_imports(include=["muxs2s", "idna"]):
    from tests.fuzz.targets import try_one

if __name__ == "__main__":
    _, name, *options = sys.argv
    again = f"{shlex.quote(sys.executable)} -m {__spec__.name} {name}"
    """How libFuzzer begins further processes, when it compares inputs."""
    atheris.Setup([again, *options], lambda data: try_one(name, data))
    atheris.Fuzz()
