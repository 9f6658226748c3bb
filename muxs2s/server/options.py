"""
Every option of the configuration: name, kind of value, default, meaning.

Knows the options and nothing of files: reading, defaults, messages and the documentation are made
from this one table. Those that are limits stand in :mod:`muxs2s.server.limits`.
"""

from __future__ import annotations

from typing import Any, Final

from muxs2s.proof.peers import PeerPolicy
from muxs2s.server.kinds import ADDRESS, ADMISSION, DOMAINS, NAME_SERVERS, PLACES, PROOFS, SWITCH, TARGET
from muxs2s.server.limits import LIMITS
from muxs2s.server.material import (
    ANCHORS,
    CERTIFICATES,
    DIRECTORIES,
    LONG_SECRET,
    LONG_SECRET_FILE,
    SECRET,
    SECRET_FILE,
    SYSTEM,
)
from muxs2s.server.option import Option
from muxs2s.stream.limits import StreamLimits

__all__ = [
    "BIND_ADDRESS",
    "CERTIFICATE_DIRECTORIES",
    "CERTIFICATE_FILES",
    "CLOSE_ON_FOREIGN_SENDER",
    "COMPONENT_LISTEN",
    "COMPONENT_SECRET",
    "COMPONENT_SECRET_FILE",
    "DIALBACK_SECRET",
    "DIALBACK_SECRET_FILE",
    "DNS_SERVERS",
    "DOMAIN_ADDRESS",
    "DOMAIN_ENCRYPTION",
    "DOMAIN_MULTIPLEX",
    "DOMAIN_POLICY",
    "DOMAIN_PROOFS",
    "HOSTED",
    "LISTEN",
    "LISTEN_TLS",
    "MULTIPLEX_ANNOUNCE",
    "MULTIPLEX_HIDDEN",
    "OPTIONS",
    "POLICY_BIDI",
    "POLICY_DEFAULT",
    "POLICY_ENCRYPTION",
    "POLICY_MULTIPLEX",
    "POLICY_PROOFS",
    "TRUST_ANCHORS",
]

