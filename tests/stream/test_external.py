"""Tests of :mod:`muxs2s.stream.external`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.stream.external import (
    SASLCondition,
    SASLFailed,
    auth_element,
    check_authzid,
    failure_element,
    failure_reason,
)
from muxs2s.wire.namespaces import SASL, TLS
from muxs2s.wire.reasons import MAX_REASON_CHARACTERS
from muxs2s.wire.stanza import Slice
from tests.stream.scripts import A


def element(name: str, inside: str = "", attributes: str = "", namespace: str = SASL) -> Slice:
    """One element of a SASL or TLS exchange, as a stream delivers it."""
    data = f"<{name} xmlns='{namespace}' {attributes}>{inside}</{name}>".encode()
    return Slice(data, namespace, name, None, None, None, None)


def auth(inside: str) -> Slice:
    """A peer's ``<auth/>``."""
    return element("auth", inside, "mechanism='EXTERNAL'")


class CheckTests(SynchronousTestCase):
    """The peer's identity. What each answer looks like in a stream stands with the receiving stream's tests."""

    def condition(self, said: Slice) -> SASLCondition:
        """With which condition it fails."""
        failed = self.assertRaises(SASLFailed, check_authzid, said, A)
        assert isinstance(failed, SASLFailed)
        self.assertEqual(failed.condition.value, str(failed))
        return failed.condition

    def test_good(self) -> None:
        """T12: the header's domain, or none of its own, in ``auth`` or in the answer to a challenge."""
        for said in (auth("="), auth("YS5leGFtcGxl"), element("response"), element("response", "YS5leGFtcGxl")):
            self.assertTrue(check_authzid(said, A))

    def test_left_out(self) -> None:
        """T12: an empty ``auth`` leaves the identity for later."""
        self.assertFalse(check_authzid(auth(""), A))

    def test_text_in_pieces(self) -> None:
        """CDATA and character references are text like any other."""
        self.assertTrue(check_authzid(auth("YS5l<![CDATA[eGFt]]>cG&#120;l"), A))

    def test_conditions(self) -> None:
        """T11, T12, T13: each way to fail has its condition."""
        for said, condition in (
            (element("abort"), SASLCondition.ABORTED),
            (element("auth", "="), SASLCondition.INVALID_MECHANISM),
            (element("auth", "=", "mechanism='external'"), SASLCondition.INVALID_MECHANISM),
            (auth("Yi5leGFtcGxl"), SASLCondition.INVALID_AUTHZID),
            (auth("Li4="), SASLCondition.INVALID_AUTHZID),
            (auth("YS5leGFtcGxlAA=="), SASLCondition.INVALID_AUTHZID),
            (auth("YS5leGFtcGxl="), SASLCondition.INCORRECT_ENCODING),
            (auth("YR=="), SASLCondition.INCORRECT_ENCODING),
            (auth("/w=="), SASLCondition.INCORRECT_ENCODING),
            (auth("-_-_"), SASLCondition.INCORRECT_ENCODING),
            (auth("YS5l<x/>eGFtcGxl"), SASLCondition.MALFORMED_REQUEST),
        ):
            self.assertIs(condition, self.condition(said), said)

    def test_our_own(self) -> None:
        """T12: what we send is what we accept, and nobody else's."""
        data = auth_element(A)
        said = Slice(data, SASL, "auth", None, None, None, None)
        self.assertTrue(check_authzid(said, A))

    def test_answers(self) -> None:
        """Every condition is written as an element of its name."""
        for condition in SASLCondition:
            self.assertEqual(
                f"<failure xmlns='{SASL}'><{condition.value}/></failure>".encode(), failure_element(condition)
            )


class ReasonTests(SynchronousTestCase):
    """Why a peer refused, in its own words as far as they go."""

    def test_reasons(self) -> None:
        """The condition, then the text; children that do not belong there are passed over."""
        for inside, reason in (
            ("", "no reason given"),
            ("<not-authorized/>", "not-authorized"),
            ("<not-authorized/><text>expired</text>", "not-authorized: expired"),
            ("<text> expired </text><not-authorized/><aborted/><text>really</text>", "not-authorized: expired"),
            ("<text/>", "no reason given"),
            ("<text><b>bold</b></text>", "no reason given"),
            ("<evil xmlns='urn:x'/><not-authorized><evil/></not-authorized>", "not-authorized"),
            ("expired", "no reason given"),
        ):
            self.assertEqual(reason, failure_reason(element("failure", inside)))

    def test_tls(self) -> None:
        """T3: the failure of STARTTLS says nothing more."""
        self.assertEqual("no reason given", failure_reason(element("failure", namespace=TLS)))

    def test_bounds(self) -> None:
        """However long and odd, it is one bounded line."""
        for inside in (f"<{'x' * 5_000}/>", f"<aborted/><text>{'x' * 5_000}</text>", "<text>a\nb&#x202e;c</text>"):
            reason = failure_reason(element("failure", inside))
            self.assertLessEqual(len(reason), MAX_REASON_CHARACTERS + 3)
            self.assertTrue(reason.isprintable())
