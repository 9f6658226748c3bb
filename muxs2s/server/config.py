"""
The configuration: from a file in TOML to one frozen value, or to every fault in it.

Knows files and what the options become. Does not know the options one by one: see
:mod:`muxs2s.server.options`. Starts nothing: see :mod:`muxs2s.server.federation`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from muxs2s.hosts.componentstream import ComponentLimits
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.network.accepting import AcceptLimits
from muxs2s.network.connecting import ConnectLimits
from muxs2s.network.dialling import DialLimits
from muxs2s.network.racing import RaceLimits
from muxs2s.network.resolver import ResolverLimits
from muxs2s.network.targets import Overrides
from muxs2s.proof.dialback import DialbackSecret
from muxs2s.proof.peers import PeerPolicies
from muxs2s.proof.pkix import TrustAnchors
from muxs2s.server import options
from muxs2s.server.material import CertificateFiles
from muxs2s.server.option import ANY
from muxs2s.server.policies import peer_policies
from muxs2s.server.reading import ConfigurationProblem, OptionValues
from muxs2s.service.backoff import BackoffLimits
from muxs2s.service.presenting import PresentationLimits
from muxs2s.service.queues import QueueLimits
from muxs2s.service.s2s import ServiceLimits
from muxs2s.stream.limits import StreamLimits
from muxs2s.wire.errors import MuxS2SError
from muxs2s.wire.limits import FramingLimits
from muxs2s.wire.names import DomainName

__all__ = ["Configuration", "ConfigurationProblem", "ConfigurationRefused", "make_configuration", "read_configuration"]

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""Of a file of configuration."""

COMPONENT_FEATURE_ELEMENTS: Final = 1
"""Components list no features."""


