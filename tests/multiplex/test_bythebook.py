"""The code and :mod:`tests.multiplex.bythebook`, which knows nothing of it, understand each other."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.proof.authenticators import AuthenticatorKeys, Authenticators, TLSRole
from muxs2s.wire.names import DomainName
from tests.multiplex.bythebook import CLIENT, CONNECTION, SERVER
from tests.multiplex.make_examples import REQUEST_C, REQUEST_ROOMS, ROOMS, C

KEYS = AuthenticatorKeys(
    hash_name="sha256",
    client_context=CONNECTION.context_key(CLIENT),
    client_finished=CONNECTION.finished_key(CLIENT),
    server_context=CONNECTION.context_key(SERVER),
    server_finished=CONNECTION.finished_key(SERVER),
)
ROLES = (
    (TLSRole.CLIENT, CLIENT, TLSRole.SERVER, REQUEST_ROOMS, ROOMS),
    (TLSRole.SERVER, SERVER, TLSRole.CLIENT, REQUEST_C, C),
)
"""The presenter, twice; the verifier; a request of the book; the certificate."""


class ByTheBookTests(SynchronousTestCase):
    """Each side of an exchange by the code, the other by the book."""

    def authenticators(self, role: TLSRole) -> Authenticators:
        """One end of the connection."""
        return Authenticators(role, KEYS, bytes)

    def test_presenter(self) -> None:
        """E6, E8: to a request of the book the code makes the very bytes that the page shows."""
        for role, sender, _, request, certificate in ROLES:
            presenter = self.authenticators(role)
            read = presenter.read_request(request, DomainName.parse(certificate.domains[0]))
            made = presenter.authenticate(read, certificate)
            self.assertEqual(CONNECTION.authenticator(sender, request, certificate), made)

    def test_verifier(self) -> None:
        """E12: what the book makes for a request of the code proves its certificate."""
        for _, sender, role, _, certificate in ROLES:
            verifier = self.authenticators(role)
            request = verifier.request(DomainName.parse(certificate.domains[0]))
            made = CONNECTION.authenticator(sender, request, certificate)
            self.assertEqual((certificate.leaf,), verifier.check(request, made))
