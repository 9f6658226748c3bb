"""
``muxs2s check``: whether everything is as a server with this configuration needs it.

Knows options, exit statuses and where what is printed. Does not know what is looked at: see
:mod:`muxs2s.check`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError

from muxs2s.check import check
from muxs2s.commands.running import INTERRUPTED, completed, interrupted, show

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["FAULTY", "add_parser", "run"]

FAULTY: Final = 1

_DESCRIPTION: Final = """\
Looks at everything a server needs, before it is started or while it runs, and changes nothing: the
configuration with all its faults; the certificates, as peers will judge them; the places to listen,
whether they are free, or taken by the running service or by something else; what DNS says of our
domains, and whether that leads here; open files; the clock. Run it as the user of the server.
"""

_EPILOG: Final = f"""\
exit status:
  0    no errors; there may be warnings
  {FAULTY}    errors
  2    the command was used wrongly
  {INTERRUPTED}  interrupted
"""


def add_parser(verbs: _SubParsersAction[ArgumentParser]) -> None:
    """Add this verb to those of the command."""
    parser = verbs.add_parser(
        "check",
        help="look at the configuration and all that a server with it needs",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, a file in TOML")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.set_defaults(run=run)


def run(arguments: Namespace, reactor: Any = None) -> int:
    """
    Check as the arguments want it.

    :param reactor: by default the one this process has.
    :returns: the exit status.
    """
    if reactor is None:
        from twisted.internet import reactor
    try:
        report = completed(reactor, lambda: check(reactor, arguments.config))
    except CancelledError:
        return interrupted("check")
    show(report, as_json=arguments.json)
    return 0 if report.is_good else FAULTY
