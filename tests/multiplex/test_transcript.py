"""What one stream carries inside TLS, as ``doc/protocol.rst`` quotes it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire.namespaces import MULTIPLEX
from tests.multiplex.make_examples import ONE, TWO
from tests.multiplex.make_transcript import MESSAGES, PAGE, carried, rendered
from tests.multiplex.schema import assert_valid
from tests.service.samples import bodies


class TranscriptTests(SynchronousTestCase):
    """Two servers with two domains each, on one connection."""

    def test_page(self) -> None:
        """The page is up to date: run ``python -m tests.multiplex.make_transcript``."""
        self.assertEqual(rendered(), PAGE.read_text(encoding="utf-8"))

    def test_others_go_on(self) -> None:
        """M9: while two domains are added, messages of the others go on in both directions, in order."""
        said = [(write.server, element) for write in carried() for element in write.elements]
        names = [element.name for _, element in said]
        during = said[names.index("offer") : len(names) - names[::-1].index("accept")]
        self.assertEqual({ONE, TWO}, {server for server, element in during if element.is_stanza})
        for server, first in ((ONE, 1), (TWO, 2)):
            sent = bodies([element for speaker, element in said if speaker == server and element.is_stanza])
            numbers = [int(body) for body in sent if body.isdecimal()]
            self.assertEqual(list(range(first, MESSAGES + 1)), numbers)

    def test_new_pair(self) -> None:
        """M1, M3: the first stanza of the new pair comes after two round trips, and all fits the schema."""
        elements = [
            (write.server, each) for write in carried() for each in write.elements if each.namespace == MULTIPLEX
        ]
        assert_valid(*(element.data for _, element in elements))
        kinds = [
            f"{server} {element.name} {element.id}" for server, element in elements if element.id not in {None, "0"}
        ]
        self.assertEqual({"One offer 1", "One request 3"}, set(kinds[:2]))
        self.assertEqual({"Two request 1", "Two present 3"}, set(kinds[2:4]))
        self.assertEqual({"One present 1", "One accept 3", "Two accept 1"}, set(kinds[4:]))
