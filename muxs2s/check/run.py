"""
A whole check, from the file of configuration to the report.

Knows what is looked at and in which order. Does not know how: see the modules beside this one. Changes
nothing, and ends in bounded time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from muxs2s.check.certificates import check_certificates
from muxs2s.check.finding import Area, Finding, Grade
from muxs2s.check.ports import check_ports, port_of
from muxs2s.check.records import Place, check_records
from muxs2s.check.report import Report
from muxs2s.check.system import Machine, check_system, files_needed
from muxs2s.network.certificates import CertificateStore
from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.resolver import Lookup
from muxs2s.server.certificates import ConfiguredCertificates
from muxs2s.server.config import Configuration, ConfigurationRefused, read_configuration
from muxs2s.server.federation import make_resolver

__all__ = ["check"]

_THIS_MACHINE: Final = Machine()

_finding = partial(Finding, area=Area.CONFIGURATION)


async def check(
    reactor: INetworkReactor, path: Path, *, machine: Machine = _THIS_MACHINE, lookup: Lookup | None = None
) -> Report:
    """
    Look at everything a server with this configuration needs.

    :param path: of the configuration. If it is faulty, what follows from it is not looked at.
    :param lookup: asks DNS, in place of what the configuration says.
    """
    now = reactor.seconds()
    try:
        configuration = read_configuration(path)
    except ConfigurationRefused as refused:
        faults = [_fault(problem.option or problem.place, problem.text, problem.remedy) for problem in refused.problems]
        return Report(
            path=path,
            findings=(*faults, *check_system(machine, now, [path])),
            skipped=(Area.CERTIFICATES, Area.PORTS, Area.DNS),
        )
    certificates = ConfiguredCertificates(CertificateStore())
    loaded = certificates.load(configuration, now)
    store = certificates.store
    place = Place(
        owns_address=machine.owns_address,
        ports=_ports(configuration.listen),
        direct_tls_ports=_ports(configuration.listen_tls),
    )
    findings = [
        *_summary(path, configuration),
        *check_certificates(configuration, store, loaded, reactor),
        *[finding async for finding in check_ports(reactor, configuration, store)],
        *await check_records(lookup or make_resolver(reactor, configuration), reactor, place, configuration),
        *check_system(machine, now, _files(path, store), needed=files_needed(configuration)),
    ]
    return Report(path=path, findings=tuple(findings))


def _files(path: Path, store: CertificateStore) -> list[Path]:
    return [path, *(Path(credentials.path) for credentials in store)]


def _ports(places: Iterable[str]) -> frozenset[int] | None:
    ports = [port_of(place) for place in places]
    return None if None in ports else frozenset(port for port in ports if port is not None)


def _fault(about: str, text: str, remedy: str) -> Finding:
    return _finding(about=about, grade=Grade.ERROR, text=text, remedy=remedy)


def _summary(path: Path, configuration: Configuration) -> Iterator[Finding]:
    components = len(configuration.component_secrets)
    text = f"serves {len(configuration.domains)} domains, {components} of them by components"
    yield _finding(about=str(path), grade=Grade.OK, text=text)
    for domain in configuration.domains:
        if domain not in configuration.component_secrets:
            yield _finding(
                about=domain,
                grade=Grade.WARNING,
                text="no component can serve it",
                remedy="give one a secret under components.secrets",
            )