class ConfigurationRefused(MuxS2SError):
    """A configuration with faults: all of them, each on a line of the message."""

    def __init__(self, problems: Iterable[ConfigurationProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that can be set, read and checked; what was not set has its default."""

    place: str
    """What messages call it: the file."""

    domains: tuple[DomainName, ...]
    """All that are ours, those of components among them."""

    listen: tuple[str, ...]
    """Where peers are accepted, each as :class:`~muxs2s.server.endpoints.ListenEndpoint` takes it."""

    listen_tls: tuple[str, ...]
    """The same for peers that begin with TLS."""

    bind_address: str | None
    certificate_files: tuple[CertificateFiles, ...]
    certificate_directories: tuple[Path, ...]
    trust_anchors: TrustAnchors
    overrides: Overrides
    peer_policies: PeerPolicies
    bidi: bool
    """Whether one stream may carry stanzas in both directions."""

    hidden: tuple[DomainName, ...]
    """Domains of ours that no peer is shown that asks for them."""

    announces: bool
    """Whether all the others are proven to every peer with which domains share a stream."""

    dialback_secret: DialbackSecret | None
    """``None`` for one that is made at each start."""

    dns_servers: tuple[tuple[str, int], ...]
    """IP addresses and ports; none for those of the system."""

    dns_limits: ResolverLimits
    limits: ServiceLimits
    component_listen: tuple[str, ...]
    """Where components are accepted."""

    component_secrets: Mapping[DomainName, str] = field(repr=False)
    component_limits: ComponentLimits
    fixed: Mapping[str, object] = field(repr=False)
    """The values of the options that only a new start changes, by the names of the options."""


def read_configuration(path: Path) -> Configuration:
    """
    Read a file.

    :param path: in TOML. Relative paths in it begin at its directory.
    :raises ConfigurationRefused: with everything that is wrong.

    Source: TOML 1.0.0.
    """
    place = str(path)
    try:
        document = _parsed(_content(path))
    except _FileRefused as refused:
        problem = ConfigurationProblem(place=place, option="", text=str(refused), remedy=refused.remedy)
        raise ConfigurationRefused([problem]) from None
    return make_configuration(document, directory=path.absolute().parent, place=place)


def make_configuration(
    document: Mapping[str, object], *, directory: Path = Path(), place: str = "configuration"
) -> Configuration:
    """
    Check options that are at hand already, and add the defaults.

    :param document: tables and values, as :mod:`tomllib` has them.
    :param directory: where relative paths begin.
    :param place: what messages call it.
    :raises ConfigurationRefused: with everything that is wrong.
    """
    values = OptionValues(place, directory)
    values.read(document)
    if values.problems:
        raise ConfigurationRefused(values.problems)
    secrets = {**values.each(options.COMPONENT_SECRET), **values.each(options.COMPONENT_SECRET_FILE)}
    component_secrets = cast(dict[DomainName, str], secrets)
    return Configuration(
        place=place,
        domains=tuple(dict.fromkeys((*values[options.HOSTED], *component_secrets))),
        listen=values[options.LISTEN],
        listen_tls=values[options.LISTEN_TLS],
        bind_address=values[options.BIND_ADDRESS],
        certificate_files=values[options.CERTIFICATE_FILES],
        certificate_directories=values[options.CERTIFICATE_DIRECTORIES],
        trust_anchors=values[options.TRUST_ANCHORS],
        overrides=_overrides(values),
        peer_policies=peer_policies(values),
        bidi=values[options.POLICY_BIDI],
        hidden=values[options.MULTIPLEX_HIDDEN],
        announces=values[options.MULTIPLEX_ANNOUNCE],
        dialback_secret=_dialback_secret(values),
        dns_servers=values[options.DNS_SERVERS],
        dns_limits=values.limits(ResolverLimits, "dns"),
        limits=_service_limits(values),
        component_listen=values[options.COMPONENT_LISTEN],
        component_secrets=component_secrets,
        component_limits=_component_limits(values),
        fixed=values.fixed(),
    )


def _overrides(values: OptionValues) -> Overrides:
    targets = dict(values.each(options.DOMAIN_ADDRESS))
    every = targets.pop(ANY, None)
    return Overrides(domains={cast(DomainName, domain): target for domain, target in targets.items()}, every=every)


def _dialback_secret(values: OptionValues) -> DialbackSecret | None:
    secret = values[options.DIALBACK_SECRET] or values[options.DIALBACK_SECRET_FILE]
    return None if secret is None else DialbackSecret(secret)


def _service_limits(values: OptionValues) -> ServiceLimits:
    return ServiceLimits(
        stream=values.limits(
            StreamLimits,
            "stream",
            before_authentication=values.limits(FramingLimits, "stream.before_authentication"),
            after_authentication=values.limits(FramingLimits, "stream.after_authentication"),
            multiplex=values.limits(MultiplexLimits, "multiplex"),
            close_on_foreign_sender=values[options.CLOSE_ON_FOREIGN_SENDER],
        ),
        accept=values.limits(AcceptLimits, "accept"),
        queue=values.limits(QueueLimits, "queue"),
        connect=values.limits(
            ConnectLimits,
            "connect",
            race=values.limits(RaceLimits, "connect.race"),
            dial=values.limits(DialLimits, "connect.dial"),
        ),
        backoff=values.limits(BackoffLimits, "backoff"),
        presentation=values.limits(PresentationLimits, "multiplex"),
    )


def _component_limits(values: OptionValues) -> ComponentLimits:
    before, after = (
        values.limits(FramingLimits, f"components.{when}", max_feature_elements=COMPONENT_FEATURE_ELEMENTS)
        for when in ("before_handshake", "after_handshake")
    )
    return values.limits(ComponentLimits, "components", before_handshake=before, after_handshake=after)


class _FileRefused(MuxS2SError):
    """A file that is no TOML; ``remedy`` says what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        remedy = "check the path, and that the user this server runs as may read it"
        raise _FileRefused(f"cannot be read: {error.strerror}", remedy) from None
    if len(content) > MAX_FILE_BYTES:
        raise _FileRefused(f"is larger than {MAX_FILE_BYTES} bytes", "name a file of configuration")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _FileRefused(f"is not UTF-8 (at line {line})", "save it in UTF-8") from None


def _parsed(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _FileRefused(f"is not TOML: {error}", "mend that place; text stands in quotes") from None
    except ValueError:
        raise _FileRefused("holds a number of thousands of digits", "write one that can be counted to") from None
    except RecursionError:
        raise _FileRefused("is nested too deeply", "no option is more than a list of tables") from None
