"""
Taking names off a stream, by either end, so that nothing on its way is lost and nobody is accused.

Knows the fence: each end says once that it has sent all it had to send concerning some names. Does not know
what is done with stanzas meanwhile: the standing of a name tells (:mod:`muxs2s.multiplex.names`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.conversation import Begun, Conversation
from muxs2s.multiplex.elements import Revoke, Revoked, Withdraw, Withdrawn, portions
from muxs2s.multiplex.events import NamesClosed, Whose
from muxs2s.multiplex.names import AcceptedNames, Name, Standing
from muxs2s.multiplex.unattributed import Unattributed
from muxs2s.multiplex.waits import DueWait
from muxs2s.wire.errors import RemoteViolation, StreamCondition

__all__ = ["Removals"]


@dataclass(slots=True, kw_only=True)
class _Removal:
    """One removal that is under way."""

    id: int
    whose: Whose
    """Of which end the names are. Their own end withdraws them, the other revokes them."""

    is_ours: bool
    """Whether we have begun it."""

    names: Sequence[Name]
    by_certificate: bool = False
    """Whether the names have lost a certificate, which another may give back, and were not named themselves."""

    due: float = inf

    @property
    def standing(self) -> Standing:
        return Standing.WITHDRAWING if self.is_ours == (self.whose is Whose.OURS) else Standing.REVOKING


class Removals:
    """
    The removals on one stream.

    :param began: told of names that an end begins to take off by name: exchanges on them are over.
    :param out: told of names that are out.
    """

    def __init__(
        self,
        conversation: Conversation,
        began: Callable[[Whose, Sequence[Name], float], None],
        out: Callable[[Sequence[Name]], None],
    ) -> None:
        self._conversation = conversation
        self._began, self._out = began, out
        self._open: dict[int, _Removal] = {}

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._open)

    # What we begin.

    def withdraw(self, names: Sequence[Name], now: float) -> None:
        """Take names of ours off."""
        for some in portions(names):
            removal = self._begin(Whose.OURS, some, now)
            self._conversation.say(Withdraw(id=removal.id, names=some))
            self._conversation.tell(NamesClosed(whose=Whose.OURS, names=some, condition=None))

    def revoke(self, names: Sequence[Name], condition: MultiplexCondition, now: float) -> None:
        """Accept names of the peer no longer."""
        for some in portions(names):
            removal = self._begin(Whose.PEERS, some, now)
            self._await_peer(removal, now)
            self._conversation.say(Revoke(id=removal.id, certificate=None, names=some, condition=condition))
            self._conversation.tell(NamesClosed(whose=Whose.PEERS, names=some, condition=condition))

    def revoke_certificate(self, certificate: int, condition: MultiplexCondition, now: float) -> None:
        """Accept a certificate of the peer no longer, with the names that no other gives."""
        if certificate not in self._conversation.peers.certificates:
            return
        lapsed = self._conversation.peers.drop(certificate)
        removal = self._begin_lapse(self._conversation.next_id(), Whose.PEERS, lapsed, is_ours=True)
        self._await_peer(removal, now)
        self._conversation.say(Revoke(id=removal.id, certificate=certificate, names=(), condition=condition))
        if lapsed:
            self._conversation.tell(NamesClosed(whose=Whose.PEERS, names=tuple(lapsed), condition=condition))

    # What the peer begins.

    def withdrawn_by_peer(self, withdraw: Withdraw, now: float) -> None:
        """The peer takes names of its own off: nothing more goes to them, which is our half."""
        if self._is_news(withdraw.id):
            self._begin(Whose.PEERS, withdraw.names, now, id=withdraw.id)
            self._conversation.tell(NamesClosed(whose=Whose.PEERS, names=withdraw.names, condition=None))
            self._conversation.say(Withdrawn(id=withdraw.id))

    def revoked_by_peer(self, revoke: Revoke, now: float) -> None:
        """The peer accepts names or a certificate of ours no longer: nothing more comes from them, our half."""
        if not self._is_news(revoke.id):
            return
        names: Sequence[Name] = revoke.names
        if revoke.certificate is None:
            self._begin(Whose.OURS, names, now, id=revoke.id)
        else:
            names = self._conversation.own.drop(revoke.certificate)
            self._begin_lapse(revoke.id, Whose.OURS, names, is_ours=False)
        if names:
            self._conversation.tell(NamesClosed(whose=Whose.OURS, names=tuple(names), condition=revoke.condition))
        self._conversation.say(Revoked(id=revoke.id))

    def confirmed(self, half: Withdrawn | Revoked, _now: float) -> None:
        """The peer has sent all it had to send concerning the names of a removal."""
        removal = self._open.get(half.id)
        if removal is None:
            Unattributed.unless_over(self._conversation.begun(half.id))
        elif isinstance(half, Withdrawn) is not (removal.standing is Standing.WITHDRAWING):
            raise Unattributed("the removal is of the other kind")
        else:
            self._end(removal)

    def late(self, id: int, due: float) -> None:
        """The peer has not confirmed a revocation in time: that counts as if it had."""
        removal = self._open.get(id)
        if removal is not None and removal.due == due:
            self._end(removal)

    # The inside.

    def _is_news(self, id: int) -> bool:
        """Whether the peer begins a removal with this id."""
        begun = self._conversation.begun(id)
        if begun is not Begun.NOW:
            if id in self._open:
                raise Unattributed("the id of a removal is in use")
            Unattributed.unless_over(begun)
            return False
        self._conversation.note_begun(id)
        if len(self._open) >= self._conversation.limits.max_domains:
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, "too many removals are under way")
        return True

    def _names_of(self, whose: Whose) -> AcceptedNames:
        return self._conversation.own if whose is Whose.OURS else self._conversation.peers

    def _begin(self, whose: Whose, names: Sequence[Name], now: float, id: int | None = None) -> _Removal:
        """Begin a removal by name; the peer may not make us keep ever more names that are closed."""
        accepted = self._names_of(whose)
        is_ours = id is None
        removal = _Removal(
            id=self._conversation.next_id() if id is None else id, whose=whose, is_ours=is_ours, names=tuple(set(names))
        )
        room = self._conversation.limits.max_domains - len(accepted)
        if not is_ours and sum(name not in accepted for name in removal.names) > room:
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, "too many names were taken off this stream")
        accepted.begin_removal(removal.names, removal.standing)
        self._open[removal.id] = removal
        self._began(whose, removal.names, now)
        return removal

    def _begin_lapse(self, id: int, whose: Whose, names: Sequence[Name], *, is_ours: bool) -> _Removal:
        self._names_of(whose).begin_lapse(names)
        removal = _Removal(id=id, whose=whose, is_ours=is_ours, names=tuple(names), by_certificate=True)
        self._open[id] = removal
        return removal

    def _await_peer(self, removal: _Removal, now: float) -> None:
        removal.due = now + self._conversation.limits.answer_seconds
        self._conversation.waits.add(removal.due, DueWait.REMOVAL, removal.id)

    def _end(self, removal: _Removal) -> None:
        """Everything concerning the names has come; whoever began says that it has sent everything, too."""
        del self._open[removal.id]
        names = self._names_of(removal.whose)
        if removal.is_ours:
            kind = Withdrawn if removal.standing is Standing.WITHDRAWING else Revoked
            self._conversation.say(kind(id=removal.id))
        if removal.by_certificate:
            out = names.end_lapse(removal.names)
        else:
            names.end_removal(removal.names, removal.standing)
            out = list(removal.names)
        self._out(out)
