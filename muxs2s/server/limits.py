"""
The options that are limits, table by table.

Knows what may be set and what each is for. Their defaults are those of the dataclasses that hold the
limits; the other options stand in :mod:`muxs2s.server.options`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from muxs2s.hosts.componentstream import ComponentLimits
from muxs2s.multiplex.limits import MultiplexLimits
from muxs2s.network.accepting import AcceptLimits
from muxs2s.network.connecting import ConnectLimits
from muxs2s.network.dialling import DialLimits
from muxs2s.network.racing import RaceLimits
from muxs2s.network.resolver import ResolverLimits
from muxs2s.server.kinds import Kind, seconds, whole
from muxs2s.server.option import Option
from muxs2s.service.backoff import BackoffLimits
from muxs2s.service.presenting import PresentationLimits
from muxs2s.service.queues import QueueLimits
from muxs2s.stream.limits import StreamLimits
from muxs2s.wire.limits import AFTER_AUTHENTICATION, BEFORE_AUTHENTICATION, FramingLimits
from muxs2s.wire.trees import MAX_DEPTH

__all__ = ["AT_MOST", "LIMITS"]

LEAST_MAX_ELEMENT_BYTES: Final = 10_000

_LARGEST_ANNOUNCED: Final = 2**31 - 1
"""Source: doc/protocol.rst, "Limits"."""


def _limits(table: str, defaults: object, **described: tuple[Kind[Any], str]) -> Iterator[Option[Any]]:
    """Options for the fields of a dataclass of limits."""
    for name, (kind, text) in described.items():
        yield Option(name=f"{table}.{name}", kind=kind, default=getattr(defaults, name), text=text)


def _framing(table: str, defaults: FramingLimits, sender: str) -> Iterator[Option[Any]]:
    return _limits(
        table,
        defaults,
        max_element_bytes=(
            whole("bytes", least=LEAST_MAX_ELEMENT_BYTES, because="RFC 6120, section 13.12, demands 10000 at least"),
            f"The largest stanza, or other element right below the stream, taken from {sender}.",
        ),
        max_elements=(whole("elements", least=16), "Elements in one stanza, itself counted."),
        max_depth=(whole("levels", least=4, most=MAX_DEPTH), "How deep the elements of a stanza may be nested."),
        max_tag_bytes=(whole("bytes", least=1_024), "The longest single tag."),
        max_namespace_characters=(whole("characters", least=64), "The longest name of a namespace."),
    )


def _features(table: str, defaults: FramingLimits) -> Iterator[Option[Any]]:
    """The limit of features, which components do not send."""
    kind = whole("elements", least=16)
    return _limits(table, defaults, max_feature_elements=(kind, "Elements in the features that another server lists."))


LIMITS: Final[tuple[Option[Any], ...]] = (
    *_limits(
        "accept",
        AcceptLimits(),
        max_connections=(whole("connections"), "That peers have opened to us, in all."),
        max_unproven_connections=(whole("connections"), "Of these, those on which nothing is proven yet."),
        max_connections_per_second=(whole("connections per second"), "New ones, on average."),
        max_burst_connections=(whole("connections"), "New ones at once, if few came before."),
        max_address_connections=(
            whole("connections"),
            "From one IPv4 address, or one IPv6 network of 64 bits; so, too, below.",
        ),
        max_address_unproven_connections=(whole("connections"), "Of these, those on which nothing is proven yet."),
        max_address_connections_per_second=(whole("connections per second"), "New ones from one, on average."),
        max_address_burst_connections=(whole("connections"), "New ones from one at once, if few came before."),
        max_address_failed_proofs=(
            whole("proofs"),
            "Proofs of domains that fail for one within ``failed_proofs_seconds``; with one more it is refused.",
        ),
        failed_proofs_seconds=(seconds(1), "In which so many may fail."),
        refused_seconds=(seconds(1), "So long no connection is taken from one where too many proofs have failed."),
        max_remembered_addresses=(whole("addresses"), "Without a connection, of which it is known what they did."),
    ),
    *_limits(
        "stream",
        StreamLimits(),
        negotiation_seconds=(seconds(1), "From the connection to a stream on which stanzas pass."),
        closing_seconds=(seconds(), "For the peer to close its half of a stream after we have closed ours."),
        idle_seconds=(seconds(1), "Without a stanza, until a stream is closed."),
        handshake_seconds=(seconds(1), "For the TLS handshake."),
        dialback_seconds=(seconds(1), "For a peer to answer a dialback key, or to say whether one is its own."),
        quiet_seconds=(
            seconds(300),
            "Without a word of a peer, until it is asked whether it is there (XEP-0199), at least five minutes.",
        ),
        answer_seconds=(seconds(1), "For it to say anything then; otherwise it counts as gone."),
        max_sasl_failures=(whole("attempts", most=100), "Failed attempts of a peer to authenticate on one stream."),
        max_failed_pairs=(whole("pairs", most=1_000), "Domain pairs a peer asserts in vain by dialback on one stream."),
        max_pending_pairs=(
            whole("pairs", most=10_000),
            "Domain pairs it asserts there that are not judged yet.",
        ),
        max_proven_pairs=(whole("pairs"), "Domain pairs proven by dialback on one stream."),
        max_ignored_elements=(
            whole("elements", least=100),
            "Elements of a peer on one stream that mean nothing, answer nothing or find no room.",
        ),
        max_dropped_stanzas=(
            whole("stanzas", least=0),
            "Stanzas from domains a peer has not proven that are dropped, on one stream, before it is closed.",
        ),
    ),
    *_framing("stream.before_authentication", BEFORE_AUTHENTICATION, "a peer that has proven nothing yet"),
    *_features("stream.before_authentication", BEFORE_AUTHENTICATION),
    *_framing("stream.after_authentication", AFTER_AUTHENTICATION, "a peer that has proven a domain"),
    *_features("stream.after_authentication", AFTER_AUTHENTICATION),
    *_limits(
        "queue",
        QueueLimits(),
        max_pair_stanzas=(whole("stanzas"), "Waiting from one domain of ours to one domain of a peer."),
        max_pair_bytes=(whole("bytes", least=LEAST_MAX_ELEMENT_BYTES), "The same in bytes."),
        max_total_stanzas=(whole("stanzas"), "Waiting in all."),
        max_total_bytes=(whole("bytes", least=LEAST_MAX_ELEMENT_BYTES), "The same in bytes."),
        max_age_seconds=(seconds(), "Until a stanza that waits is returned to its sender."),
    ),
    *_limits(
        "connect",
        ConnectLimits(),
        connect_seconds=(seconds(), "For one address of a peer to answer."),
        total_seconds=(seconds(), "For one attempt to reach a domain: DNS, every address, and waiting for a turn."),
        max_searches=(whole("domains"), "Looked up in DNS at the same time; others wait for their turn."),
        max_targets=(whole("hosts", most=100), "Hosts and ports in the SRV records of a domain that are tried."),
    ),
    *_limits(
        "connect.race",
        RaceLimits(),
        resolution_seconds=(seconds(0), "IPv4 addresses wait so long for IPv6 addresses still being looked up."),
        stagger_seconds=(seconds(), "The head start of an address over the next one of the same host."),
        max_addresses=(whole("addresses", most=100), "Addresses of one host that are tried."),
    ),
    *_limits(
        "connect.dial",
        DialLimits(),
        max_connections=(whole("connections"), "Being opened to peers at the same time; others wait for their turn."),
        max_place_connections=(whole("connections"), "The same to one address and port."),
        max_place_attempts_per_minute=(
            whole("attempts", least=2),
            "To reach an address and port that does not answer; half of them may come in a row.",
        ),
    ),
    *_limits(
        "backoff",
        BackoffLimits(),
        first_seconds=(
            seconds(),
            "After a domain could not be reached, until it is tried again. It doubles each time.",
        ),
        max_seconds=(seconds(), "The longest such wait. Chance shortens each by up to a half."),
    ),
    *_limits(
        "dns",
        ResolverLimits(),
        try_seconds=(seconds(), "For one DNS server to answer."),
        rounds=(whole("rounds", most=10), "How often every DNS server is asked."),
        total_seconds=(seconds(), "For one question, with all attempts."),
        max_questions_at_once=(whole("questions", most=10_000), "Asked at the same time, each on a UDP port."),
        max_aliases=(whole("aliases", most=100), "CNAME records followed one after the other."),
        min_ttl_seconds=(whole("seconds", least=0), "Answers are remembered for so long at least."),
        max_ttl_seconds=(whole("seconds"), "Answers are remembered for so long at most, whatever DNS says."),
        max_negative_ttl_seconds=(whole("seconds", least=0), "The same for the answer that something does not exist."),
        max_cached_answers=(whole("answers"), "Answers remembered."),
        max_cached_octets=(whole("bytes"), "The same in bytes of the messages they came in."),
    ),
    *_limits(
        "multiplex",
        MultiplexLimits(),
        max_domains=(
            whole("names", most=_LARGEST_ANNOUNCED),
            "Of a peer, kept on one stream, accepted or taken off; told to the peer.",
        ),
        max_pending=(
            whole("exchanges", most=_LARGEST_ANNOUNCED),
            "Begun by a peer, that are open on one stream; told to the peer.",
        ),
        answer_seconds=(seconds(1), "For an answer of a peer, or for a judgement."),
        repeat_seconds=(seconds(0), "After a domain was proven, until the peer may ask for it once more."),
        max_failures=(
            whole("exchanges"),
            "That a peer makes fail within ``failure_seconds`` on one stream; then none are taken up for as long.",
        ),
        failure_seconds=(seconds(1), "In which so many may fail."),
        max_ignored_elements=(
            whole("elements"),
            "Of multiplexing, on one stream, that belong to nothing, before it is closed.",
        ),
    ),
    *_limits(
        "multiplex",
        PresentationLimits(),
        max_signatures_per_second=(
            whole("signatures per second"),
            "Made for one IPv4 address, or one IPv6 network of 64 bits, on average; what exceeds this waits.",
        ),
        max_burst_signatures=(whole("signatures"), "Made for one at once, if few came before."),
        max_judgements_per_second=(
            whole("proofs per second"),
            "Shown on streams by one, that are judged, on average; what exceeds this waits.",
        ),
        max_burst_judgements=(whole("proofs"), "Of one, judged at once, if few came before."),
        max_waiting_proofs=(
            whole("proofs"),
            "Of one, that wait to be judged, and the same number of signatures; more are refused for a while.",
        ),
        warn_names=(
            whole("names"),
            "Given by one certificate of a peer, beyond which the log says so: whoever holds its key speaks for all.",
        ),
    ),
    *_limits(
        "components",
        ComponentLimits(),
        handshake_seconds=(seconds(), "From the connection of a component to its handshake."),
        closing_seconds=(seconds(), "For a component to close its half of the stream after we have closed ours."),
        answer_seconds=(seconds(), "For a component to show that it is alive, while another one asks for its place."),
        max_waiting_bytes=(
            whole("bytes", least=LEAST_MAX_ELEMENT_BYTES),
            "Waiting for a component that does not read; what exceeds it is returned to its sender.",
        ),
        max_unproven_connections=(whole("connections"), "Components, in all, that have not shaken hands yet."),
    ),
    *_framing("components.before_handshake", BEFORE_AUTHENTICATION, "a component before its handshake"),
    *_framing("components.after_handshake", AFTER_AUTHENTICATION, "a component"),
)
"""In the order of the documentation."""

AT_MOST: Final = (
    ("accept.max_unproven_connections", "accept.max_connections"),
    ("accept.max_address_connections", "accept.max_connections"),
    ("accept.max_address_unproven_connections", "accept.max_address_connections"),
    ("stream.before_authentication.max_element_bytes", "stream.after_authentication.max_element_bytes"),
    ("components.before_handshake.max_element_bytes", "components.after_handshake.max_element_bytes"),
    ("queue.max_pair_stanzas", "queue.max_total_stanzas"),
    ("queue.max_pair_bytes", "queue.max_total_bytes"),
    ("connect.connect_seconds", "connect.total_seconds"),
    ("backoff.first_seconds", "backoff.max_seconds"),
    ("dns.try_seconds", "dns.total_seconds"),
    ("dns.min_ttl_seconds", "dns.max_ttl_seconds"),
)
"""The first option of each pair may not exceed the second."""
