"""
Servers of others in every situation while all is well, and in a selection of outages.

The tests are made from the table in :mod:`tests.interop.matrix`; each is a case by itself. All outages
there are stand in :mod:`tests.interop.whole`.
"""

from __future__ import annotations

from tests.interop.matrix import HEALTHY, SELECTED
from tests.interop.plays import MatrixCase, plays
from tests.interop.servers import Ejabberd, Jabberd2, Prosody


@plays(HEALTHY + SELECTED)
class ProsodyTests(MatrixCase[Prosody]):
    """Prosody: all there is."""

    kind = Prosody


@plays(HEALTHY + SELECTED)
class EjabberdTests(MatrixCase[Ejabberd]):
    """ejabberd: all but bidi."""

    kind = Ejabberd


@plays(HEALTHY + SELECTED)
class Jabberd2Tests(MatrixCase[Jabberd2]):
    """jabberd2: dialback after STARTTLS."""

    kind = Jabberd2
