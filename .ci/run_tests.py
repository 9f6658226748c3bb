"""
Runs the tests and says at the end how many passed, failed and were skipped.

    run_tests.py [unit] [gates] [interop]

Without arguments it does all three: the unit tests under branch coverage, the coverage gates, the
tests against real servers. Each test counts one, and so does each gate that fails. The exit status
is 0 only if nothing failed.

Environment: MUXS2S_REQUIRE_SERVERS=1 makes a missing server, and a skipped test against servers, a
failure. MUXS2S_SUMMARY names a file that receives the last line as well.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TESTS = CHECKOUT / "tests"

STAGES = ("unit", "gates", "interop")

GATES = (
    ("the pure floors", "muxs2s/wire/*,muxs2s/proof/*,muxs2s/stream/*", 100),
    ("the whole package", "muxs2s/*", 95),
)
"""What is measured, its files, and the least branch coverage in percent by the unit tests alone."""

SERVERS = {
    "prosody": "apt-get install prosody lua-unbound",
    "ejabberdctl": "apt-get install ejabberd",
    "jabberd2-s2s": "apt-get install jabberd2",
}
"""Programs of the servers that the tests in tests/interop start, each with what brings it."""

SERVER_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
"""Where servers are looked for, whoever we are."""

FATES = {
    "successes": "passed",
    "expectedFailures": "passed",
    "failures": "failed",
    "errors": "failed",
    "unexpectedSuccesses": "failed",
    "skips": "skipped",
}


def unit_suites(tests: Path = TESTS) -> list[str]:
    """Every package and module of the tests but those against servers, as trial wants them."""
    packages = [found.parent.name for found in tests.glob("*/__init__.py") if found.parent.name != "interop"]
    modules = [found.stem for found in tests.glob("test_*.py")]
    return [f"tests.{name}" for name in sorted(packages) + sorted(modules)]


def trial(*arguments: str, under: tuple[str, ...] = ()) -> Counter[str]:
    """Run trial, show what it prints, count the fates of its tests."""
    command = [sys.executable, "-m", *under, "twisted.trial", "--rterrors", *arguments]
    verdict = ""
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 - our own
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)
            if line.startswith(("PASSED", "FAILED")):
                verdict = line
    counted: Counter[str] = Counter()
    for fate, number in re.findall(r"(\w+)=(\d+)", verdict):
        counted[FATES[fate]] += int(number)
    if running.returncode and not counted["failed"]:
        print(f"trial ended with status {running.returncode} without naming a failure", file=sys.stderr)
        counted["failed"] += 1
    return counted


def run_unit() -> Counter[str]:
    """The unit tests, measuring which branches they take."""
    print("== Unit tests", flush=True)
    return trial("--reporter=text", *unit_suites(), under=("coverage", "run", "-m"))


def run_gates() -> Counter[str]:
    """Hold what the unit tests covered against the gates."""
    counted: Counter[str] = Counter()
    for what, files, least in GATES:
        print(f"== Branch coverage of {what} by unit tests: at least {least} %", flush=True)
        report = [sys.executable, "-m", "coverage", "report", f"--include={files}", f"--fail-under={least}"]
        if subprocess.run(report, cwd=CHECKOUT, check=False).returncode:  # noqa: S603 - our own
            print(f"coverage of {what} is below {least} %: cover the lines named above", flush=True)
            counted["failed"] += 1
    return counted


def run_interop() -> Counter[str]:
    """The tests against real servers; each says by itself what it cannot do without."""
    print("== Tests against real servers", flush=True)
    required = os.environ.get("MUXS2S_REQUIRE_SERVERS") == "1"
    missing = [name for name in SERVERS if shutil.which(name, path=SERVER_PATH) is None]
    for name in missing:
        print(f"{name} is not installed, so its cases cannot run. Remedy: {SERVERS[name]}", flush=True)
    counted = Counter(failed=len(missing) if required else 0)
    if not list(TESTS.glob("interop/**/test_*.py")):
        print("There are none yet.", flush=True)
        return counted
    counted += trial("tests.interop")
    if required and counted["skipped"]:
        print("MUXS2S_REQUIRE_SERVERS=1 allows no skipped case", flush=True)
        counted["failed"] += 1
    return counted


def main(stages: list[str]) -> int:
    """Run the stages named, or all; the last line is the summary."""
    unknown = set(stages) - set(STAGES)
    if unknown:
        print(f"unknown stage: {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}", file=sys.stderr)
        return 2
    run = {"unit": run_unit, "gates": run_gates, "interop": run_interop}
    total: Counter[str] = Counter()
    for stage in STAGES:
        if stage in stages or not stages:
            total.update(run[stage]())
    summary = f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped"
    if "MUXS2S_SUMMARY" in os.environ:
        Path(os.environ["MUXS2S_SUMMARY"]).write_text(f"{summary}\n", encoding="utf-8")
    print(summary, flush=True)
    return 1 if total["failed"] or not (total["passed"] or stages == ["gates"]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
