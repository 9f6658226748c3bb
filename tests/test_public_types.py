"""What callers learn from the types of the public names; mypy reads this file, and so it must run as well."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import assert_type

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import muxs2s
from muxs2s import (
    CertificateStore,
    Credentials,
    DomainName,
    DomainPair,
    Federation,
    PkixProof,
    Prooftype,
    S2SService,
    ServiceStatus,
    Slice,
    StanzaCondition,
    error_reply,
)
from muxs2s.testing import CertificateAuthority, MemoryFederation, MemoryResolver, Zone, stanza_of
from muxs2s.testing.network import MemoryNetwork


class PublicTypesTests(SynchronousTestCase):
    """The package tells its types to those who import it."""

    def test_marked(self) -> None:
        """Type checkers may read the package."""
        self.assertTrue((Path(muxs2s.__file__).parent / "py.typed").exists())

    def test_values(self) -> None:
        """Names and stanzas have types of their own; what may be absent says so."""
        stanza = stanza_of("<message from='u@a.example/r' to='b.example'/>")
        assert_type(stanza.pair, DomainPair)
        assert_type(stanza.pair.sender, DomainName)
        assert_type(error_reply(stanza, StanzaCondition.GONE, "moved"), Slice | None)
        self.assertIsInstance(stanza.target, DomainName)

    def test_service(self) -> None:
        """A service can be made of doubles, and is a federation to its hosts."""
        network, authority = MemoryNetwork(), CertificateAuthority()
        store = CertificateStore()
        store.add(authority.issue("a.example"))
        assert_type(store.for_domain(DomainName.parse("a.example"), 0.0), Credentials | None)
        lookup = MemoryResolver(Zone(), network)
        service = S2SService(network, ["a.example"], certificates=store, anchors=authority.trust_anchors, lookup=lookup)
        assert_type(service.hosted, AbstractSet[DomainName])
        assert_type(service.status(), ServiceStatus)
        federations: list[Federation] = [service, MemoryFederation("a.example")]
        self.assertTrue(all(DomainName.parse("a.example") in federation.hosted for federation in federations))
        service.startService()
        stopped = assert_type(service.stopService(), Deferred[None])
        self.assertIsNone(self.successResultOf(stopped))

    def test_prooftype(self) -> None:
        """What ships as a prooftype is one."""
        prooftype: Prooftype = PkixProof(CertificateAuthority().trust_anchors)
        self.assertEqual("pkix", prooftype.name)
