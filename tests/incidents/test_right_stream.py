"""
Several servers with several domains, to which anything may happen: each stanza leaves on a stream for its pair.

Incident 11 is OF-1309: stanzas that left on the stream of another pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.protocol import StreamProtocol
from muxs2s.proof.peers import DIALBACK_SUFFICES, PeerPolicies
from muxs2s.stream.associations import Admission, Direction
from muxs2s.testing import CertificateAuthority
from muxs2s.wire.errors import LocalMisuse
from muxs2s.wire.names import DomainName, DomainPair
from muxs2s.wire.stanza import Slice
from tests.hosts.logs import Logged
from tests.service.samples import message
from tests.service.world import Server, World

STRANGER: Final = CertificateAuthority("a stranger")

LENIENT: Final = PeerPolicies(default=DIALBACK_SUFFICES)

OWNERS: Final = {
    "a1.example": "a",
    "a2.example": "a",
    "b1.example": "b",
    "b2.example": "b",
    "c1.example": "c",
    "c2.example": "c",
    "d.example": "d",
}
"""Whose each domain is: servers a and b have good certificates, c and d prove themselves by keys, d one way only."""

Pair = tuple[str, str]
"""Sender and target."""

PAIRS: Final[list[Pair]] = [
    (sender, target) for sender in OWNERS for target in OWNERS if OWNERS[sender] != OWNERS[target]
]

Step = tuple[str, str, str]
"""What happens, and to which domains; most of it concerns the first."""

STEPS: Final = st.builds(
    lambda what, pair: (what, *pair),
    st.sampled_from(["send", "send", "send", "send to all", "cut", "remove", "add", "lie", "mend", "restart"]),
    st.sampled_from(PAIRS),
)


class Story:
    """Four servers, and what they have sent each other."""

    def __init__(self) -> None:
        self.world = World()
        self.servers = {name: self.server(name) for name in "abcd"}
        self.by_address = {server.address: name for name, server in self.servers.items()}
        self.wanted: dict[Pair, list[str]] = {pair: [] for pair in PAIRS}
        self.wrong: list[str] = []
        """Whatever left on a stream where it does not belong."""

    def server(self, name: str) -> Server:
        """Make one of the servers."""
        domains = [domain for domain, owner in OWNERS.items() if owner == name]
        own = {} if name in "ab" else {"credentials": [STRANGER.issue(domain) for domain in domains]}
        return self.world.server(*domains, policies=lambda: LENIENT, bidi=name != "d", **own)

    def owner(self, domain: str) -> Server:
        """The server of a domain."""
        return self.servers[OWNERS[domain]]

    # What can happen.

    def act(self, step: Step) -> None:
        """Let something happen, and what follows from it."""
        what, sender, target = step
        server = self.owner(sender)
        acts: dict[str, Callable[[], object]] = {
            "send": lambda: self.send(sender, target),
            "send to all": lambda: self.send_to_all(sender),
            "cut": lambda: self.cut(server),
            "remove": lambda: server.service.remove_domain(sender),
            "add": lambda: self.add(sender),
            "lie": lambda: self.say_in_dns(sender, self.owner(target)),
            "mend": lambda: self.say_in_dns(sender, server),
            "restart": lambda: self.restart(server),
        }
        acts[what]()
        self.world.advance(2.0)

    def send(self, sender: str, target: str) -> None:
        """Send a stanza that says for whom it is; whoever does not serve its sender at the moment is told so."""
        text = f"{sender} to {target}, number {len(self.wanted[sender, target])}"
        try:
            self.owner(sender).service.send([message(text, f"x@{sender}", f"y@{target}")])
        except LocalMisuse:
            return
        self.wanted[sender, target].append(text)

    def send_to_all(self, sender: str) -> None:
        """Send one to each domain of others."""
        for pair in PAIRS:
            if pair[0] == sender:
                self.send(*pair)

    def cut(self, server: Server) -> None:
        """Break all connections of a server."""
        for connection in self.world.network.connections:
            if server.address in {connection.getHost().host, connection.getPeer().host}:
                connection.cut()

    def add(self, domain: str) -> None:
        """Host a domain again."""
        server = self.owner(domain)
        server.service.add_domain(domain)
        server.service.attach(DomainName.parse(domain), server.mailbox)

    def restart(self, server: Server) -> None:
        """Stop a server, and start it again with the domains it has at the moment."""
        server.stop()
        self.world.advance(1.0)
        server.service.startService()
        for domain in server.service.hosted:
            server.service.attach(domain, server.mailbox)

    def say_in_dns(self, domain: str, server: Server) -> None:
        """Say where a domain is, be it true or not."""
        self.world.zone.remove(f"xmpp.{domain}", "A")
        self.world.zone.add(f"xmpp.{domain}", "A", server.address)

    # What must hold.

    def look_at(self, connection: StreamProtocol, pair: DomainPair, stanzas: Sequence[Slice]) -> None:
        """Stanzas are about to leave."""
        assert connection.transport is not None
        ends = [str(connection.transport.getHost()), connection.peer_address]
        owners = [name for end in ends for address, name in self.by_address.items() if address in end]
        if owners != [OWNERS[domain] for domain in pair]:
            self.wrong.append(f"{pair} between {ends}")
        if any(stanza.pair != pair for stanza in stanzas):
            self.wrong.append(f"{[str(stanza.pair) for stanza in stanzas]} as {pair}")
        now = self.world.network.seconds()
        if connection.stream.associations.examine(Direction.OUTBOUND, pair, now) is not Admission.ADMITTED:
            self.wrong.append(f"{pair} is not proven")

    def delivered(self, pair: Pair) -> list[str]:
        """What has arrived of a pair, at the server of its target, in order."""
        texts = self.owner(pair[1]).mailbox.texts
        return [text for text in texts if text.startswith(f"{pair[0]} to {pair[1]},")]

    def heal(self) -> None:
        """Mend everything."""
        for domain in OWNERS:
            self.say_in_dns(domain, self.owner(domain))
            self.add(domain)
        for server in self.servers.values():
            server.service.end_rests()
        self.world.advance(121.0)


class RightStreamTests(SynchronousTestCase):
    """Whatever happens to servers, streams and DNS."""

    @settings(derandomize=True, deadline=None, max_examples=20, database=None)
    @given(st.lists(STEPS, min_size=3, max_size=20))
    def test_right_stream(self, steps: list[Step]) -> None:
        """Incident 11: a stanza leaves between the servers of its two domains, on a stream that is proven for both."""
        logged, story = Logged(self), Story()
        send = StreamProtocol.send

        def watched(connection: StreamProtocol, pair: DomainPair, stanzas: Sequence[Slice]) -> None:
            story.look_at(connection, pair, stanzas)
            send(connection, pair, stanzas)

        patch = self.patch(StreamProtocol, "send", watched)
        for step in steps:
            story.act(step)
        story.heal()
        for pair in PAIRS:
            story.send(*pair)
            story.world.advance(1.0)
        patch.restore()
        self.assertEqual([], story.wrong)
        self.assertEqual([], [line for line in logged.lines if line.startswith("dropping")])
        for pair, wanted in story.wanted.items():
            arrived = story.delivered(pair)
            self.assertEqual([text for text in wanted if text in arrived], arrived)
            self.assertEqual(wanted[-1:], arrived[-1:])
        arrived = [text for server in story.servers.values() for text in server.mailbox.texts]
        self.assertEqual(sum(len(story.delivered(pair)) for pair in PAIRS), len(arrived))
        story.world.stop()
        self.assertEqual([], self.flushLoggedErrors())
