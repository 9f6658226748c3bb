"""
The books of a case: what was sent, what arrived, what came back.

Knows what no federation may do: deliver twice or out of order, bounce what has arrived. Stanzas are
told apart by their ids, which a case gives them once each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

__all__ = ["Bounce", "Flow", "Ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """One stanza that came back."""

    id: str
    condition: str
    text: str


@dataclass(slots=True)
class Flow:
    """What goes from one address to another."""

    sent: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    bounced: list[Bounce] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """What neither arrived nor came back, in order."""
        known = {*self.arrived, *(bounce.id for bounce in self.bounced)}
        return [id_ for id_ in self.sent if id_ not in known]

    @property
    def conditions(self) -> set[str]:
        """Why stanzas came back."""
        return {bounce.condition for bounce in self.bounced}

    def has_ended(self, id_: str) -> bool:
        """Whether a stanza has arrived or come back."""
        return id_ in self.arrived or any(bounce.id == id_ for bounce in self.bounced)

    def faults(self) -> list[str]:
        """Whatever must never happen, in words."""
        found = [f"{id_} arrived, but was never sent" for id_ in self.arrived if id_ not in set(self.sent)]
        place = {id_: number for number, id_ in enumerate(self.sent)}
        for before, after in pairwise(id_ for id_ in self.arrived if id_ in place):
            if place[after] <= place[before]:
                found.append(f"{after} arrived after {before}" if after != before else f"{after} arrived twice")
        returned = [bounce.id for bounce in self.bounced]
        found += [f"{id_} was bounced {returned.count(id_)} times" for id_ in set(returned) if returned.count(id_) > 1]
        found += [f"{id_} was bounced, but had arrived" for id_ in returned if id_ in set(self.arrived)]
        found += [f"{id_} was bounced, but was never sent" for id_ in returned if id_ not in place]
        return found

    def put_in_order(self, ids: Iterable[str]) -> None:
        """Take note of the order in which stanzas were sent in fact; those not named stay where they are."""
        known = set(self.sent)
        named = [id_ for id_ in ids if id_ in known]
        places = iter(named)
        self.sent[:] = [next(places) if id_ in set(named) else id_ for id_ in self.sent]

    def gaps(self) -> int:
        """In how many runs stanzas are missing: one for each connection that was lost, at most."""
        lost = set(self.missing)
        return sum(missing for missing, _run in groupby(self.sent, lambda id_: id_ in lost))

    def summary(self) -> str:
        """What became of it, in words."""
        return (
            f"{len(self.sent)} sent, {len(self.arrived)} arrived,"
            f" {_counted([bounce.condition for bounce in self.bounced])} bounced, {len(self.missing)} missing"
        )


@dataclass(slots=True)
class Ledger:
    """All flows of a case, by sender and recipient, without resources."""

    flows: dict[tuple[str, str], Flow] = field(default_factory=lambda: defaultdict(Flow))

    def flow(self, sender: str, to: str) -> Flow:
        """One of them."""
        return self.flows[_bare(sender), _bare(to)]

    def send(self, sender: str, to: str, ids: Iterable[str]) -> None:
        """Note what is about to be sent."""
        self.flow(sender, to).sent.extend(ids)

    def unsend(self, id_: str) -> None:
        """Note that something was not sent after all."""
        for flow in self.flows.values():
            if id_ in flow.sent:
                flow.sent.remove(id_)

    def note(self, sender: str, to: str, id_: str, condition: str | None, text: str | None) -> None:
        """Note what a client or component was given; an error belongs to the flow it came back from."""
        if condition is None:
            self.flow(sender, to).arrived.append(id_)
        else:
            self.flow(to, sender).bounced.append(Bounce(id=id_, condition=condition, text=text or ""))

    def between(self, senders: Iterable[str]) -> list[Flow]:
        """The flows that come from some domains."""
        domains = set(senders)
        return [flow for (sender, _to), flow in self.flows.items() if sender.rpartition("@")[2] in domains]

    def faults(self) -> list[str]:
        """Whatever must never happen, of all flows."""
        return [f"{sender} to {to}: {fault}" for (sender, to), flow in self.flows.items() for fault in flow.faults()]

    def summary(self) -> str:
        """What became of all flows, one line for each that is not simply complete."""
        complete = [flow for flow in self.flows.values() if sorted(flow.sent) == sorted(flow.arrived)]
        lines = [f"{len(complete)} flows complete, {sum(len(flow.sent) for flow in complete)} messages"]
        lines += [
            f"{sender} to {to}: {flow.summary()}" for (sender, to), flow in self.flows.items() if flow not in complete
        ]
        return "\n".join(f"  {line}" for line in lines)


def _bare(address: str) -> str:
    return address.partition("/")[0]


def _counted(conditions: Sequence[str]) -> str:
    if not conditions:
        return "0"
    return " + ".join(f"{conditions.count(each)} {each}" for each in sorted(set(conditions)))