HOSTED: Final = Option(
    name="domains",
    kind=DOMAINS,
    default=[],
    live=True,
    text="The domains served here. Those of components are served without being listed.",
)
LISTEN: Final = Option(
    name="listen",
    kind=PLACES,
    default=["5269"],
    text="Where servers of peers are accepted. A port alone means all addresses of this host, IPv6 and IPv4.",
)
LISTEN_TLS: Final = Option(
    name="listen_tls",
    kind=PLACES,
    default=[],
    text=(
        "Where servers of peers are accepted that begin with TLS (XEP-0368), by custom port 5270; written as for "
        "``listen``. Peers find it by SRV records for ``_xmpps-server._tcp``."
    ),
)
BIND_ADDRESS: Final = Option(
    name="bind_address",
    kind=ADDRESS,
    default="",
    text=(
        "The address of this host that connections to peers come from. It counts for peers of the same IP version; "
        "empty, the system chooses."
    ),
)
CERTIFICATE_DIRECTORIES: Final = Option(
    name="certificates.directories",
    kind=DIRECTORIES,
    default=[],
    live=True,
    text=(
        "Directories of certbot (``/etc/letsencrypt``) or dehydrated (``/var/lib/dehydrated``): below ``live``, "
        "``certs`` or the directory itself one directory for each certificate, with ``fullchain.pem`` and "
        "``privkey.pem``."
    ),
)
CERTIFICATE_FILES: Final = Option(
    name="certificates.files",
    kind=CERTIFICATES,
    default=[],
    live=True,
    text=(
        "Single certificates in PEM, each with its issuers, and their keys. A name instead of a pair is a file that "
        "holds both. Which domain a certificate is for is read from the certificate."
    ),
)
TRUST_ANCHORS: Final = Option(
    name="trust.anchors",
    kind=ANCHORS,
    default=SYSTEM,
    live=True,
    text=(
        "The authorities whose certificates prove a peer's domain: those of the system, or else a file in PEM or a "
        "directory of such files, which then count alone."
    ),
)
POLICY_DEFAULT: Final = Option(
    name="policy.default",
    kind=ADMISSION,
    default="allow",
    live=True,
    text=(
        "Whether this server speaks with peers that no table ``[domain]`` says otherwise of. With a peer that is "
        "denied nothing is exchanged in either direction: it is not looked up and not called, and is refused when "
        "it calls."
    ),
)
POLICY_ENCRYPTION: Final = Option(
    name="policy.require_encryption",
    kind=SWITCH,
    default=PeerPolicy().require_encryption,
    live=True,
    text="Whether nothing passes outside TLS. Without TLS a peer can prove itself by dialback alone.",
)
POLICY_PROOFS: Final = Option(
    name="policy.proofs",
    kind=PROOFS,
    default=list(PeerPolicy().proofs.order),
    live=True,
    text=(
        "What proves the domain of a peer: ``pkix``, a certificate; ``dialback``, a key that the server which DNS "
        "names for the domain confirms. Dialback proves no more than DNS says; it reaches peers whose certificate "
        "nobody has vouched for."
    ),
)
POLICY_BIDI: Final = Option(
    name="policy.bidi",
    kind=SWITCH,
    default=True,
    text="Whether one stream carries stanzas in both directions with peers that can do so too (XEP-0288).",
)
POLICY_MULTIPLEX: Final = Option(
    name="policy.multiplex",
    kind=SWITCH,
    default=PeerPolicy().is_multiplexed,
    live=True,
    text=(
        "Whether many domains share one stream, each proven on it by its own certificate, with peers that can do so "
        "too (:doc:`protocol`). It takes ``policy.bidi`` and TLS 1.3; where it is off, each pair of domains has a "
        "stream of its own. It counts for streams that are opened from then on."
    ),
)
MULTIPLEX_HIDDEN: Final = Option(
    name="policy.multiplex_hidden",
    kind=DOMAINS,
    default=[],
    live=True,
    text=(
        "Domains served here that are shown to no peer that asks for them on such a stream: it is told that they are "
        "unknown. They still prove themselves to those they have something to say to."
    ),
)
MULTIPLEX_ANNOUNCE: Final = Option(
    name="policy.multiplex_announce",
    kind=SWITCH,
    default=False,
    live=True,
    text=(
        "Whether every domain served here, but for those in ``multiplex_hidden``, is proven at once on every such "
        "stream. It is for clouds that trust each other: any other peer learns all the domains."
    ),
)
CLOSE_ON_FOREIGN_SENDER: Final = Option(
    name="policy.close_on_foreign_sender",
    kind=SWITCH,
    default=StreamLimits().close_on_foreign_sender,
    text=(
        "What becomes of a peer's stream when a stanza on it comes from a domain the peer has not proven. The stanza "
        "is dropped in any case; ``true`` closes the stream as well, which ends good streams of peers that serve "
        "several domains over one."
    ),
)
DNS_SERVERS: Final = Option(
    name="dns.servers",
    kind=NAME_SERVERS,
    default=[],
    text="The DNS servers to ask, the preferred one first. Without any, those of ``/etc/resolv.conf``.",
)
DOMAIN_ADDRESS: Final = Option(
    name="domain.*.address",
    kind=TARGET,
    example='[domain."b.example"]\naddress = "xmpp.b.example:5269"',
    live=True,
    text=(
        "Where the servers of a peer's domain are, in place of what DNS says; without a port, 5269. ``xmpps://`` "
        "before it is for direct TLS (XEP-0368); the port is 5270 then, if none is written. The certificate must name "
        'the domain all the same. ``[domain."*"]`` is for every peer that has no table of its own.'
    ),
)
DOMAIN_POLICY: Final = Option(
    name="domain.*.policy",
    kind=ADMISSION,
    example='policy = "allow"',
    live=True,
    text=(
        "``policy.default`` for one domain of a peer. This and the three below count for every domain below that one "
        'as well, unless a table nearer to it says otherwise; ``[domain."*"]`` is for all peers.'
    ),
)
DOMAIN_ENCRYPTION: Final = Option(
    name="domain.*.require_encryption",
    kind=SWITCH,
    example="require_encryption = false",
    live=True,
    text="``policy.require_encryption`` for one domain of a peer and those below it.",
)
DOMAIN_PROOFS: Final = Option(
    name="domain.*.proofs",
    kind=PROOFS,
    example='proofs = ["pkix", "dialback"]',
    live=True,
    text="``policy.proofs`` for one domain of a peer and those below it.",
)
DOMAIN_MULTIPLEX: Final = Option(
    name="domain.*.multiplex",
    kind=SWITCH,
    example="multiplex = false",
    live=True,
    text="``policy.multiplex`` for one domain of a peer and those below it.",
)
DIALBACK_SECRET: Final = Option(
    name="dialback.secret",
    kind=LONG_SECRET,
    default="",
    text=(
        "What dialback keys are made from. It must be the same on all nodes that serve a domain. Without one, it is "
        "made of the system's random numbers at each start, which suits a server that is alone."
    ),
)
DIALBACK_SECRET_FILE: Final = Option(
    name="dialback.secret_file",
    kind=LONG_SECRET_FILE,
    default="",
    text="A file that holds the secret, in place of the secret itself. White space around it does not count.",
)
COMPONENT_LISTEN: Final = Option(
    name="components.listen",
    kind=PLACES,
    default=["127.0.0.1:5347"],
    text=(
        "Where components (XEP-0114) are accepted, once there is a secret for at least one. What they send is not "
        "encrypted: stay on this host, with a loopback address or a Unix socket."
    ),
)
COMPONENT_SECRET: Final = Option(
    name="components.secrets.*",
    kind=SECRET,
    example='"gateway.a.example" = "change me"',
    live=True,
    text="The secret with which the component of a domain says who it is.",
)
COMPONENT_SECRET_FILE: Final = Option(
    name="components.secret_files.*",
    kind=SECRET_FILE,
    example='"bot.a.example" = "secrets/bot"',
    live=True,
    text="A file that holds the secret, in place of the secret itself. White space around it does not count.",
)

_ORDERED: Final[tuple[Option[Any], ...]] = (
    HOSTED,
    LISTEN,
    LISTEN_TLS,
    BIND_ADDRESS,
    CERTIFICATE_DIRECTORIES,
    CERTIFICATE_FILES,
    TRUST_ANCHORS,
    POLICY_DEFAULT,
    POLICY_ENCRYPTION,
    POLICY_PROOFS,
    POLICY_BIDI,
    POLICY_MULTIPLEX,
    MULTIPLEX_HIDDEN,
    MULTIPLEX_ANNOUNCE,
    CLOSE_ON_FOREIGN_SENDER,
    DOMAIN_ADDRESS,
    DOMAIN_POLICY,
    DOMAIN_ENCRYPTION,
    DOMAIN_PROOFS,
    DOMAIN_MULTIPLEX,
    DIALBACK_SECRET,
    DIALBACK_SECRET_FILE,
    COMPONENT_LISTEN,
    COMPONENT_SECRET,
    COMPONENT_SECRET_FILE,
    DNS_SERVERS,
    *LIMITS,
)

OPTIONS: Final = {option.name: option for option in _ORDERED}
"""Every option by its name, in the order of the documentation."""
