"""
What a server offers in its stream features.

Knows the features that cases ask for. Reads any others as unknown.
"""

from __future__ import annotations

from typing import Final

from muxs2s.wire.namespaces import BIDI_FEATURE, DIALBACK_FEATURE, MULTIPLEX, SASL, STREAM_LIMITS, TLS
from muxs2s.wire.stanza import Slice

__all__ = ["Offers"]

_MAX_DIGITS: Final = 15


class Offers:
    """
    One set of features.

    :param element: ``<stream:features/>``.
    """

    def __init__(self, element: Slice) -> None:
        self._features = {(child.uri, child.name): child for child in element.tree().elements()}

    @property
    def starttls(self) -> bool:
        """Whether TLS can be begun."""
        return (TLS, "starttls") in self._features

    @property
    def requires_tls(self) -> bool:
        """Whether it has to be."""
        return self.starttls and any(self._features[TLS, "starttls"].elements(TLS, "required"))

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Of SASL."""
        found = self._features.get((SASL, "mechanisms"))
        return () if found is None else tuple(str(each) for each in found.elements(SASL, "mechanism"))

    @property
    def dialback(self) -> bool:
        """Whether dialback is offered."""
        return (DIALBACK_FEATURE, "dialback") in self._features

    @property
    def dialback_errors(self) -> bool:
        """Whether it is with the promise to answer errors by errors."""
        return self.dialback and any(self._features[DIALBACK_FEATURE, "dialback"].elements(DIALBACK_FEATURE, "errors"))

    @property
    def bidi(self) -> bool:
        """Whether streams can go in both directions."""
        return (BIDI_FEATURE, "bidi") in self._features

    @property
    def max_bytes(self) -> int | None:
        """The largest element the server says it takes; ``None`` if it does not say."""
        found = self._features.get((STREAM_LIMITS, "limits"))
        for limit in () if found is None else found.elements(STREAM_LIMITS, "max-bytes"):
            text = str(limit)
            if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS:
                return int(text)
        return None

    @property
    def multiplex(self) -> tuple[int, int] | None:
        """``max-domains`` and ``max-pending``, if domains can be added by certificate."""
        found = self._features.get((MULTIPLEX, "mux"))
        if found is None:
            return None
        limits = [found.getAttribute(name, "") for name in ("max-domains", "max-pending")]
        if not all(limit.isascii() and limit.isdecimal() and len(limit) <= _MAX_DIGITS for limit in limits):
            return None
        return int(limits[0]), int(limits[1])
