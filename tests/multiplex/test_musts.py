"""Every MUST of ``doc/protocol.rst`` is shown by a test, which is named here."""

from __future__ import annotations

import re
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.multiplex.test_protocol_page import PAGE
from tests.test_limits_table import known_tests

SHOWN: Final = {
    "What is accepted belongs to one direction of one stream": (
        "stream/test_multiplexed BesideTests.test_directions",
        "proof/test_authenticators CheckTests.test_relayed",
    ),
    "A receiving server that supports this protocol MUST support bidirectional": (
        "stream/test_multiplexed OfferTests.test_without_bidi",
        "stream/test_multiplexed EnableTests.test_one_way",
    ),
    "The feature MUST be in every set of stream features": ("stream/test_multiplexed OfferTests.test_offered",),
    "Otherwise it MUST NOT be offered": (
        "stream/test_multiplexed OfferTests.test_unfit_tls",
        "stream/test_multiplexed OfferTests.test_bidi_not_taken",
        "network/test_exporting RefusalTests.test_old_version",
        "network/test_exporting RefusalTests.test_resumption",
    ),
    "An initiating server MUST ignore a ``mux``": (
        "stream/test_multiplexed AskTests.test_offered_outside_tls",
        "multiplex/test_reading LimitTests.test_feature",
    ),
    "It MUST NOT do so unless the connection meets": (
        "stream/test_multiplexed AskTests.test_asks",
        "stream/test_multiplexed AskTests.test_silent",
    ),
    "This ``accept`` MUST be the first element": (
        "stream/test_multiplexed EnableTests.test_enabled",
        "stream/test_multiplexed AskTests.test_asks",
    ),
    "A reader MUST ignore attributes and children": (
        "multiplex/test_reading LiberalTests.test_unknown",
        "multiplex/test_reading LiberalTests.test_other_namespaces",
    ),
    "Both ends MUST take elements of this namespace": (
        "multiplex/test_reading MalformedTests.test_size",
        "stream/test_multiplexed StanzaTests.test_size",
    ),
    "A larger one MUST NOT be sent": (
        "multiplex/test_elements PortionsTests.test_at_limit",
        "proof/test_authenticators AuthenticateTests.test_size",
    ),
    "Elements are first-level elements": ("multiplex/test_model ModelTests.test_anything",),
    "Each id MUST be higher": ("multiplex/test_conversation IdTests.test_kinds",),
    "Whoever is told to wait MUST NOT begin": (
        "multiplex/test_presenting OfferTests.test_rejected",
        "multiplex/test_verifying AskingTests.test_not_there",
        "multiplex/test_conversation PauseTests.test_pause",
    ),
    "No answer may wait for another exchange": ("multiplex/test_multiplexer PairTests.test_both",),
    "A ``reject``, a timeout or a broken authenticator": (
        "multiplex/test_multiplexer PairTests.test_others_go_on",
        "stream/test_multiplexed BesideTests.test_wait",
        "service/test_presenting ProofTests.test_bad_authenticator",
        "service/test_multiplexing RefusedTests.test_own_stream",
    ),
    "Signing, checking and looking up MUST NOT hold up": (
        "network/test_slices TurnTests.test_one_slice",
        "service/test_presenting WaitingTests.test_beside",
    ),
    "Otherwise it MUST NOT be sent": ("stream/test_multiplexed StanzaTests.test_nothing_on_hope",),
    "The stream MUST be closed with the stream error ``invalid-from``": (
        "stream/test_multiplexed StanzaTests.test_foreign_sender",
    ),
    "SRVNames and XmppAddrs, too, MUST keep within": ("proof/test_pkix ConstraintTests.test_other_kinds_of_names",),
    "Each name MUST pass what the verifier would ask": (
        "multiplex/test_vouching PolicyTests.test_denied",
        "multiplex/test_vouching PolicyTests.test_other_evidence",
        "multiplex/test_vouching PolicyTests.test_patterns",
    ),
    "When the chain of an accepted certificate ends": ("multiplex/test_peer_certificates ExpiryTests.test_end",),
    "``signature_algorithms`` MUST hold": ("proof/test_authenticators ExchangeTests.test_server_asks",),
    "Its context is 32 random bytes and MUST be unique": (
        "proof/test_authenticators ContextTests.test_entropy",
        "proof/test_authenticators RequestTests.test_reflected_context",
    ),
    "What a server's policy asks of a domain it MUST ask on every way": (
        "service/test_multiplexing RefusedTests.test_lesser_proof",
        "stream/test_multiplexed BesideTests.test_dialback",
    ),
    "An implementation MUST take elements of 32,768 bytes": (
        "multiplex/test_protocol_page ProtocolPageTests.test_limits",
        "proof/test_authenticators CheckTests.test_size",
        "proof/test_authenticators RequestTests.test_size",
    ),
    "A request for a domain that is not hosted": (
        "multiplex/test_presenting UnaskedTests.test_hidden",
        "multiplex/test_conversation FailureTests.test_hidden",
    ),
}
"""Words of each sentence with a MUST, and the tests that show that we do so."""


def sentences() -> list[str]:
    """Every sentence with a MUST, but that which says what the word means."""
    text = PAGE.read_text(encoding="utf-8")
    rules = text[text.index("Initiating server, receiving server\n") :]
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n|\n\s*(?:\*|\d\.) ", rules))
    found = (sentence for part in paragraphs for sentence in re.split(r"(?<=[.:;)])\s+(?=[A-Z`])", part))
    return [sentence for sentence in found if re.search(r"\bMUST\b", sentence)]


class MustTests(SynchronousTestCase):
    """The page and the tests."""

    def test_each(self) -> None:
        """Each sentence with a MUST is named, once, and none that is not there."""
        found = [[words for words in SHOWN if words in sentence] for sentence in sentences()]
        self.assertEqual([], [sentence for sentence, named in zip(sentences(), found, strict=True) if not named])
        self.assertEqual(list(SHOWN), [words for named in found for words in named])

    def test_tests(self) -> None:
        """The tests are there."""
        self.assertEqual([], [test for tests in SHOWN.values() for test in tests if test not in known_tests()])
