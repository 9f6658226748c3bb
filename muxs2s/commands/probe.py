"""
``muxs2s probe``: why a domain can or cannot be reached, step by step.

Knows options, exit statuses and where what is printed. Does not know what is done: see
:mod:`muxs2s.probe`.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError

from muxs2s.commands.running import INTERRUPTED, completed, interrupted, show
from muxs2s.network.reactors import INetworkReactor
from muxs2s.probe import Caller, probe
from muxs2s.probe.caller import NOBODY
from muxs2s.server.config import Configuration, ConfigurationRefused, read_configuration
from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.names import DomainName, DomainPair, NameRefused

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["AMISS", "MISUSED", "add_parser", "run"]

AMISS: Final = 1
MISUSED: Final = 2

_DESCRIPTION: Final = """\
Does what the server does to reach a domain: looks in DNS, connects, agrees on TLS, judges the
certificate, reads the features, proves itself. Tells every step with its time, and if one fails whose
fault it is and what to do. Every server of the domain is called, not only the first that answers.

With --config our certificates, trust anchors, DNS servers, addresses of peers and policies count, and
the stream is negotiated until a stanza could pass; no stanza is sent. Where the peer takes nothing but
dialback it stops before the key: only the running server could answer for one. Without --config no
certificate of ours is shown and none is made; all is told up to our own proof.
"""

_EPILOG: Final = f"""\
exit status:
  0    all that was tried works
  {AMISS}    something does not; the last lines say whose fault it is: dns, network, peer or us
  {MISUSED}    the command was used wrongly, or the configuration is faulty
  {INTERRUPTED}  interrupted
"""


class _Misused(MuxS2SError):
    """What was asked for makes no sense; the message says why."""


def add_parser(verbs: _SubParsersAction[ArgumentParser]) -> None:
    """Add this verb to those of the command."""
    parser = verbs.add_parser(
        "probe",
        help="find out why a domain can or cannot be reached",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("domain", type=_domain, metavar="DOMAIN", help="the domain to be reached")
    parser.add_argument(
        "--from",
        dest="sender",
        type=_domain,
        metavar="DOMAIN",
        help="as which domain to call: with --config one of its own, by default the first",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration of the server, a file in TOML")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.set_defaults(run=run)


def _domain(text: str) -> DomainName:
    try:
        return DomainName.parse(text)
    except NameRefused as refused:
        raise ArgumentTypeError(str(refused)) from None


def run(arguments: Namespace, reactor: Any = None) -> int:
    """
    Probe as the arguments want it.

    :param reactor: by default the one this process has.
    :returns: the exit status.
    """
    if reactor is None:
        from twisted.internet import reactor
    try:
        caller = _caller(arguments, reactor)
        report = completed(reactor, lambda: probe(reactor, caller))
    except _Misused as misused:
        print(f"muxs2s probe: error: {misused}", file=sys.stderr)
        return MISUSED
    except CancelledError:
        return interrupted("probe")
    show(report, as_json=arguments.json)
    return 0 if report.is_healthy else AMISS


def _caller(arguments: Namespace, reactor: INetworkReactor) -> Caller:
    if arguments.config is None:
        return Caller.unconfigured(reactor, DomainPair(arguments.sender or NOBODY, arguments.domain))
    configuration = _configuration(arguments.config)
    sender = arguments.sender or configuration.domains[0]
    if sender not in configuration.domains:
        ours = ", ".join(configuration.domains[:10])
        raise _Misused(f"--from {sender}: the configuration serves {ours}, and not that")
    if arguments.domain in configuration.domains:
        raise _Misused(f"{arguments.domain} is served by this very configuration: muxs2s check looks at it")
    return Caller.configured(reactor, configuration, DomainPair(sender, arguments.domain))


def _configuration(path: Path) -> Configuration:
    try:
        return read_configuration(path)
    except ConfigurationRefused as refused:
        raise _Misused(f"the configuration is faulty:\n{refused}") from None
