"""Tests of :mod:`muxs2s.proof.delegation`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.delegation import (
    MAX_CALLER_ENDPOINTS,
    MAX_TLSA_RECORDS,
    CallersEndpoints,
    Finding,
    Security,
    Terms,
    earliest,
    of_addresses,
)
from muxs2s.proof.tlsa import TLSARecord
from muxs2s.wire.names import DomainName
from tests.proof.endpoints import HOST, HOUR, NOW, SECURE, endpoint, found
from tests.proof.test_tlsa import SHA512, record

DOMAIN: Final = DomainName.parse("a.example")
TARGET: Final = DomainName.parse(HOST)
RECORD: Final = record()
RULES_OUT: Final = (Security.BOGUS, Security.FAILED)
COUNTS_FOR_NOTHING: Final = (Security.INSECURE, Security.ABSENT)


class EndpointTests(SynchronousTestCase):
    """On what terms an endpoint may be used."""

    def test_secure(self) -> None:
        """P3.5: where all is secure TLS is mandatory and one of the records must match, until they end."""
        terms = endpoint(RECORD).terms(NOW)
        expected = Terms(where=f"_5269._tcp.{HOST}", records=(RECORD,), is_binding=True, host=TARGET, until=NOW + HOUR)
        self.assertEqual(expected, terms)

    def test_srv_rules_out(self) -> None:
        """P3.2: a bogus or failed SRV answer ends the attempt, and each is called by its name."""
        for security in RULES_OUT:
            terms = endpoint(RECORD, srv=found(security)).terms(NOW)
            objection = f"the SRV records of {HOST} are {security.value} (as told)"
            self.assertEqual(Terms(where=terms.where, objection=objection), terms)

    def test_srv_insecure(self) -> None:
        """P3.2, P3.11, P3.13, D37, T19: without secure SRV records DANE does not apply, and the domain alone counts."""
        for security in COUNTS_FOR_NOTHING:
            terms = endpoint(RECORD, srv=found(security)).terms(NOW)
            self.assertEqual(("", (), False), (terms.objection, terms.records, terms.is_binding))
            self.assertEqual((DOMAIN,), terms.identities(DOMAIN))
            self.assertEqual((f"the SRV records of {HOST} are {security.value}",), terms.notes)

    def test_addresses_rule_out(self) -> None:
        """P3.3: an endpoint whose addresses are bogus or could not be found out is not connected to."""
        for security in RULES_OUT:
            terms = endpoint(RECORD, addresses=found(security)).terms(NOW)
            self.assertIn(f"the address records of {HOST} are {security.value}", terms.objection)
            self.assertEqual(((), None), (terms.records, terms.host))

    def test_addresses_insecure(self) -> None:
        """P3.3: no TLSA record counts where no address is secure; the secure SRV target does."""
        for security in COUNTS_FOR_NOTHING:
            terms = endpoint(RECORD, addresses=found(security)).terms(NOW)
            self.assertEqual(("", (), False), (terms.objection, terms.records, terms.is_binding))
            self.assertEqual((DOMAIN, TARGET), terms.identities(DOMAIN))

    def test_tlsa_rules_out(self) -> None:
        """P3.5: an endpoint whose TLSA records are bogus or could not be looked up is not connected to."""
        for security in RULES_OUT:
            terms = endpoint(RECORD, tlsa=found(security)).terms(NOW)
            self.assertIn(f"the TLSA records of {HOST} are {security.value}", terms.objection)
            self.assertEqual(((), None), (terms.records, terms.host))

    def test_tlsa_insecure(self) -> None:
        """P3.5, P3.11, D37: insecure TLSA records are as none, and the certificate may name domain or target."""
        for security in COUNTS_FOR_NOTHING:
            terms = endpoint(RECORD, tlsa=found(security)).terms(NOW)
            self.assertEqual(("", (), False), (terms.objection, terms.records, terms.is_binding))
            self.assertEqual((DOMAIN, TARGET), terms.identities(DOMAIN))

    def test_name(self) -> None:
        """P3.4, P3.14: TLSA records are asked for by port and host of the SRV record, in A-labels."""
        self.assertEqual("_5269._tcp.one.hosting.example", endpoint().tlsa_name)
        host = DomainName.parse("bücher.example").ascii
        self.assertEqual("_443._tcp.xn--bcher-kva.example", replace(endpoint(host=host), port=443).tlsa_name)

    def test_host_without_a_domain_name(self) -> None:
        """A target that no certificate can name is served like others, and adds no identity."""
        terms = endpoint(RECORD, host="_odd.example").terms(NOW)
        self.assertEqual(((RECORD,), None), (terms.records, terms.host))

    def test_text(self) -> None:
        """What DNS servers say of a failure gets into a log on one line, cut."""
        bad = Finding(security=Security.FAILED, text="x\n" * 400)
        objection = endpoint(srv=bad).terms(NOW).objection
        self.assertTrue(objection.isprintable())
        self.assertLess(len(objection), 1_000)


class RecordTests(SynchronousTestCase):
    """Which of the records of an endpoint count."""

    def test_none_usable(self) -> None:
        """P3.6, P3.11: where no record can be used it is as if there were none, and why is told."""
        terms = endpoint(record(0), record(9)).terms(NOW)
        self.assertEqual(((), False, TARGET, ""), (terms.records, terms.is_binding, terms.host, terms.objection))
        self.assertEqual(2, len(terms.notes))
        self.assertIn("9 1 1 0000000000000000... is unusable: its usage 9 is unknown", terms.notes)

    def test_some_usable(self) -> None:
        """P3.6: an unusable record takes nothing from a usable one beside it."""
        terms = endpoint(record(9), RECORD).terms(NOW)
        self.assertEqual(((RECORD,), True), (terms.records, terms.is_binding))

    def test_agility(self) -> None:
        """P3.10: weaker digests do not count; an unusable SHA-512 record makes no other one weaker."""
        strong, broken = record(matching=2, data=SHA512), record(matching=2, data=b"short")
        self.assertEqual((strong,), endpoint(RECORD, strong).terms(NOW).records)
        self.assertEqual((RECORD,), endpoint(RECORD, broken).terms(NOW).records)

    def test_most(self) -> None:
        """P3.6: as many records as the limit count; with one more the endpoint is not used."""
        crowd = [record(data=number.to_bytes(32, "big")) for number in range(MAX_TLSA_RECORDS + 1)]
        self.assertEqual(tuple(crowd[1:]), endpoint(*crowd[1:]).terms(NOW).records)
        terms = endpoint(*crowd).terms(NOW)
        text = f"there are 101 TLSA records at _5269._tcp.{HOST}, 100 are the most"
        self.assertEqual((text, (), None), (terms.objection, terms.records, terms.host))

    def test_many_unusable(self) -> None:
        """P3.6: of many unusable records the first few are told of."""
        notes = endpoint(*[record(data=bytes(number)) for number in range(30)]).terms(NOW).notes
        self.assertEqual((4, "so are 27 more"), (len(notes), notes[-1]))

    def test_not_shown(self) -> None:
        """The records are not part of how an endpoint is shown: they may be long."""
        self.assertNotIn("records", repr(endpoint(record(data=bytes(60_000)))))


class LifetimeTests(SynchronousTestCase):
    """How long an answer counts."""

    def test_earliest(self) -> None:
        """P3.18: the terms end with the first of the answers they rest on."""
        early = found(Security.SECURE, NOW + 60)
        for shown in (endpoint(RECORD, srv=early), endpoint(RECORD, addresses=early), endpoint(RECORD, tlsa=early)):
            self.assertEqual(NOW + 60, shown.terms(NOW).until)
        self.assertEqual(NOW + HOUR, endpoint(tlsa=found(Security.ABSENT, NOW + 2 * HOUR)).terms(NOW).until)

    def test_over(self) -> None:
        """P3.18: an answer that has ended counts no more, and does not open the door: DNS is to be asked again."""
        terms = endpoint(RECORD).terms(NOW + HOUR)
        self.assertEqual((), terms.records)
        self.assertEqual(f"the SRV records of {HOST} are no longer known: ask DNS again", terms.objection)
        self.assertEqual((RECORD,), endpoint(RECORD).terms(NOW + HOUR - 1).records)

    def test_no_end(self) -> None:
        """P3.18: what has no end ends nothing."""
        endless = Finding(security=Security.SECURE)
        self.assertIsNone(endpoint(RECORD, srv=endless, addresses=endless, tlsa=endless).terms(NOW).until)
        self.assertEqual(1.0, earliest((None, 2.0, 1.0)))


class AddressTests(SynchronousTestCase):
    """A and AAAA together."""

    def test_each(self) -> None:
        """P3.3: one secure answer suffices; else a bogus or failed one rules out; else insecure ones are insecure."""
        for one, other, both in (
            (Security.SECURE, Security.BOGUS, Security.SECURE),
            (Security.SECURE, Security.INSECURE, Security.SECURE),
            (Security.SECURE, Security.ABSENT, Security.SECURE),
            (Security.BOGUS, Security.FAILED, Security.BOGUS),
            (Security.BOGUS, Security.INSECURE, Security.BOGUS),
            (Security.FAILED, Security.INSECURE, Security.FAILED),
            (Security.FAILED, Security.ABSENT, Security.FAILED),
            (Security.INSECURE, Security.ABSENT, Security.INSECURE),
            (Security.ABSENT, Security.ABSENT, Security.ABSENT),
        ):
            for families in ([found(one), found(other)], [found(other), found(one)]):
                self.assertIs(both, of_addresses(families).security, (one, other))

    def test_ends(self) -> None:
        """P3.18: of two secure answers the earlier end counts; that of an answer that does not count is none."""
        early = found(Security.SECURE, NOW + 1)
        self.assertEqual(replace(SECURE, until=NOW + 1, text="as told"), of_addresses([early, found(Security.SECURE)]))
        self.assertEqual(NOW + HOUR, of_addresses([found(Security.ABSENT, NOW + 1), SECURE]).until)

    def test_nothing(self) -> None:
        """Who has not asked knows of no address."""
        self.assertEqual(Finding(security=Security.ABSENT), of_addresses([]))


class CallersEndpointsTests(SynchronousTestCase):
    """What a peer that has called us may show."""

    def called_by(self, *records: TLSARecord) -> Terms:
        """The terms for a caller with two targets: one has these records, the other one of its own."""
        other = endpoint(record(data=b"\x02" * 32), host="two.hosting.example", tlsa=found(Security.SECURE, NOW + 60))
        return CallersEndpoints(endpoints=(endpoint(*records), other)).terms(NOW)

    def test_all_targets(self) -> None:
        """P3.17: the DANE-EE records of all secure targets are chosen, until the first of them ends; none binds."""
        terms = self.called_by(RECORD)
        self.assertEqual((RECORD, record(data=b"\x02" * 32)), terms.records)
        self.assertEqual((NOW + 60, False, None), (terms.until, terms.is_binding, terms.host))

    def test_other_usages(self) -> None:
        """P3.17: records of other usages are for those who are called."""
        self.assertEqual((RECORD,), self.called_by(record(1), record(2), RECORD).records[:-1])

    def test_agility(self) -> None:
        """P3.10, P3.17: digests are compared at each name by itself."""
        strong = record(matching=2, data=SHA512)
        self.assertEqual((strong, record(data=b"\x02" * 32)), self.called_by(RECORD, strong).records)

    def test_not_secure(self) -> None:
        """P3.17: a target that is not secure, or was not found out, adds a note and no record."""
        for security in Security:
            if security is not Security.SECURE:
                terms = CallersEndpoints(endpoints=(endpoint(RECORD, tlsa=found(security)),)).terms(NOW)
                self.assertEqual(((), "", None), (terms.records, terms.objection, terms.until))
                self.assertIn(f"the TLSA records of {HOST} are {security.value}", terms.notes[0])

    def test_same_records(self) -> None:
        """P3.17: the same record at two hosts is one."""
        both = endpoint(RECORD), endpoint(RECORD, host="two.hosting.example")
        self.assertEqual((RECORD,), CallersEndpoints(endpoints=both).terms(NOW).records)

    def test_none(self) -> None:
        """P3.17: where the SRV records could not be found out, that is told."""
        terms = CallersEndpoints(endpoints=(), notes=("SRV: bogus",)).terms(NOW)
        self.assertEqual(((), ("SRV: bogus",)), (terms.records, terms.notes))

    def test_most(self) -> None:
        """P3.17: of more endpoints than the limit the first ones count."""
        crowd = [endpoint(record(data=bytes((number,)) * 32)) for number in range(MAX_CALLER_ENDPOINTS + 1)]
        self.assertEqual(8, len(CallersEndpoints(endpoints=tuple(crowd)).terms(NOW).records))
        self.assertEqual(8, len(CallersEndpoints(endpoints=tuple(crowd[1:])).terms(NOW).records))
