"""
The rows that are looked for: what each asks of a server, in a few words, and which cannot be seen from outside.

Knows the names and texts of rows. Does not know how one is tried: see :mod:`muxs2s.conformance.cases`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["ROWS", "UNOBSERVABLE"]

ROWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "M1": "servers that never heard of multiplexing are served as ever",
        "M2": "whoever multiplexes offers streams in both directions",
        "M3": "each side learns whether the other multiplexes",
        "M4": "a domain that fails harms nothing else and may be tried again",
        "M5": "a domain is accepted only with a valid certificate for it",
        "M6": "a certificate of the same subject takes the place of the one before",
        "M7": "every name of an accepted certificate becomes usable",
        "M8": "the first domain may be proven in another way than those that follow",
        "M9": "adding domains does not disturb the stanzas of others",
        "M10": "what was accepted counts for the resumed stream",
        "M11": "a stanza of a domain that is not accepted ends the stream",
        "M12": "a domain can be taken off a stream that lives on",
        "E1": "only on TLS 1.3 by a full handshake",
        "E2": "by the regular exporter, not the early one",
        "E3": "nothing before the handshake is complete",
        "E4": "with the hash of the cipher suite",
        "E5": "TLS ends where XMPP is spoken",
        "E6": "no authenticator that nobody asked for",
        "E7": "contexts are unique, unforeseeable and used once",
        "E8": "the authenticator repeats the context of the request",
        "E9": "signature schemes of TLS 1.3 that were asked for, no others",
        "E10": "X.509 certificates, and no extension that was not asked for",
        "E11": "an empty authenticator is a refusal",
        "E12": "authenticators are read strictly, and fail one exchange only",
        "E13": "each certificate stands for itself",
        "E14": "an authenticator is worth nothing on another connection",
        "E15": "what is too large is refused",
        "E16": "no post-handshake authentication in its place",
        "S1": "stream headers have from, to, id, version and language",
        "S2": "every response header has a new id",
        "S3": "an XML declaration and UTF-8, no other encoding",
        "S4": "features follow every response header",
        "S5": "outside TLS, TLS is required before anything else is offered",
        "S6": "a restart forgets what was said outside TLS",
        "S7": "an error in the first header is answered with header, error and closing tag",
        "S8": "closing tags are answered",
        "S9": "a stanza from a domain that is not proven is not taken",
        "S10": "nothing is taken before authentication",
        "S11": "a stanza without good addresses ends the stream",
        "S12": "a stanza for a domain that is not hosted ends the stream and is never relayed",
        "S13": "domains are compared in one spelling",
        "S14": "unknown elements are no stanzas",
        "S15": "stanzas are in the namespace of servers, without a prefix",
        "S16": "stanzas are taken in order, and wait for no proof of others",
        "S17": "requests are answered, errors are not",
        "S18": "comments, instructions, document types and entities are refused and never sent",
        "S19": "what is not well-formed, or in wrong namespaces, ends the stream",
        "S20": "elements of 10,000 bytes are taken, those past the limit refused",
        "S21": "limits are announced",
        "S22": "white space and pings keep a stream alive",
        "S23": "idle streams end politely",
        "S24": "a second stream of a pair may be refused",
        "S25": "a stream ends when the certificate does that proves it",
        "S26": "redirections are followed, a few, and only inside TLS",
        "S27": "reconnecting waits longer each time",
        "S28": "SRV records are followed in their order",
        "S29": "SRV records for direct TLS are looked for, too",
        "S30": "direct TLS with the protocol xmpp-server, and no STARTTLS in it",
        "S31": "services have SRV records of their own",
        "S32": "components authenticate by their secret",
        "S33": "a component has one host name",
        "D7": "the prefix of dialback is declared and used, and any other is read",
        "D8": "keys are made as XEP-0185 says",
        "D9": "the key is tied to the id that the receiving server gave",
        "D10": "stanzas wait until the pair is accepted",
        "D11": "keys are verified over another connection",
        "D12": "questions about keys are answered truly",
        "D13": "what the authoritative server said is passed on",
        "D14": "a bad key ends a stream without pairs, and no other",
        "D15": "stanzas that waited go once the pair is accepted",
        "D16": "unknown domains get an error, and the stream lives on",
        "D17": "dialback with errors is offered",
        "D18": "answers that nobody asked for change nothing",
        "D19": "verifications are kept apart by their connection",
        "D20": "a silent authoritative server fails its pair alone",
        "D21": "a connection for one question has TLS and closes after it",
        "D22": "what others write a little differently is read",
        "D23": "one question for a pair at a time",
    }
)
"""By id; whoever knows the requirements of muxs2s knows these ids."""

UNOBSERVABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "M10": "resumption is not played yet",
        "E3": "what a server does before the end of the handshake cannot be told from what it does right after",
        "E16": "TLS with post-handshake authentication looks the same until it is asked for",
        "S23": "takes hours",
        "S24": "a permission, no duty",
        "S27": "takes minutes to hours",
        "S31": "a matter of its DNS",
        "S32": "seen by its components alone",
        "S33": "seen by its components alone",
        "D8": "only the server itself knows the secret that its keys are made from",
    }
)
"""Why nobody can tell from outside; such a row may have cases all the same if some part of it shows."""
