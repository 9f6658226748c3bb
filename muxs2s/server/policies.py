"""
What is asked of each peer, as the configuration says it.

Knows which option counts where several say something of the same domain. Does not know what follows
from a policy: see :mod:`muxs2s.proof.peers`.
"""

from __future__ import annotations

from muxs2s.proof.peers import PeerPolicies, PeerPolicy, domains_above
from muxs2s.proof.policy import ProofPolicy
from muxs2s.server import options
from muxs2s.server.option import ANY, Option
from muxs2s.server.reading import OptionValues, T

__all__ = ["peer_policies"]


def peer_policies(values: OptionValues) -> PeerPolicies:
    """
    Put the policies of all peers together.

    What is not said of a domain itself is that of the nearest domain above of which it is said, then
    that of every peer, option by option.
    """
    named = {
        *values.each(options.DOMAIN_POLICY),
        *values.each(options.DOMAIN_ENCRYPTION),
        *values.each(options.DOMAIN_PROOFS),
        *values.each(options.DOMAIN_MULTIPLEX),
    }
    domains = {domain: _policy(values, domain) for domain in named if domain != ANY}
    return PeerPolicies(default=_policy(values, ""), domains=domains)


def _policy(values: OptionValues, domain: str) -> PeerPolicy:
    return PeerPolicy(
        is_admitted=_nearest(values, domain, options.DOMAIN_POLICY, options.POLICY_DEFAULT),
        require_encryption=_nearest(values, domain, options.DOMAIN_ENCRYPTION, options.POLICY_ENCRYPTION),
        is_multiplexed=_nearest(values, domain, options.DOMAIN_MULTIPLEX, options.POLICY_MULTIPLEX),
        proofs=ProofPolicy(order=_nearest(values, domain, options.DOMAIN_PROOFS, options.POLICY_PROOFS)),
    )


def _nearest(values: OptionValues, domain: str, of_domain: Option[T], of_all: Option[T]) -> T:
    said = values.each(of_domain)
    return next((said[name] for name in (*domains_above(domain), ANY) if name in said), values[of_all])
