"""A whole probe: every way a domain can or cannot be reached."""

from __future__ import annotations

from muxs2s.network import pem
from muxs2s.probe.caller import ANSWER_SECONDS
from muxs2s.service.opening import MAX_REDIRECTS
from muxs2s.testing import CLIENT, CertificateAuthority
from tests.probe.world import (
    AUTH_FAILED,
    DOMAIN,
    EXTERNAL,
    HEADER,
    PEER,
    STARTTLS,
    SUCCESS,
    ProbeCase,
    Turn,
    features,
    header,
    stream_error,
)
from tests.server.configured import AUTHORITY

DAY = 86_400.0
DIALBACK = "<dialback xmlns='urn:xmpp:features:dialback'/>"
INSIDE_TLS = (HEADER + features(STARTTLS), Turn.TLS)
"""How servers begin."""


class HealthyTests(ProbeCase):
    """All is well."""

    def test_healthy(self) -> None:
        """A good server takes us and is proven; every step is told, with what was agreed on."""
        self.run_server()
        way = self.way()
        self.assertIsNone(way.verdict.culprit)
        self.assertTrue(way.verdict.is_complete)
        self.assertEqual("b.example accepts a.example by SASL EXTERNAL, and is proven by pkix", way.verdict.text)
        words = [step.what for step in way.steps]
        begin = ["address", "address", "connect", "header", "features", "starttls", "tls", "peer"]
        self.assertEqual([*begin, "header", "features", "external", "header", "features"], words)
        self.assertTrue(all(step.went_well for step in way.steps))
        assert way.record.tls is not None
        self.assertEqual("TLSv1.3", way.record.tls.version)
        self.assertEqual([self.theirs.leaf], list(way.record.chain))

    def test_nothing_stays(self) -> None:
        """The stream is closed in good order, at once."""
        server = self.run_server()
        self.report()
        self.assertEqual((), server.federation.status().streams)

    def test_direct_tls(self) -> None:
        """Where TLS comes first it does so here."""
        self.zone.remove(f"_xmpp-server._tcp.{DOMAIN}", "SRV")
        self.zone.add_srv(DOMAIN, "peer.example", 5270, service="xmpps-server")
        inside = (HEADER + features(EXTERNAL), SUCCESS, HEADER + features())
        self.run_script(Turn.TLS, *inside, port=5270)
        way = self.way()
        self.assertIsNone(way.verdict.culprit)
        self.assertEqual(("xmpps://peer.example:5270", "xmpp-server"), (str(way.target), way.record.tls.alpn))  # type: ignore[union-attr]  # else it fails

    def test_limits(self) -> None:
        """What a server offers and announces is kept, by when it does; odd names are made fit to print."""
        limits = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>20000</max-bytes></limits>"
        inside = HEADER + features(EXTERNAL, limits, DIALBACK, "<odd\u202e/>".replace("\u202e", "-"))
        self.run_script(*INSIDE_TLS, inside, SUCCESS, HEADER + features("<bidi xmlns='urn:xmpp:bidi'/>"))
        record = self.way().record
        self.assertEqual(20_000, record.limits.max_bytes)
        offered = {
            "outside_tls": ("starttls",),
            "inside_tls": ("mechanism EXTERNAL", "limits", "dialback", "odd-"),
            "authenticated": ("bidi",),
        }
        self.assertEqual(offered, record.features)

    def test_several_ways(self) -> None:
        """Every server is called; the first at which ours would end decides, the others are told of."""
        self.zone.add_srv(DOMAIN, "gone.example", 5269, priority=0)
        self.zone.remove(f"_xmpp-server._tcp.{DOMAIN}", "SRV")
        for priority, port in enumerate((5271, 5269, 5272)):
            self.zone.add_srv(DOMAIN, "peer.example", port, priority=priority)
        self.run_server()
        self.run_script(HEADER + stream_error("host-unknown"), port=5272)
        report = self.report()
        self.assertTrue(report.is_healthy)
        self.assertEqual([True, False, False], [way.goes_on for way in report.ways])
        culprits = [way.verdict.culprit.value if way.verdict.culprit else None for way in report.ways]
        self.assertEqual(["peer", None, "peer"], culprits)


