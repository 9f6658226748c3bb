"""
From what was found out about a certificate to what it gives on a stream.

Knows which names of a certificate count here (rule "All names" of the protocol), and which condition tells
the peer why none does. Does not know how a certificate is judged: see :mod:`muxs2s.proof`.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final

from cryptography.x509 import Certificate

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.elements import ListedName
from muxs2s.multiplex.verdicts import NotVouched, Vouched
from muxs2s.proof.identity import MAX_CERTIFICATE_NAMES
from muxs2s.proof.outcome import Fault, Outcome, Proven, Refused, Scope, Undecided
from muxs2s.proof.peers import PeerPolicies
from muxs2s.wire.names import DomainName, DomainPattern, Name

__all__ = ["verdict"]

_CONDITIONS: Final = (
    (Fault.DENIED, MultiplexCondition.POLICY_VIOLATION),
    (Fault.UNTRUSTED, MultiplexCondition.CERTIFICATE_UNTRUSTED),
    (Fault.WRONG_NAME, MultiplexCondition.NAME_MISMATCH),
    (Fault.EXPIRED, MultiplexCondition.CERTIFICATE_EXPIRED),
)
"""What is told of several faults: the first, as mending the others would not help."""


def verdict(
    outcome: Outcome, chain: tuple[Certificate, ...], hosted: Container[DomainName], policies: PeerPolicies
) -> Vouched | NotVouched:
    """
    Say what a certificate gives on a stream, be it of the handshake or shown later.

    :param outcome: for the domain that is asked about.
    :param chain: as it was shown, the certificate itself first.
    :param hosted: our own domains, which no certificate of a peer ever gives.

    Source: doc/protocol.rst, "Names of a certificate"; draft-hildebrand-xmpp-tls-multiplexing-00, section 2, item 7.
    """
    if not isinstance(outcome, Proven):
        return NotVouched(condition=_condition(outcome), text="; ".join(outcome.reasons))
    domain = outcome.domain
    if outcome.prooftype == "dialback":
        text = f"dialback proves {domain}, no certificate does"
        return NotVouched(condition=MultiplexCondition.CERTIFICATE_UNTRUSTED, text=text)
    if domain in hosted:
        return NotVouched(condition=MultiplexCondition.POLICY_VIOLATION, text=f"{domain} is hosted here")
    if not policies.of(domain).is_multiplexed:
        text = f"the policy of this server lets {domain} share no stream"
        return NotVouched(condition=MultiplexCondition.POLICY_VIOLATION, text=text)
    further = sorted(outcome.names.all_domains() - {domain}) if outcome.scope is Scope.ALL_NAMES else []
    ours = tuple(name for name in further if name in hosted)
    given = [domain, *(name for name in further if name not in ours and policies.of(name).is_given_by_chain)]
    listed: list[Name] = [*given, *_patterns(outcome, policies)]
    return Vouched(
        names=tuple(ListedName(name=name, until=outcome.until) for name in listed[:MAX_CERTIFICATE_NAMES]),
        chain=chain,
        until=outcome.until,
        prooftype=outcome.prooftype,
        evidence=outcome.evidence,
        ours=ours,
    )


def _patterns(proven: Proven, policies: PeerPolicies) -> Iterator[DomainPattern]:
    """The patterns below which nothing but a chain is asked of any name."""
    if proven.scope is Scope.ALL_NAMES:
        for pattern in sorted(proven.names.patterns):
            parent = DomainName.parse(pattern.removeprefix("*."))
            if all(policy.is_given_by_chain for policy in policies.right_below(parent)):
                yield DomainPattern(parent)


def _condition(outcome: Refused | Undecided) -> MultiplexCondition:
    if isinstance(outcome, Undecided):
        return MultiplexCondition.TRY_AGAIN
    found = (condition for fault, condition in _CONDITIONS if fault in outcome.faults)
    return next(found, MultiplexCondition.CERTIFICATE_UNTRUSTED)
