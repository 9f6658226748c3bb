"""The examples in ``doc/protocol.rst`` are those that are written anew here, and are what the code says and takes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.multiplex.reading import read_element
from tests.multiplex.make_examples import EXAMPLES, PAGE, rendered
from tests.multiplex.schema import assert_valid
from tests.wire.samples import read_slice


class ExamplesTests(SynchronousTestCase):
    """Page and code."""

    elements = tuple(
        element
        for _, _, dialogue in EXAMPLES
        for _, elements in dialogue()
        for element in elements
        if not isinstance(element, bytes)
    )

    def test_page(self) -> None:
        """The page is up to date: run ``python -m tests.multiplex.make_examples``."""
        self.assertEqual(rendered(), PAGE.read_text(encoding="utf-8"))

    def test_every_kind(self) -> None:
        """Each kind of element is shown, but for those that refuse to multiplex at all."""
        shown = {type(element).__name__.lower() for element in self.elements}
        wanted = "enable enabled offer request present accept reject withdraw revoke withdrawn revoked"
        self.assertEqual(set(wanted.split()), shown)

    def test_elements(self) -> None:
        """Each fits the schema, and is read as it was meant."""
        for element in self.elements:
            assert_valid(element.to_bytes())
            self.assertEqual(element, read_element(read_slice(element.to_bytes())))