class DNSTests(ProbeCase):
    """DNS leads nowhere."""

    def setUp(self) -> None:
        super().setUp()
        self.zone.remove(f"_xmpp-server._tcp.{DOMAIN}", "SRV")

    def test_nothing(self) -> None:
        """Neither SRV records nor an address: the domain does not exist, or is misspelt."""
        report = self.report()
        self.assert_blamed(report, "dns", "b.example has no A record", "the spelling of b.example")
        self.assertEqual(["srv", "srv", "fallback"], [step.what for step in report.search])

    def test_no_address(self) -> None:
        """SRV records lead to a host without an address."""
        self.zone.add_srv(DOMAIN, "gone.example", 5269)
        self.assert_blamed(self.report(), "dns", "gone.example has no A record")

    def test_no_answer(self) -> None:
        """Where name servers fail, DNS is to blame."""
        for name in (f"_xmpp-server._tcp.{DOMAIN}", f"_xmpps-server._tcp.{DOMAIN}", DOMAIN):
            self.zone.fail(name)
        self.assert_blamed(self.report(), "dns", "SERVFAIL", "whether our DNS servers answer")

    def test_not_offered(self) -> None:
        """The domain says it has no such service: that is its own affair."""
        self.zone.add_srv(DOMAIN, ".", 0)
        report = self.report()
        self.assert_blamed(report, "peer", "offers no XMPP service")
        self.assertEqual((), report.ways)

    def test_override(self) -> None:
        """An address that the configuration has for the domain is tried alone, and is ours to correct."""
        override = {DOMAIN: {"address": "gone.example:5299"}}
        report = self.report(domain=override)
        self.assert_blamed(report, "us", "correct the address that the configuration has")
        self.assertEqual(["the configuration says gone.example:5299"], [step.text for step in report.search])


class ConnectTests(ProbeCase):
    """There is no connection."""

    def test_refused(self) -> None:
        """Nobody listens at the port."""
        self.assert_blamed(self.report(), "peer", "Connection was refused", "its server is down")

    def test_silent(self) -> None:
        """Where the only address is silent, the network is to blame."""
        self.network.silent.add(PEER)
        self.assert_blamed(self.report(seconds=60), "network", "no answer within 10 s", "a firewall or a route")


