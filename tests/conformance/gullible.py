"""A server that multiplexes with anybody: it believes every proof, or wants none."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Final

from muxs2s.conformance.multiplexing import element
from muxs2s.conformance.saying import closed
from muxs2s.proof.tlsmessages import HandshakeType, RequestMessage

__all__ = ["Gullible"]

REQUEST: Final = RequestMessage(
    kind=HandshakeType.CERTIFICATE_REQUEST, context=b"same" * 8, schemes=(0x0403, 0x0804)
).to_bytes()
"""Always the same."""

_TAG: Final = re.compile(r"<(iq|db:verify|enable|offer|request|present|withdraw|revoke)\b([^>]*)>")
_ATTRIBUTE: Final = re.compile(r"""([\w-]+)=["']([^"']*)["']""")


class Gullible:
    """Answers whatever it hears, whoever said it."""

    def __init__(self) -> None:
        self._domains: dict[str, str] = {}
        """Offered, by id."""

    def answers(self, data: bytes, sender: str, *, refuses: bool) -> Iterator[str]:
        """
        What it says to everything in ``data``.

        :param sender: the domain of the stream header.
        :param refuses: reject whatever is begun.
        """
        for name, attributes in _TAG.findall(data.decode("utf-8", "replace")):
            given = dict(_ATTRIBUTE.findall(attributes))
            if name in {"iq", "db:verify"}:
                yield self._reply(name, given)
            elif name == "enable":
                yield element("enabled") + element("accept", f"<domain>{sender}</domain>", id="0")
            elif refuses:
                yield element("reject", "<timeout/>", id=given.get("id", "1"))
            else:
                yield self._agree(name, given.get("id", "1"), given.get("domain", "x.example"))

    @staticmethod
    def _reply(name: str, given: Mapping[str, str]) -> str:
        type_ = "result" if name == "iq" else "invalid"
        return closed(name, {"from": given.get("to"), "to": given.get("from"), "id": given.get("id"), "type": type_})

    def _agree(self, name: str, id_: str, domain: str) -> str:
        match name:
            case "offer":
                self._domains[id_] = domain
                return element("request", b64encode(REQUEST).decode(), id=id_, domain=domain)
            case "request":
                return element("present", b64encode(b"nonsense").decode(), id=id_)
            case "present":
                return element("accept", f"<domain>{self._domains.get(id_, domain)}</domain>", id=id_)
        return element("withdrawn" if name == "withdraw" else "revoked", id=id_)
