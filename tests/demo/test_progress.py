"""What is shown while a demonstration runs."""

from __future__ import annotations

import io

from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from muxs2s.demo.plan import Plan
from muxs2s.demo.progress import Bars, Silence


class BarsTests(SynchronousTestCase):
    """Bars on a terminal, and elsewhere."""

    def shown(self, *, terminal: bool) -> str:
        """What an exchange half done looks like."""
        out = io.StringIO()
        with Bars(Plan(), Console(file=out, force_terminal=terminal, width=100, _environ={})) as bars:
            bars.stage("two processes")
            bars.advance(50, 25, 75)
        return out.getvalue()

    def test_terminal(self) -> None:
        """A terminal shows stages and numbers as they change."""
        text = self.shown(terminal=True)
        for part in ("two processes", "0 of 100", "50 of 100", "25 of 100", "75 connections"):
            self.assertIn(part, text)

    def test_elsewhere(self) -> None:
        """Elsewhere only the last state is written, without a control sequence."""
        text = self.shown(terminal=False)
        self.assertEqual(1, text.count("50 of 100"))
        self.assertNotIn("\x1b", text)


class SilenceTests(SynchronousTestCase):
    """For those who want the result alone."""

    def test_silence(self) -> None:
        """It takes whatever the bars take, and says nothing."""
        silence = Silence()
        silence.stage("two processes")
        silence.advance(1, 1, 1)
        self.assertEqual({}, vars(silence))
