"""
``muxs2s conformance``: whether a server does as the protocol says.

Knows options, exit statuses and where what is printed. Does not know what is played: see
:mod:`muxs2s.conformance`.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ClientEndpoint,
    TCP6ServerEndpoint,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

from muxs2s.commands.running import INTERRUPTED, completed, interrupted, show
from muxs2s.conformance import Deviation, OwnDomains, Setting, conformance
from muxs2s.conformance.rows import ROWS
from muxs2s.network.pem import CertificateProblem, Credentials, load_trust_anchors, read_credentials
from muxs2s.network.targets import DIRECT_TLS_PORT, Target, TargetRefused, read_target
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.testing.authority import CertificateAuthority
from muxs2s.testing.dns import Zone
from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.names import DomainName, NameRefused

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["BROKEN", "MISUSED", "add_parser", "run"]

BROKEN: Final = 1
MISUSED: Final = 2

US: Final = DomainName.parse("conformance.example")
"""Who we are if nobody says; nobody has that domain (RFC 2606, section 3)."""

NAME_SERVER_PORT: Final = 53

DEFAULT_SECONDS: Final = 10.0

_DESCRIPTION: Final = """\
Plays good and bad peers against a server, as far as it shows from outside: streams, stanzas, dialback,
and the multiplexing of domains by certificate. Prints which rows of the requirements are met, which are
broken, and which cannot be seen, with the reason. It is made for servers that are tested, and for those
who write one: do not play it against servers of others.
"""

_EPILOG: Final = f"""\
The more of the options are given, the more can be seen. The server has to trust --authority, from which
every certificate that a case wants is issued on the spot; it has to reach us at --listen, and to ask
--name-server for the names of our domains, all of which are --from or below it.

exit status:
  0    nothing is broken
  {BROKEN}    something is
  {MISUSED}    the command was used wrongly, or there is no server to be tried
  {INTERRUPTED}  interrupted
