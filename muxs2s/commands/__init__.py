"""The command ``muxs2s``: one module for each verb."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib.metadata import version

from muxs2s.commands import check, conformance, demo, probe

__all__ = ["main"]

_VERBS = (check, probe, conformance, demo)


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    :param argv: what stands behind the name of the command; by default what this process was given.
    :returns: the exit status, which each verb documents in its ``--help``; 0 is success.
    :raises SystemExit: with 2 if the command is used wrongly, with 0 after ``--help`` and ``--version``.
    """
    parser = ArgumentParser(
        prog="muxs2s",
        description="Server-to-server XMPP federation.",
        epilog="The server itself is started by twistd: twistd -n muxs2s --config FILE",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"muxs2s {version('muxs2s')}")
    verbs = parser.add_subparsers(title="verbs", dest="verb", required=True, metavar="VERB")
    for verb in _VERBS:
        verb.add_parser(verbs)
    arguments, unknown = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    if unknown:
        # Said by the verb, so that its options are shown and not the list of verbs.
        verbs.choices[arguments.verb].error(f"unrecognized arguments: {' '.join(unknown)}")
    status: int = arguments.run(arguments)
    return status
