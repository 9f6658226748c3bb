"""
``muxs2s demo``: two clouds on this machine exchange messages, for newcomers and for measurements.

Knows options, exit statuses and where what is printed. Does not know how a demonstration is held: see
:mod:`muxs2s.demo`.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from twisted.internet.defer import CancelledError, Deferred

from muxs2s.commands.running import INTERRUPTED, completed, interrupted, show
from muxs2s.demo.ledger import MAX_MESSAGES
from muxs2s.demo.plan import DemoWay, Plan
from muxs2s.demo.progress import Bars, Silence, Watcher
from muxs2s.demo.report import Report
from muxs2s.demo.run import DemoFailed, default_seconds, demonstrate
from muxs2s.demo.usage import TooFewFiles, allow_open_files

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["CANNOT_RUN", "INCOMPLETE", "MAX_DOMAINS", "add_parser", "cloud_command", "run"]

INCOMPLETE: Final = 1
CANNOT_RUN: Final = 3

MAX_DOMAINS: Final = 1_000
"""Of one cloud."""

_CLOUD: Final = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from muxs2s.commands.cloud import main
main()
"""

_DESCRIPTION: Final = """\
Shows federation at work. Two processes start on this machine, each a cloud of domains, with a DNS
server and a certification authority made for the occasion. Every domain of the first writes to every
domain of the second and gets a reply, over TLS, each domain proven by its certificate, all on one
stream. Then some of the pairs do the same on streams of their own, for comparison. Nothing leaves the
machine, nothing stays behind, and no privileges are needed.
"""

_EPILOG: Final = f"""\
exit status:
  0    everything arrived, once and in order
  {INCOMPLETE}    something did not; the summary says what
  2    the command was used wrongly
  {CANNOT_RUN}    it cannot run here, or a process failed; the message says why
  {INTERRUPTED}  interrupted
"""


def add_parser(verbs: _SubParsersAction[ArgumentParser]) -> None:
    """Add this verb to those of the command."""
    parser = verbs.add_parser(
        "demo",
        help="two clouds of domains exchange messages over TLS on this machine",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    domains, messages = _whole(MAX_DOMAINS), _whole(MAX_MESSAGES)
    parser.add_argument("--domains", type=domains, default=10, metavar="N", help="domains of the first cloud (10)")
    parser.add_argument("--peer-domains", type=domains, default=10, metavar="M", help="domains of the second (10)")
    ways = [way.value for way in DemoWay]
    parser.add_argument(
        "--way", choices=ways, default=ways[0], help="all pairs on one stream, or a stream for each pair (multiplex)"
    )
    parser.add_argument("--messages", type=messages, default=1, metavar="K", help="messages of each pair (1)")
    parser.add_argument(
        "--seconds", type=_seconds, metavar="LIMIT", help="give up the exchange then (60, and 0.2 for each pair)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--verbose", action="store_true", help="show the logs of both clouds on standard error")
    parser.set_defaults(run=run)


def _whole(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else 0
        if not 1 <= number <= most:
            raise ArgumentTypeError(f"{text!r} is no whole number from 1 to {most}")
        return number

    return read


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return number


def cloud_command(*, verbose: bool) -> list[str]:
    """
    What starts the process of a cloud.

    Ctrl-C reaches every process at the terminal. A cloud ends when its parent lets it, so it ignores
    that from before anything is imported.
    """
    return [sys.executable, "-c", _CLOUD, *(["--verbose"] if verbose else [])]


def run(arguments: Namespace, reactor: Any = None) -> int:
    """
    Hold a demonstration as the arguments want it.

    :param reactor: by default the one this process has.
    :returns: the exit status.
    """
    plan = Plan(
        domains=arguments.domains,
        peer_domains=arguments.peer_domains,
        messages=arguments.messages,
        way=DemoWay(arguments.way),
    )
    complaints = Console(stderr=True)
    try:
        allow_open_files(max(plan.open_files, plan.sample.open_files))
        report = _held(arguments, plan, complaints, reactor)
    except (DemoFailed, TooFewFiles) as error:
        complaints.print(f"muxs2s demo: {error}", markup=False, highlight=False, soft_wrap=True)
        return CANNOT_RUN
    except CancelledError:
        return interrupted("demo")
    show(report, as_json=arguments.json)
    return 0 if report.is_complete else INCOMPLETE


def _held(arguments: Namespace, plan: Plan, console: Console, reactor: Any) -> Report:
    if reactor is None:
        from twisted.internet import reactor
    quiet = arguments.json or arguments.verbose
    with nullcontext(Silence()) if quiet else Bars(plan, console) as watcher:

        async def hold() -> Report:
            report = await demonstrated(plan, watcher)
            if plan.way is DemoWay.STREAMS or not report.is_complete:
                return report
            watcher.stage("the same, a stream for each pair")
            return replace(report, beside=await demonstrated(plan.sample, Silence()))

        def demonstrated(plan: Plan, watcher: Watcher) -> Coroutine[Deferred[Any], Any, Report]:
            return demonstrate(
                reactor,
                plan,
                command=cloud_command(verbose=arguments.verbose),
                watcher=watcher,
                limit_seconds=arguments.seconds or default_seconds(plan),
            )

        return completed(reactor, hold)
