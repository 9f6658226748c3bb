"""Tests of :mod:`muxs2s.wire.namespaces`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.wire import namespaces


class NamespaceTests(SynchronousTestCase):
    """Every namespace once, spelled as its standard spells it."""

    def test_spelling(self) -> None:
        """The namespaces are those of the standards, letter by letter."""
        self.assertEqual(
            {name: getattr(namespaces, name) for name in namespaces.__all__},
            {
                "BIDI": "urn:xmpp:bidi",
                "BIDI_FEATURE": "urn:xmpp:features:bidi",
                "CLIENT": "jabber:client",
                "COMPONENT": "jabber:component:accept",
                "DIALBACK": "jabber:server:dialback",
                "DIALBACK_FEATURE": "urn:xmpp:features:dialback",
                "MULTIPLEX": "urn:xmpp:mux-cert:0",
                "PING": "urn:xmpp:ping",
                "SASL": "urn:ietf:params:xml:ns:xmpp-sasl",
                "SERVER": "jabber:server",
                "STANZA_ERRORS": "urn:ietf:params:xml:ns:xmpp-stanzas",
                "STREAMS": "http://etherx.jabber.org/streams",
                "STREAM_ERRORS": "urn:ietf:params:xml:ns:xmpp-streams",
                "STREAM_LIMITS": "urn:xmpp:stream-limits:0",
                "TLS": "urn:ietf:params:xml:ns:xmpp-tls",
                "XML": "http://www.w3.org/XML/1998/namespace",
            },
        )
