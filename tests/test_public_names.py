"""The promise: what ``muxs2s`` exports, name by name."""

from __future__ import annotations

import ast
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import muxs2s
import muxs2s.testing

_PROMISED = """
AcceptLimits BackoffLimits CertificateProblem CertificateStore ComponentFactory ComponentLimits ConnectLimits
Credentials DIALBACK_SUFFICES DialLimits DialbackSecret DomainName DomainPair Evidence Federation FramingLimits Host
LocalMisuse Lookup MultiplexLimits MuxS2SError NameRefused Outcome Overrides PeerPolicies PeerPolicy PkixProof
PresentationLimits ProofPolicy Prooftype Proven QueueLimits QueueStatus RaceLimits Refused Reload RemoteViolation
Resolver ResolverLimits RouterHost S2SService Scope ServiceLimits ServiceStatus Slice StanzaCondition StreamCondition
StreamLimits StreamStatus Target TrustAnchors Undecided error_reply from_tree load_trust_anchors read_override
read_target
"""


class PublicNameTests(SynchronousTestCase):
    """What embedders import today they can import tomorrow."""

    def test_promise(self) -> None:
        """Exactly the promised names are exported; a change here is a change for embedders."""
        self.assertEqual(sorted(_PROMISED.split()), sorted(muxs2s.__all__))

    def test_names_exist(self) -> None:
        """Whatever ``__all__`` lists can be imported."""
        for module in (muxs2s, muxs2s.testing):
            for name in module.__all__:
                self.assertTrue(hasattr(module, name), name)

    def test_only_reexports(self) -> None:
        """The package itself defines nothing: it only says where the names are."""
        tree = ast.parse(Path(muxs2s.__file__).read_text(encoding="utf-8"))
        kinds = {type(node) for node in tree.body}
        self.assertEqual(kinds, {ast.Expr, ast.ImportFrom, ast.Assign})
