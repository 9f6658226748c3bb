"""
The whole: a look at the server, then every case, one after the other.

Knows the order, and the time a case may take. Does not know any case: see :mod:`muxs2s.conformance.cases`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from twisted.internet.defer import Deferred, maybeDeferred

from muxs2s.conformance.case import Case
from muxs2s.conformance.cases import CASES
from muxs2s.conformance.deviation import Deviation, NotObservable
from muxs2s.conformance.kit import Kit
from muxs2s.conformance.reception import Reception
from muxs2s.conformance.report import Report
from muxs2s.conformance.result import CaseResult, State, of_rows
from muxs2s.conformance.rows import ROWS
from muxs2s.conformance.setting import Setting
from muxs2s.conformance.survey import survey
from muxs2s.network.reactors import INetworkReactor

__all__ = ["CASE_SECONDS", "conformance", "play"]

CASE_SECONDS: Final = 180.0
"""For one case; each wait in it is bounded, too."""


async def conformance(
    reactor: INetworkReactor,
    setting: Setting,
    *,
    cases: Sequence[Case] = CASES,
    tell: Callable[[CaseResult], None] = lambda _result: None,
) -> Report:
    """
    Play every case against a server.

    :param tell: told what came of each, as it comes.
    :raises Deviation: if there is nobody to play against.
    :raises CannotListenError: if the place where the server is to reach us cannot be had.
    """
    began_at = reactor.seconds()
    reception = Reception(reactor, setting.seconds)
    async with AsyncExitStack() as during:
        await _reachable(during, reactor, setting, reception)
        facts = await survey(reactor, setting, reception)
        results = []
        for case in cases:
            if not setting.rows or setting.rows.intersection(case.rows):
                results.append(await play(case, Kit(reactor, setting, reception, facts)))
                tell(results[-1])
    return Report(
        place=setting.place,
        domain=setting.domain,
        tls_version=facts.tls_version,
        rows=of_rows(results, [row for row in ROWS if not setting.rows or row in setting.rows]),
        seconds=reactor.seconds() - began_at,
    )


async def _reachable(during: AsyncExitStack, reactor: INetworkReactor, setting: Setting, reception: Reception) -> None:
    """Let the server reach us, and ask for names, for a while."""
    if setting.listening is not None:
        port = await setting.listening.listen(reception)
        during.push_async_callback(maybeDeferred, port.stopListening)
    if setting.zone is not None and setting.name_server is not None:
        during.push_async_callback(setting.zone.listen(reactor, *setting.name_server).stop)


async def play(case: Case, kit: Kit) -> CaseResult:
    """Play one case; whatever it comes to is a result."""
    state, text = State.MET, ""
    try:
        await Deferred.fromCoroutine(_played(case, kit)).addTimeout(CASE_SECONDS, kit.clock, _too_late)
    except NotObservable as unseen:
        state, text = State.UNSEEN, str(unseen)
    except Deviation as deviation:
        state, text = State.BROKEN, str(deviation)
    finally:
        await kit.close()
    return CaseResult(rows=case.rows, title=case.title, state=state, text=text, transcript=_transcript(state, kit))


async def _played(case: Case, kit: Kit) -> None:
    for need in kit.facts.lacking(case.needs, kit.setting):
        raise NotObservable(need.value)
    await case.script(kit)


def _too_late(_result: object, seconds: float) -> None:
    raise Deviation(f"the case was not over within {seconds:g} s")


def _transcript(state: State, kit: Kit) -> tuple[str, ...]:
    if state is not State.BROKEN:
        return ()
    return tuple(f"{number} {line}" for number, peer in enumerate(kit.peers, 1) for line in peer.lines)