class PlainTests(ProbeCase):
    """Outside TLS."""

    def test_says_nothing(self) -> None:
        """A server that takes the connection and says nothing is waited for so long."""
        self.run_script()
        report = self.report(seconds=ANSWER_SECONDS + 3)
        self.assert_blamed(report, "peer", "accepts the connection and says nothing", "a proxy")

    def test_hangs_up(self) -> None:
        """A server that hangs up may bar us."""
        self.run_script(Turn.HANG_UP)
        self.assert_blamed(self.report(), "peer", "hangs up at once", "may bar this address")

    def test_other_language(self) -> None:
        """What does not speak XMPP is at a wrong port."""
        self.run_script("HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assert_blamed(self.report(), "peer", "does not speak as servers do", "a wrong port")

    def test_no_starttls(self) -> None:
        """A server without STARTTLS is asked for it all the same, as the offer may have been stripped."""
        self.run_script(HEADER + features(), "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
        self.assert_blamed(self.report(), "peer", "offers no STARTTLS", "to switch TLS on")

    def test_starttls_refused(self) -> None:
        """A server may offer STARTTLS and refuse it."""
        self.run_script(HEADER + features(STARTTLS), "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        self.assert_blamed(self.report(), "peer", "does not go on to TLS", "refused STARTTLS")

    def test_no_handshake(self) -> None:
        """A server whose TLS fails has none of ours, or no certificate."""
        self.zone.add_srv(DOMAIN, "peer.example", 5270, service="xmpps-server")
        self.zone.remove(f"_xmpp-server._tcp.{DOMAIN}", "SRV")
        self.run_script("no TLS here", port=5270)
        self.assert_blamed(self.report(), "peer", "does not come to TLS", "its SRV record says that TLS comes first")

    def test_host_unknown(self) -> None:
        """A server that does not serve the domain was found by a wrong record, or by a wrong line of ours."""
        self.run_script(HEADER + stream_error("host-unknown"))
        self.assert_blamed(self.report(), "peer", "is not served there", "DNS leads to a server that does not serve it")
        report = self.report(domain={DOMAIN: {"address": PEER}})
        self.assert_blamed(report, "us", "correct the address that the configuration has for b.example")

    def test_another_name(self) -> None:
        """So was one that answers in another name."""
        self.run_script(header("c.example") + features(STARTTLS))
        self.assert_blamed(self.report(), "peer", "c.example answers for b.example")

    def test_busy(self) -> None:
        """A server that is going down will be back."""
        self.run_script(HEADER + stream_error("system-shutdown"))
        self.assert_blamed(self.report(), "peer", "cannot serve us now", "try again later")


class PeerProofTests(ProbeCase):
    """Who they are."""

    def test_untrusted(self) -> None:
        """A certificate of an authority that is not trusted here: theirs to mend, or ours to trust."""
        self.theirs = CertificateAuthority("a stranger").issue(DOMAIN)
        self.run_server()
        way = self.way()
        self.assert_blamed(way, "peer", "does not prove itself", "trust.anchors", "no trust anchor")
        self.assertEqual(
            ("peer", "peer"), (way.steps[-1].what, way.steps[-1].culprit.value if way.steps[-1].culprit else "")
        )

    def test_expired(self) -> None:
        """A certificate that is over is theirs to renew."""
        self.theirs = AUTHORITY.issue(DOMAIN, not_after=self.network.seconds() - DAY)
        self.run_server()
        self.assert_blamed(self.report(), "peer", "expired on", "has to be renewed")

    def test_wrong_name(self) -> None:
        """A certificate of another domain, or a line of ours that leads to the wrong server."""
        self.theirs = AUTHORITY.issue("c.example")
        self.run_server()
        self.assert_blamed(self.report(), "peer", "it names c.example", "its certificate has to name b.example")
        report = self.report(domain={DOMAIN: {"address": PEER}})
        self.assert_blamed(report, "us", "is somebody else", "correct the address")

    def test_purpose(self) -> None:
        """A certificate for clients proves no server."""
        self.theirs = AUTHORITY.issue(DOMAIN, eku=[CLIENT])
        self.run_server()
        self.assert_blamed(self.report(), "peer", "lacks serverAuth", "a certificate for servers")

    def test_trusted_elsewhere(self) -> None:
        """Where we trust an authority of the house alone, a public one that everybody else trusts is lacking here."""
        house = CertificateAuthority("house")
        self.run_server()
        report = self.report(trust={"anchors": str(house.write(self.directory / "house.pem"))})
        self.assert_blamed(report, "us", "is proven by a public authority", "add that authority to trust.anchors")

    def test_dialback_suffices(self) -> None:
        """Where dialback suffices for a peer it is proven by where it was found; what speaks against it is told."""
        self.theirs = CertificateAuthority("a stranger").issue(DOMAIN)
        self.run_script(*INSIDE_TLS, HEADER + features(EXTERNAL), SUCCESS, HEADER + features())
        way = self.way(policy={"proofs": ["pkix", "dialback"]})
        self.assertIn("is proven by dialback", way.verdict.text)
        [text] = [step.text for step in way.steps if step.what == "peer"]
        self.assertIn("proven by dialback: found at 192.0.2.2:5269; pkix: ", text)

    def test_no_public_authorities(self) -> None:
        """Without authorities of the system those of the house count alone."""
        self.run_server()
        anchors = str(AUTHORITY.write(self.directory / "house.pem"))
        self.patch(pem, "SYSTEM_TRUST_ANCHORS", str(self.directory / "nowhere"))
        self.assertTrue(self.report(trust={"anchors": anchors}).is_healthy)


class OwnProofTests(ProbeCase):
    """Who we are."""

    def refuse(self, *script: str | Turn) -> None:
        """Let the peer refuse us inside TLS."""
        self.run_script(*INSIDE_TLS, *script)

    def test_external_refused(self) -> None:
        """A good public certificate that a peer refuses is for the peer to explain."""
        self.refuse(HEADER + features(EXTERNAL), AUTH_FAILED)
        self.assert_blamed(self.report(), "peer", "refuses our certificate", "who are you?", "ejabberd before 25.08")

    def test_expired(self) -> None:
        """One that is over is ours to renew."""
        self.ours = AUTHORITY.issue("a.example", not_after=self.network.seconds() - DAY)
        self.refuse(HEADER + features(EXTERNAL), AUTH_FAILED)
        self.assert_blamed(self.report(), "us", "expired on", "renew the certificate")

    def test_real_peer(self) -> None:
        """A server of ours says what is wrong with our certificate, and so do we."""
        self.ours = AUTHORITY.issue("c.example")
        self.run_server()
        report = self.report()
        self.assert_blamed(report, "us", "no certificate names it", "certificates.files")

    def test_house(self) -> None:
        """One of the house is for us to have trusted, or to replace."""
        house = CertificateAuthority("house")
        self.ours = house.issue("a.example")
        anchors = self.directory / "both.pem"
        anchors.write_bytes(house.certificate_pem + AUTHORITY.certificate_pem)
        self.refuse(HEADER + stream_error("not-authorized"))
        report = self.report(trust={"anchors": str(anchors)})
        self.assert_blamed(report, "us", "refuses our certificate", "have b.example trust ours")

    def test_without_a_word(self) -> None:
        """A peer may hang up instead, or find the policy violated."""
        for script in ((Turn.HANG_UP,), (HEADER + stream_error("policy-violation"),)):
            self.network.ports.clear()
            self.refuse(*script)
            self.assert_blamed(self.report(), "peer", "refuses our certificate")

    def test_neither(self) -> None:
        """A peer that offers neither EXTERNAL nor dialback cannot be convinced."""
        for script in (HEADER + features(), HEADER + stream_error("undefined-condition")):
            self.network.ports.clear()
            self.refuse(script)
            self.assert_blamed(self.report(), "peer", "offers neither SASL EXTERNAL nor dialback")

    def test_other_error(self) -> None:
        """Other errors of a peer are the peer's."""
        self.refuse(HEADER + stream_error("bad-format"))
        self.assert_blamed(self.report(), "peer", "ends the stream", "bad-format")

    def test_silent(self) -> None:
        """A peer may fall silent inside TLS."""
        self.refuse(HEADER)
        self.assert_blamed(self.report(seconds=ANSWER_SECONDS + 3), "peer", "falls silent inside TLS")

    def test_after_success(self) -> None:
        """A peer may end the stream after all that."""
        self.refuse(HEADER + features(EXTERNAL), SUCCESS, HEADER + stream_error("undefined-condition"))
        self.assert_blamed(self.report(), "peer", "ends the stream")


class DialbackTests(ProbeCase):
    """Where dialback is next a probe has to stop."""

    def test_offered_alone(self) -> None:
        """No key is sent, all until then works, and why it ends there is told."""
        self.run_script(*INSIDE_TLS, HEADER + features(DIALBACK), Turn.HANG_UP)
        report = self.report()
        self.assertTrue(report.is_healthy)
        self.assertFalse(report.verdict.is_complete)
        self.assertIn("offers no SASL EXTERNAL; it offers dialback, which was not tried", report.verdict.text)
        self.assertIn("our certificate is good", report.verdict.remedy)
        self.assertIn("only the running server can vouch for", report.ways[0].steps[-1].text)

    def test_outside_tls(self) -> None:
        """Where our policy lets a peer do without TLS, dialback is offered outside it."""
        self.run_script(HEADER + features(DIALBACK), Turn.HANG_UP)
        loose = {DOMAIN: {"require_encryption": False, "proofs": ["dialback"]}}
        way = self.way(domain=loose)
        self.assertIn("is proven by dialback and offers no SASL EXTERNAL; it offers dialback", way.verdict.text)
        self.assertIsNone(way.record.tls)

    def test_external_refused(self) -> None:
        """Where EXTERNAL was refused dialback is the way on; the reason is told, and what is wrong with us."""
        self.ours = AUTHORITY.issue("c.example")
        self.run_script(*INSIDE_TLS, HEADER + features(EXTERNAL, DIALBACK), AUTH_FAILED, Turn.HANG_UP)
        way = self.way()
        self.assertIn("refuses SASL EXTERNAL (not-authorized: who are you?); it offers dialback", way.verdict.text)
        self.assertIn("no certificate names it", way.verdict.remedy)
        self.assertIn("refused (not-authorized: who are you?); a dialback key is next", way.steps[-1].text)

    def test_declared(self) -> None:
        """A peer whose header names dialback may know it without offering it; ours would try."""
        declared = HEADER.replace("id='1'", "id='1' xmlns:db='jabber:server:dialback'")
        self.run_script(HEADER + features(STARTTLS), Turn.TLS, declared + features(), Turn.HANG_UP)
        verdict = self.report().verdict
        self.assertFalse(verdict.is_complete)
        self.assertIn("it may know dialback, though it does not offer it", verdict.text)


class StrangerTests(ProbeCase):
    """Without a configuration."""

    def test_healthy(self) -> None:
        """All is told up to our own proof; no certificate is shown."""
        self.run_script(*INSIDE_TLS, HEADER + features(EXTERNAL))
        report = self.report(self.stranger())
        self.assertTrue(report.is_healthy)
        self.assertFalse(report.verdict.is_complete)
        self.assertIn("whether it accepts a server of ours was not tried", report.verdict.text)
        self.assertIn("--config", report.verdict.remedy)
        self.assertEqual("not tried: there is no certificate of ours", report.ways[0].steps[-1].text)

    def test_turned_away(self) -> None:
        """A server that turns away who shows no certificate is not to blame."""
        self.run_server()
        report = self.report(self.stranger())
        self.assertTrue(report.is_healthy)
        self.assertFalse(report.verdict.is_complete)
        self.assertIn("ends the stream of a server that shows no certificate", report.verdict.text)
        self.assertIn("the peer said policy-violation: ", report.ways[0].steps[-1].text)

    def test_bad_peer(self) -> None:
        """A bad certificate of theirs shows all the same."""
        self.theirs = CertificateAuthority("a stranger").issue(DOMAIN)
        self.run_server()
        self.assert_blamed(self.report(self.stranger()), "peer", "does not prove itself")


class PolicyTests(ProbeCase):
    """What our own policy says."""

    def test_forbidden(self) -> None:
        """A denied domain is neither looked up nor called."""
        self.run_server()
        report = self.report(domain={DOMAIN: {"policy": "deny"}})
        self.assert_blamed(report, "us", "the policy of this server denies b.example", 'policy = "allow"')
        self.assertEqual(((), (), []), (report.ways, report.search, list(self.zone.asked)))


class RedirectTests(ProbeCase):
    """Servers that send us on."""

    def redirect(self, to: str) -> None:
        """Let the server inside TLS say where to go."""
        self.run_script(*INSIDE_TLS, HEADER + stream_error("see-other-host", to))

    def test_followed(self) -> None:
        """The other host is called next, and decides."""
        self.redirect("peer.example:5299")
        self.run_script(HEADER + stream_error("host-unknown"), port=5299)
        report = self.report()
        self.assertEqual(["peer.example:5269", "peer.example:5299"], [str(way.target) for way in report.ways])
        self.assertIn("sends us on to peer.example:5299", report.ways[0].verdict.text)
        self.assert_blamed(report, "peer", "is not served there")

    def test_bounded(self) -> None:
        """A server that always sends us on is followed a few times, not for ever."""
        self.redirect("peer.example:5269")
        self.assertEqual(1 + MAX_REDIRECTS, len(self.report().ways))

    def test_nowhere(self) -> None:
        """What is no place is not gone to."""
        self.redirect("not a place")
        self.assert_blamed(self.way(), "peer", "sends us on to not a place")
