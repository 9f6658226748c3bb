"""
The domains that the kit speaks for, and what it shows for them.

Knows how certificates are had: from files, or of an authority whose key is at hand, which makes any that a
case asks for. Does not know which case wants which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from muxs2s.conformance.deviation import NotObservable
from muxs2s.network.pem import Credentials
from muxs2s.testing.authority import CLIENT, SERVER, CertificateAuthority, KeyKind
from muxs2s.wire.names import DomainName

__all__ = ["Identity", "OwnDomains"]

PURPOSES: Final = (SERVER, CLIENT)
"""Both, as some servers want the second of whoever calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A domain of ours, and what proves it."""

    domain: DomainName
    credentials: Credentials


class OwnDomains:
    """
    Who we are.

    :param first: the domain that calls.
    :param authority: issues what is asked for; ``None`` where files must do.
    :param given: certificates from files, the first for the domain that calls.
    """

    def __init__(
        self, first: DomainName, authority: CertificateAuthority | None, given: Sequence[Credentials] = ()
    ) -> None:
        self._authority, self._given = authority, tuple(given)
        self._numbers = count(1)
        credentials = self._given[0] if self._given else self.issue(first.ascii)
        self.first = Identity(domain=first, credentials=credentials)

    @property
    def can_issue(self) -> bool:
        """Whether there is an authority."""
        return self._authority is not None

    @property
    def has_others(self) -> bool:
        """Whether there are further domains."""
        return self.can_issue or len(self._given) > 1

    def another(self) -> Identity:
        """
        Give a domain that was not used before; where files have to do, one of them in turn.

        :raises NotObservable: if there is none but the first.
        """
        number = next(self._numbers)
        if self._authority is not None:
            return self.named(self.below(f"n{number}"))
        others = self._given[1:]
        if not others:
            raise NotObservable("needs a certificate of another domain of ours")
        credentials = others[number % len(others)]
        return Identity(domain=DomainName.parse(min(credentials.names.dns)), credentials=credentials)

    def below(self, label: str) -> DomainName:
        """A domain below the first."""
        return DomainName.parse(f"{label}.{self.first.domain}")

    def named(self, domain: DomainName, *, not_after: float | None = None) -> Identity:
        """
        Give a domain with a certificate made for it alone.

        :param not_after: when that ends, seconds since the epoch.
        :raises NotObservable: if there is no authority.
        """
        return Identity(domain=domain, credentials=self.issue(domain.ascii, not_after=not_after))

    def issue(
        self, *names: str, not_after: float | None = None, common_name: str | None = None, key: KeyKind = "ec"
    ) -> Credentials:
        """
        Have a certificate issued, for servers and clients.

        :param not_after: when it ends, seconds since the epoch.
        :param common_name: its subject; without it the subject is empty.
        :param key: of which kind its key is.
        :raises NotObservable: if there is no authority.
        """
        if self._authority is None:
            raise NotObservable("needs certificates made on the spot: give --authority")
        return self._authority.issue(*names, eku=PURPOSES, not_after=not_after, common_name=common_name, key=key)

    @staticmethod
    def untrusted(domain: DomainName) -> Identity:
        """Give a domain with a certificate of an authority that nobody trusts."""
        credentials = CertificateAuthority("nobody trusts this authority").issue(domain.ascii, eku=PURPOSES)
        return Identity(domain=domain, credentials=credentials)