"""


class _Misused(MuxS2SError):
    """What was asked for makes no sense; the message says why."""


def add_parser(verbs: _SubParsersAction[ArgumentParser]) -> None:
    """Add this verb to those of the command."""
    parser = verbs.add_parser(
        "conformance",
        help="find out whether a server does as the protocol says",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("server", type=_target, metavar="HOST[:PORT]", help="where it takes servers; port 5269")
    parser.add_argument(
        "--domain",
        dest="domains",
        type=_domain,
        action="append",
        required=True,
        metavar="DOMAIN",
        help="a domain that it hosts and that nothing is connected for; a second one lets more be seen",
    )
    _add_own(parser)
    _add_places(parser)
    parser.add_argument("--rows", type=_rows, default=frozenset(), metavar="ROW,...", help="only these: S1,D7,M4")
    parser.add_argument(
        "--seconds", type=_seconds, default=DEFAULT_SECONDS, help="for any reaction; by default %(default)g"
    )
    parser.add_argument("--slow", action="store_true", help="also cases that take more than a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.set_defaults(run=run)


def _add_own(parser: ArgumentParser) -> None:
    own = parser.add_argument_group("who we are")
    own.add_argument("--from", dest="sender", type=_domain, metavar="DOMAIN", help=f"our domain; by default {US}")
    own.add_argument(
        "--authority",
        type=Path,
        metavar="FILE",
        help="an authority that the server trusts: certificate and key in one file in PEM",
    )
    own.add_argument(
        "--certificate",
        dest="certificates",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="instead: a certificate of --from in PEM; further ones are for domains that are added",
    )
    own.add_argument(
        "--key",
        dest="keys",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="its key, if that is not in the same file; in the same order",
    )
    own.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="whom the certificates of the server are judged by; by default --authority, or those of the system",
    )


def _add_places(parser: ArgumentParser) -> None:
    places = parser.add_argument_group("where it can be reached, and where it reaches us")
    places.add_argument("--direct-tls", type=_direct, metavar="HOST[:PORT]", help="where it takes direct TLS")
    places.add_argument("--listen", type=_place, metavar="ADDRESS[:PORT]", help="where it reaches our domains")
    places.add_argument(
        "--name-server", type=_name_server, metavar="ADDRESS[:PORT]", help="where it may ask for their names"
    )


def _domain(text: str) -> DomainName:
    try:
        return DomainName.parse(text)
    except NameRefused as refused:
        raise ArgumentTypeError(str(refused)) from None


def _target(text: str, default_port: int | None = None) -> Target:
    try:
        return read_target(text) if default_port is None else read_target(text, default_port=default_port)
    except TargetRefused as refused:
        raise ArgumentTypeError(str(refused)) from None


def _direct(text: str) -> Target:
    return _target(text, DIRECT_TLS_PORT)


def _place(text: str, default_port: int | None = None) -> Target:
    target = _target(text, default_port)
    if not target.is_address:
        raise ArgumentTypeError(f"{target.host} is no IP address of this host")
    return target


def _name_server(text: str) -> Target:
    return _place(text, NAME_SERVER_PORT)


def _rows(text: str) -> frozenset[str]:
    rows = frozenset(text.upper().split(","))
    unknown = sorted(rows - ROWS.keys())
    if unknown:
        raise ArgumentTypeError(f"{', '.join(unknown)}: no such row, of M1 to M12, E1 to E16, S1 to S33, D7 to D23")
    return rows


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 600.0:  # noqa: PLR2004 - said in the next line
        raise ArgumentTypeError(f"{text!r} is no number of seconds from 0.1 to 600")
    return seconds


def run(arguments: Namespace, reactor: Any = None) -> int:
    """
    Play as the arguments want it.

    :param reactor: by default the one this process has.
    :returns: the exit status.
    """
    if reactor is None:
        from twisted.internet import reactor
    try:
        setting = _setting(arguments, reactor)
        report = completed(reactor, lambda: conformance(reactor, setting))
    except (_Misused, CertificateProblem, Deviation, CannotListenError) as misused:
        print(f"muxs2s conformance: error: {misused}", file=sys.stderr)
        return MISUSED
    except CancelledError:
        return interrupted("conformance")
    show(report, as_json=arguments.json)
    return 0 if report.is_conforming else BROKEN


def _setting(arguments: Namespace, reactor: Any) -> Setting:
    authority = None if arguments.authority is None else CertificateAuthority.read(arguments.authority)
    given = _credentials(arguments.certificates, arguments.keys)
    if authority is None and not given:
        raise _Misused("give --authority, or at least one --certificate: the server has to know who calls")
    listen, name_server, direct = arguments.listen, arguments.name_server, arguments.direct_tls
    if name_server is not None and listen is None:
        raise _Misused("--name-server leads our domains to --listen: give that, too")
    first = arguments.sender or (_named(given[0]) if given else US)
    domain, *more = arguments.domains
    return Setting(
        place=str(arguments.server),
        endpoint=_way_to(reactor, arguments.server),
        domain=domain,
        more_domains=tuple(more),
        ours=OwnDomains(first, authority, given),
        anchors=_anchors(arguments.trust, authority),
        direct_tls=None if direct is None else _way_to(reactor, direct),
        listening=None if listen is None else _at(reactor, listen),
        reached_at=None if listen is None else Target(host=f"kit.{first.ascii}", port=listen.port),
        zone=None if name_server is None else _zone(f"kit.{first.ascii}", listen.host),
        name_server=None if name_server is None else (name_server.host, name_server.port),
        seconds=arguments.seconds,
        is_patient=arguments.slow,
        rows=arguments.rows,
    )


def _credentials(certificates: Sequence[Path], keys: Sequence[Path]) -> list[Credentials]:
    if len(keys) > len(certificates):
        raise _Misused("there are more --key than --certificate")
    return [read_credentials(certificate, key) for certificate, key in zip_longest(certificates, keys)]


def _named(credentials: Credentials) -> DomainName:
    """The domain that a certificate is taken to be for."""
    for name in sorted(credentials.names.dns):
        if not name.startswith("*"):
            return DomainName.parse(name)
    raise _Misused(f"{credentials.path} names no domain: give --from")


def _anchors(trust: Path | None, authority: CertificateAuthority | None) -> TrustAnchors:
    if trust is None and authority is not None:
        return authority.trust_anchors
    return load_trust_anchors(trust)


def _way_to(reactor: Any, target: Target) -> IStreamClientEndpoint:
    if not target.is_address:
        return HostnameEndpoint(reactor, target.host, target.port)
    kind = TCP6ClientEndpoint if ":" in target.host else TCP4ClientEndpoint
    return kind(reactor, target.host, target.port)


def _at(reactor: Any, place: Target) -> IStreamServerEndpoint:
    kind = TCP6ServerEndpoint if ":" in place.host else TCP4ServerEndpoint
    return kind(reactor, place.port, interface=place.host)


def _zone(host: str, address: str) -> Zone:
    """What the server is told of our names; domains are added as they are needed."""
    zone = Zone()
    zone.add(host, "AAAA" if ":" in address else "A", address)
    return zone
