"""
Domains that are to be proven on a stream, and wait for their turn.

Knows their order, and who waits for a certificate that is on its way already and may give several of them. Does
not know how many may be under way: see :mod:`muxs2s.multiplex.conversation`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from cryptography.x509 import Certificate

from muxs2s.multiplex.events import Whose
from muxs2s.wire.names import DomainName

__all__ = ["Wanted"]

_Key = tuple[Whose, DomainName]


class Wanted:
    """What is to be proven, in the order in which it was wanted, each domain once."""

    def __init__(self) -> None:
        self._in_order: OrderedDict[_Key, bool] = OrderedDict()
        """Whether each is to be renewed."""

        self._certificates: dict[_Key, Certificate] = {}
        self._held: dict[Certificate, dict[_Key, None]] = {}
        """Who waits for an exchange in which a certificate is shown, and which."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self._in_order) + len(self._certificates)

    def __contains__(self, key: object) -> bool:
        """Whether a domain, given with whose it is, waits."""
        return key in self._in_order or key in self._certificates

    def __iter__(self) -> Iterator[_Key]:
        """All that wait."""
        yield from self._in_order
        yield from self._certificates

    def add(self, whose: Whose, domain: DomainName, *, renew: bool = False) -> None:
        """
        Have a domain wait for its turn.

        :param renew: whether it is to be proven though it is accepted: then it waits for no other.
        """
        key = whose, domain
        if renew:
            self._stop_holding(key)
        if key not in self._certificates:
            self._in_order[key] = renew or self._in_order.get(key, False)

    def take(self, is_under_way: Callable[[Whose, DomainName], bool]) -> tuple[Whose, DomainName, bool] | None:
        """
        Take out whose turn it is, if it is anybody's.

        :param is_under_way: whether an exchange decides on a domain: it is not renewed before that is over.
        :returns: it, and whether it is to be renewed.
        """
        for (whose, domain), renew in self._in_order.items():
            if not (renew and is_under_way(whose, domain)):
                del self._in_order[whose, domain]
                return whose, domain, renew
        return None

    def hold(self, whose: Whose, domain: DomainName, certificate: Certificate) -> None:
        """Have a domain wait for the end of the exchanges in which a certificate is shown."""
        key = whose, domain
        self._certificates[key] = certificate
        self._held.setdefault(certificate, {})[key] = None

    def release(self, certificate: Certificate) -> None:
        """Let those who wait for a certificate have their turn."""
        for key in self._held.pop(certificate, ()):
            del self._certificates[key]
            self._in_order[key] = False

    def discard(self, whose: Whose, domain: DomainName) -> None:
        """Let a domain wait no longer, if it does."""
        self._in_order.pop((whose, domain), None)
        self._stop_holding((whose, domain))

    def clear(self) -> None:
        """Let nobody wait any longer."""
        for each in (self._in_order, self._certificates, self._held):
            each.clear()

    def _stop_holding(self, key: _Key) -> None:
        certificate = self._certificates.pop(key, None)
        if certificate is not None:
            held = self._held[certificate]
            del held[key]
            if not held:
                del self._held[certificate]
