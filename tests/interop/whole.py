"""
Servers of others in every situation there is: ``make interop-full``. It takes an hour, or less on more processors.

What :mod:`tests.interop.test_matrix` runs is a part of it.
"""

from __future__ import annotations

from tests.interop.matrix import EVERY
from tests.interop.plays import MatrixCase, plays
from tests.interop.servers import Ejabberd, Jabberd2, Prosody

__all__ = ["EjabberdTests", "Jabberd2Tests", "ProsodyTests"]


@plays(EVERY)
class ProsodyTests(MatrixCase[Prosody]):
    """Prosody: all there is."""

    kind = Prosody


@plays(EVERY)
class EjabberdTests(MatrixCase[Ejabberd]):
    """ejabberd: all but bidi."""

    kind = Ejabberd


@plays(EVERY)
class Jabberd2Tests(MatrixCase[Jabberd2]):
    """jabberd2: dialback after STARTTLS."""

    kind = Jabberd2
