"""
Runs the fuzzer: ``python -m tests.fuzz.run [SECONDS]``, for each target so many seconds.

Input that leads somewhere new is kept in ``build/fuzz`` and tried first the next time;
``python -m tests.fuzz.run keep`` lets the least of it that leads everywhere replace the corpus, which the unit
tests try as well. The exit status is 0 only if no input has shown a fault.

Knows atheris, one process a target: an input may end the process. Does not know what is tried.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from tests.fuzz.targets import TARGETS
from tests.wire.generated import MARKUP

CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent
FOUND: Final = CHECKOUT / "build" / "fuzz"

CORPUS: Final = Path(__file__).parent / "corpus"
"""What the unit tests try as well: a directory a target, a file an input."""

DEFAULT_SECONDS: Final = 100
MAX_INPUT_BYTES: Final = 500
MAX_INPUT_SECONDS: Final = 10
"""What takes longer is a fault."""

GRACE_SECONDS: Final = 120
"""For a process to begin, to replay what there is, and to end."""

MAX_KEPT: Final = 200
"""Inputs of one target in the corpus, those that have shown a fault aside."""

FAULT: Final = "fault-"
"""How the name of a file begins whose input has shown a fault; in the corpus it stays for good."""


class Figures(NamedTuple):
    """What a run of one target came to."""

    tried: int
    new: int
    """Inputs that led somewhere new."""

    faulty: bool


def fuzz(target: str, seconds: int) -> Figures:
    """Try input on one target; a fault is shown as it happens."""
    found = FOUND / target
    found.mkdir(parents=True, exist_ok=True)
    before = len(list(found.iterdir()))
    dictionary = FOUND / "markup.dict"
    dictionary.write_text("".join(f'"{_escaped(piece)}"\n' for piece in MARKUP), encoding="ascii")
    options = [f"-max_total_time={seconds}", f"-dict={dictionary}", f"-artifact_prefix={FOUND}/{FAULT}{target}-"]
    output, status = _atheris(target, [*options, str(found), str(CORPUS / target)], seconds)
    counted = re.search(r"stat::number_of_executed_units: (\d+)", output)
    if status:
        print(output[-6_000:])
    tried = int(counted[1]) if counted else 0
    return Figures(tried, len(list(found.iterdir())) - before, bool(status) or not tried)


def _escaped(piece: bytes) -> str:
    return "".join(rf"\x{byte:02x}" for byte in piece)


def keep(target: str) -> int:
    """
    Replace the corpus of a target by the least that leads everywhere.

    :returns: how many inputs that are.
    :raises SystemExit: if the fuzzer could not say which; nothing is replaced then.
    """
    corpus = CORPUS / target
    with TemporaryDirectory() as directory:
        output, status = _atheris(target, ["-merge=1", directory, str(FOUND / target), str(corpus)], DEFAULT_SECONDS)
        least = sorted(Path(directory).iterdir(), key=lambda path: path.stat().st_size)[:MAX_KEPT]
        if status or not least:
            raise SystemExit(f"{output[-6_000:]}\nnothing was replaced in {corpus}")
        for path in corpus.iterdir():
            if not path.name.startswith(FAULT):
                path.unlink()
        for path in least:
            shutil.copy(path, corpus)
    return len(least)


def _atheris(target: str, arguments: Sequence[str], seconds: int) -> tuple[str, int]:
    """Let a process of its own fuzz a target; what it said, and its exit status."""
    limits = [f"-max_len={MAX_INPUT_BYTES}", f"-timeout={MAX_INPUT_SECONDS}", "-print_final_stats=1"]
    command = [sys.executable, "-m", "tests.fuzz.one", target, *limits, *arguments]
    done = subprocess.run(  # noqa: S603 - our own
        command,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds + GRACE_SECONDS,
    )
    return done.stdout, done.returncode


def main(arguments: Sequence[str]) -> int:
    """Fuzz each target, or keep what has been found."""
    if arguments == ["keep"]:
        for target in TARGETS:
            print(f"{target:<14}{keep(target):>6} inputs kept in {CORPUS / target}", flush=True)
        return 0
    seconds = int(arguments[0]) if arguments else DEFAULT_SECONDS
    print(f"{'target':<14}{'seconds':>9}{'inputs tried':>15}{'a second':>11}{'new':>7}", flush=True)
    total, faulty = 0, []
    for target in TARGETS:
        figures = fuzz(target, seconds)
        total += figures.tried
        faulty += [target] if figures.faulty else []
        rate = figures.tried // max(seconds, 1)
        print(f"{target:<14}{seconds:>9}{figures.tried:>15,}{rate:>11,}{figures.new:>7}", flush=True)
    print(f"{'all':<14}{seconds * len(TARGETS):>9}{total:>15,}")
    if faulty:
        print(f"faults: {', '.join(faulty)}; the input is in {FOUND}: mend the fault, move the input to {CORPUS}")
    return bool(faulty)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
