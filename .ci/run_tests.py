"""
Runs the tests and says at the end how many passed, failed and were skipped.

    run_tests.py [unit] [gates] [interop] [interop-full]

Without arguments it does the first three: the unit tests under branch coverage, the coverage gates, the
tests against real servers. The fourth plays every outage with every server, which takes long. Each test
counts one, and so does each gate that fails. The exit status is 0 only if nothing failed.

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
"""What is done unless something is named."""

GATES = (
    ("the pure floors", "muxs2s/wire/*,muxs2s/proof/*,muxs2s/multiplex/*,muxs2s/stream/*", 100),
    ("the whole package", "muxs2s/*", 95),
)
"""What is measured, its files, and the least branch coverage in percent by the unit tests alone."""

SERVERS = {
    "prosody": "apt-get install prosody lua-unbound",
    "ejabberdctl": "apt-get install ejabberd",
    "jabberd2-s2s": "apt-get install jabberd2",
}
"""Programs of the servers that the tests in tests/interop start, each with what brings it."""

SIDE_BY_SIDE = "-j2"
"""How many cases against servers run at a time; each has addresses of its own."""

RESULTS = CHECKOUT / "build" / "interop.jsonl"
"""What those cases measure."""

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
    """The tests against real servers; what they measure is what the documentation says."""
    print("== Tests against real servers", flush=True)
    counted = against_servers("tests.interop")
    if servers_are_required():
        counted["failed"] += tell_results()
    else:
        tell_results("--only-say")
    return counted


def run_interop_full() -> Counter[str]:
    """Every situation with every server."""
    print("== Every situation with real servers", flush=True)
    counted = against_servers("tests.interop.whole")
    tell_results("--only-say")
    return counted


def servers_are_required() -> bool:
    """Whether a missing server is a failure."""
    return os.environ.get("MUXS2S_REQUIRE_SERVERS") == "1"


def against_servers(suite: str) -> Counter[str]:
    """Run cases; each says by itself what it cannot do without."""
    missing = [name for name in SERVERS if shutil.which(name, path=SERVER_PATH) is None]
    for name in missing:
        print(f"{name} is not installed, so its cases cannot run. Remedy: {SERVERS[name]}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("", encoding="utf-8")
    os.environ["MUXS2S_INTEROP_RESULTS"] = str(RESULTS)
    counted = trial(SIDE_BY_SIDE, suite)
    if servers_are_required():
        counted["failed"] += len(missing)
        if counted["skipped"]:
            print("MUXS2S_REQUIRE_SERVERS=1 allows no skipped case", flush=True)
            counted["failed"] += 1
    return counted


def tell_results(*options: str) -> int:
    """Say what the cases have measured and hold the page against it; 1 if it says something else."""
    print("== What the cases have measured", flush=True)
    command = [sys.executable, "-m", "tests.interop.page", *options, str(RESULTS)]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode  # noqa: S603 - our own


def main(stages: list[str]) -> int:
    """Run the stages named, or all; the last line is the summary."""
    run = {"unit": run_unit, "gates": run_gates, "interop": run_interop, "interop-full": run_interop_full}
    unknown = set(stages) - set(run)
    if unknown:
        print(f"unknown stage: {', '.join(sorted(unknown))}; there are {', '.join(run)}", file=sys.stderr)
        return 2
    total: Counter[str] = Counter()
    for stage, work in run.items():
        if stage in (stages or STAGES):
            total.update(work())
    summary = f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped"
    if "MUXS2S_SUMMARY" in os.environ:
        Path(os.environ["MUXS2S_SUMMARY"]).write_text(f"{summary}\n", encoding="utf-8")
    print(summary, flush=True)
    return 1 if total["failed"] or not (total["passed"] or stages == ["gates"]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
