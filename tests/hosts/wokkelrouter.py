"""
A wokkel Router with components in it, all in memory.

The one place in the unit tests that imports wokkel, which asks Twisted for a deprecated name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

from twisted.words.protocols.jabber.xmlstream import XMPPHandler
from twisted.words.xish.domish import Element

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from wokkel.component import InternalComponent, Router

__all__ = ["Component", "InternalComponent", "Router", "element"]


class Component(XMPPHandler):
    """What a component of the Router does: keep the stanzas it gets, and maybe more."""

    def __init__(self, router: Router, domain: str, then: Callable[[Element], object] = lambda _stanza: None) -> None:
        self.received: list[Element] = []
        self._then = then
        self.component = InternalComponent(router, domain)
        self.setHandlerParent(self.component)
        self.component.startService()

    def connectionInitialized(self) -> None:
        """Observe everything."""
        assert self.xmlstream is not None
        self.xmlstream.addObserver("/*", self.observe)

    def observe(self, stanza: Element) -> None:
        """Take one stanza."""
        self.received.append(stanza)
        self._then(stanza)

    @property
    def bodies(self) -> list[str]:
        """The bodies of what was received."""
        return [str(stanza.body) for stanza in self.received]


def element(sender: str | None, target: str | None, body: str = "", **attributes: str) -> Element:
    """A message as a component makes it: in no namespace."""
    message = Element((None, "message"))
    for name, value in {"from": sender, "to": target, **attributes}.items():
        if value is not None:
            message[name] = value
    if body:
        message.addElement("body", content=body)
    return message
