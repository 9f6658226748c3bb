"""
A whole probe: the search in DNS, then a call to every server that it names.

Knows where the server itself would stop. Does not know what a call shows: see :mod:`muxs2s.probe.verdict`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from muxs2s.network.reactors import INetworkReactor
from muxs2s.network.targets import Target, TargetRefused, Unreachable, domain_itself, find_targets, read_target
from muxs2s.network.transcript import Culprit, RecordedLookup, Transcript
from muxs2s.probe.call import Call
from muxs2s.probe.caller import Caller
from muxs2s.probe.record import CallRecord
from muxs2s.probe.report import Report, Way
from muxs2s.probe.verdict import Verdict, explain, explain_unreachable
from muxs2s.service.opening import MAX_REDIRECTS, leaves_turn_to_next

__all__ = ["probe"]


async def probe(reactor: INetworkReactor, caller: Caller) -> Report:
    """
    Find out whether a domain can be reached, by every way there is.

    Each step is bounded in time. Nothing is sent but what a server says before the first stanza.
    """
    transcript = Transcript(reactor)
    began_at = reactor.seconds()
    if not caller.policy.is_admitted:
        return Report(pair=caller.pair, verdict=_forbidden(caller), ways=(), search=(), seconds=0.0)
    try:
        targets = await _search(caller, transcript)
    except Unreachable as unreachable:
        verdict = explain_unreachable(unreachable, transcript.steps, caller)
        ways: tuple[Way, ...] = ()
        search = transcript.steps
    else:
        search = transcript.steps
        ways = await _walk(reactor, caller, targets, transcript)
        verdict = _of_all(ways)
    seconds = reactor.seconds() - began_at
    return Report(pair=caller.pair, verdict=verdict, ways=ways, search=search, seconds=seconds)


def _forbidden(caller: Caller) -> Verdict:
    domain = caller.pair.target
    return Verdict(
        text=f"the policy of this server denies {domain}, so it is neither looked up nor called",
        culprit=Culprit.US,
        remedy=f'if that is not meant, write policy = "allow" under [domain."{domain}"]',
    )


async def _search(caller: Caller, transcript: Transcript) -> tuple[Target, ...]:
    domain = caller.pair.target
    override = caller.overrides.find(domain)
    if override is not None:
        transcript.begin("override", domain).succeed(f"the configuration says {override}")
        return (override,)
    lookup = RecordedLookup(caller.lookup, transcript)  # writes failures down, so that nobody need note them
    targets = await find_targets(lookup, domain, at_most=caller.max_targets, note=lambda _failure: None)
    if targets == (domain_itself(domain),):
        transcript.begin("fallback", domain).succeed(f"without SRV records {targets[0]} is tried")
    return targets


async def _walk(
    reactor: INetworkReactor, caller: Caller, targets: Sequence[Target], transcript: Transcript
) -> tuple[Way, ...]:
    """Try every way, those on which servers send us on among them."""
    left, ways, redirects = deque(targets), list[Way](), 0
    while left:
        target = left.popleft()
        way = await _try(reactor, caller, target, transcript)
        ways.append(way)
        other = _redirect(way.record)
        if other is not None and redirects < MAX_REDIRECTS:
            redirects += 1
            left.appendleft(other)
    return tuple(ways)


def _redirect(record: CallRecord) -> Target | None:
    """Where a server sends us on, if it names a place that there can be."""
    where = "" if record.closing is None else record.closing.see_other
    try:
        return read_target(where) if where else None
    except TargetRefused:
        return None


async def _try(reactor: INetworkReactor, caller: Caller, target: Target, transcript: Transcript) -> Way:
    already = len(transcript.steps)
    call = Call(reactor, caller, target, transcript)
    record = call.record
    try:
        await call.make()
    except Unreachable as unreachable:
        verdict, goes_on = explain_unreachable(unreachable, transcript.steps[already:], caller), True
    else:
        verdict, goes_on = explain(record, target, caller, reactor.seconds()), _goes_on(record)
        if record.closing is not None:
            record.end(record.closing, verdict.culprit)
    steps = transcript.steps[already:]
    return Way(target=target, verdict=verdict, goes_on=goes_on, steps=steps, record=record)


def _goes_on(record: CallRecord) -> bool:
    """Whether the server, after what a call has shown, would try elsewhere."""
    event = record.closing
    if event is None:
        return False
    return _redirect(record) is not None or leaves_turn_to_next(event, is_secure=record.tls is not None)


def _of_all(ways: Sequence[Way]) -> Verdict:
    """That of the way at which the server would end; where it ends at none, of the first."""
    return next((way.verdict for way in ways if not way.goes_on), ways[0].verdict)
