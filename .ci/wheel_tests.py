"""
Runs the unit tests on the installed wheel, in a directory that holds nothing of the package.

    wheel_tests.py CHECKOUT

Copies the tests, and the documents they read, into an empty directory and runs trial there. Fails
if the package found there is not the one installed into this environment.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from run_tests import unit_suites

COPIED = ("tests", "bench", "doc", "README.rst")
"""The tests read the rows of doc/standards.rst, run the examples of doc and README.rst, and test the benchmark."""

LOCATE = "import muxs2s, twisted.plugins.muxs2s_plugin as p; print(muxs2s.__file__); print(p.__file__)"


def astray(directory: Path) -> list[str]:
    """The files of the package that are imported, in that directory, from outside the environment."""
    found = subprocess.run([sys.executable, "-c", LOCATE], cwd=directory, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    installed = Path(sysconfig.get_path("purelib"))
    return [line for line in found.stdout.split() if not Path(line).is_relative_to(installed)]


def copy(checkout: Path, directory: Path) -> None:
    """Copy the tests and what they read."""
    for name in COPIED:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, directory)


def main(checkout: Path) -> int:
    """Copy, look where the package comes from, run."""
    with tempfile.TemporaryDirectory(prefix="muxs2s-wheel-") as name:
        directory = Path(name)
        copy(checkout, directory)
        for path in astray(directory):
            print(f"the tests would run on {path}, not on the installed wheel", file=sys.stderr)
            return 1
        suites = unit_suites(directory / "tests")
        command = [sys.executable, "-m", "twisted.trial", "--reporter=text", "--rterrors", *suites]
        return subprocess.run(command, cwd=directory, check=False).returncode  # noqa: S603 - our own


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
