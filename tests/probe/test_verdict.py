"""What failures mean that a network in memory does not bring about."""

from __future__ import annotations

from muxs2s.network.targets import Target, Unreachable
from muxs2s.network.transcript import Culprit, Step, Transcript
from muxs2s.probe.record import MAX_FEATURES_SHOWN, CallRecord
from muxs2s.probe.verdict import Verdict, explain, explain_unreachable
from muxs2s.stream.events import StreamClosing
from muxs2s.stream.machine import StreamState
from muxs2s.testing import stanza_of
from muxs2s.wire.errors import StanzaCondition
from tests.probe.world import ProbeCase

TARGET = Target(host="peer.example", port=5269)
NOT_REACHED = Unreachable(StanzaCondition.REMOTE_SERVER_TIMEOUT, "no connection")


class UnreachableTests(ProbeCase):
    """No connection, for several reasons at once."""

    def verdict(self, *culprits: Culprit) -> Verdict:
        """What is said if connections failed by the fault of these."""
        steps = [Step(what="connect", subject="there", began_seconds=0.0, culprit=culprit) for culprit in culprits]
        return explain_unreachable(NOT_REACHED, tuple(steps), self.caller())

    def test_us(self) -> None:
        """An address to connect from that is not ours, or too many open files."""
        verdict = self.verdict(Culprit.US)
        self.assertIs(Culprit.US, verdict.culprit)
        self.assertIn("bind_address", verdict.remedy)

    def test_given_up(self) -> None:
        """Where time was up before any address had failed, silence is the fault."""
        steps = (Step(what="connect", subject="there", began_seconds=0.0),)
        self.assertIs(Culprit.NETWORK, explain_unreachable(NOT_REACHED, steps, self.caller()).culprit)

    def test_most_telling(self) -> None:
        """A host that answers on one address says more than one that is silent on the other."""
        self.assertIs(Culprit.PEER, self.verdict(Culprit.NETWORK, Culprit.PEER).culprit)
        self.assertIs(Culprit.NETWORK, self.verdict(Culprit.US, Culprit.NETWORK).culprit)


class HandshakeTests(ProbeCase):
    """Handshakes that fail."""

    def verdict(self, text: str) -> Verdict:
        """What is said if the connection is lost in the handshake, with these words of OpenSSL."""
        record = CallRecord(Transcript(self.network), "there")
        record.advanced(StreamState.SECURING)
        record.closed(StreamClosing(by_peer=True, condition=None, text=text, see_other=""))
        return explain(record, TARGET, self.caller(), self.network.seconds())

    def test_alert(self) -> None:
        """An alert for our certificate is about us, as far as we can tell; any other is not."""
        for words in ("tlsv1 alert unknown ca", "sslv3 alert bad certificate"):
            self.assertIn("refuses our certificate", self.verdict(f"TLS failed: {words}").text)
        for words in ("alert handshake failure", "certificate verify failed"):
            self.assertIn("does not come to TLS", self.verdict(f"TLS failed: {words}").text)


class RecordTests(ProbeCase):
    """What is kept of a peer's words."""

    def offered(self, features: str, state: StreamState = StreamState.PLAIN_NEGOTIATING) -> CallRecord:
        """A record of an offer that comes in some state."""
        record = CallRecord(Transcript(self.network), "there")
        record.advanced(state)
        record.offered(stanza_of(f"<stream:features>{features}</stream:features>"))
        return record

    def test_many_features(self) -> None:
        """Of many features the first are kept."""
        many = "".join(f"<f{number}/>" for number in range(MAX_FEATURES_SHOWN + 1))
        names = self.offered(many).features["outside_tls"]
        self.assertEqual(tuple(f"f{number}" for number in range(MAX_FEATURES_SHOWN)), names)

    def test_long_names(self) -> None:
        """Of a long name the beginning."""
        [name] = self.offered(f"<{'a' * 100}/>").features["outside_tls"]
        self.assertEqual("a" * 60 + "...", name)

    def test_out_of_turn(self) -> None:
        """An offer that nobody waits for is not kept."""
        self.assertEqual({}, self.offered("<f/>", StreamState.TLS_REQUESTED).features)

    def test_nobody(self) -> None:
        """A peer may answer in no name at all."""
        self.run_script(
            "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>"
            "</stream:stream>"
        )
        way = self.way()
        self.assertEqual("answers as nobody", next(step.text for step in way.steps if step.what == "header"))
        self.assertIsNone(way.record.answered_as)
