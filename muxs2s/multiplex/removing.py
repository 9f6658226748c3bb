"""
Taking names off a stream, by either end, so that nothing on its way is lost and nobody is accused.

Knows the fence: each end says once that it has sent all it had to send concerning some names. Does not know
what is done with stanzas meanwhile: the standing of a name tells (:mod:`muxs2s.multiplex.names`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from muxs2s.multiplex.conditions import MultiplexCondition
from muxs2s.multiplex.conversation import Conversation, Unattributed
from muxs2s.multiplex.elements import Revoke, Revoked, Withdraw, Withdrawn, portions
from muxs2s.multiplex.events import NamesClosed, Whose
from muxs2s.multiplex.names import AcceptedNames, Standing
from muxs2s.multiplex.waits import DueWait
from muxs2s.wire.errors import RemoteViolation, StreamCondition
from muxs2s.wire.names import Name

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
            removal = _Removal(id=self._conversation.next_id(), whose=Whose.OURS, is_ours=True, names=some)
            self._begin(removal, now)
            self._conversation.say(Withdraw(id=removal.id, names=some))
            self._conversation.tell(NamesClosed(whose=Whose.OURS, names=some, condition=None))

    def revoke(self, names: Sequence[Name], condition: MultiplexCondition, now: float) -> None:
        """Accept names of the peer no longer."""
        for some in portions(names):
            removal = _Removal(id=self._conversation.next_id(), whose=Whose.PEERS, is_ours=True, names=some)
            self._begin(removal, now)
            self._await_peer(removal, now)
            self._conversation.say(Revoke(id=removal.id, certificate=None, names=some, condition=condition))
            self._conversation.tell(NamesClosed(whose=Whose.PEERS, names=some, condition=condition))

    def revoke_certificate(self, certificate: int, condition: MultiplexCondition, now: float) -> None:
        """Accept a certificate of the peer no longer, with the names that no other gives."""
        conversation = self._conversation
        conversation.waits.cancel(DueWait.CERTIFICATE, certificate)
        lapsed = tuple(conversation.peers.drop(certificate))
        removal = _Removal(
            id=conversation.next_id(), whose=Whose.PEERS, is_ours=True, names=lapsed, by_certificate=True
        )
        self._begin_lapse(removal)
        self._await_peer(removal, now)
        conversation.say(Revoke(id=removal.id, certificate=certificate, names=(), condition=condition))
        if lapsed:
            conversation.tell(NamesClosed(whose=Whose.PEERS, names=lapsed, condition=condition))

    # What the peer begins.

    def withdrawn_by_peer(self, withdraw: Withdraw, now: float) -> None:
        """The peer takes names of its own off: nothing more goes to them, which is our half."""
        if self._conversation.begins(withdraw.id):
            self._begin_for_peer(Whose.PEERS, withdraw.id, withdraw.names, None, now)
            self._conversation.say(Withdrawn(id=withdraw.id))

    def revoked_by_peer(self, revoke: Revoke, now: float) -> None:
        """The peer accepts names or a certificate of ours no longer: nothing more comes from them, our half."""
        if self._conversation.begins(revoke.id):
            if revoke.certificate is None:
                self._begin_for_peer(Whose.OURS, revoke.id, revoke.names, revoke.condition, now)
            else:
                self._lose_certificate(revoke.id, revoke.certificate, revoke.condition)
            self._conversation.say(Revoked(id=revoke.id))

    def confirmed(self, half: Withdrawn | Revoked, _now: float) -> None:
        """The peer has sent all it had to send concerning the names of a removal."""
        removal = self._open.get(half.id)
        if removal is None:
            self._conversation.expect_over(half.id)
        elif isinstance(half, Withdrawn) is not (removal.standing is Standing.WITHDRAWING):
            raise Unattributed("the removal is of the other kind")
        else:
            self._end(removal)

    def late(self, id: int) -> None:
        """The peer has not confirmed a revocation in time: that counts as if it had."""
        self._end(self._open[id])

    # The inside.

    def _names_of(self, whose: Whose) -> AcceptedNames:
        return self._conversation.own if whose is Whose.OURS else self._conversation.peers

    def _begin(self, removal: _Removal, now: float) -> None:
        """Begin a removal by name."""
        self._names_of(removal.whose).begin_removal(removal.names, removal.standing)
        self._take_up(removal)
        self._began(removal.whose, removal.names, now)

    def _begin_for_peer(
        self, whose: Whose, id: int, names: Sequence[Name], condition: MultiplexCondition | None, now: float
    ) -> None:
        """
        Begin a removal by name that the peer asks for.

        A name that it takes off already is out by that removal, so that what is kept never exceeds the names.

        :raises RemoteViolation: if it would make us keep too many names, none of them accepted.
        """
        removal = _Removal(id=id, whose=whose, is_ours=False, names=())
        accepted = self._names_of(whose)
        removal.names = tuple(
            name for name in dict.fromkeys(names) if not accepted.is_being_removed(name, removal.standing)
        )
        self._check_room(whose, removal.names)
        if removal.names:
            self._begin(removal, now)
            self._conversation.tell(NamesClosed(whose=whose, names=removal.names, condition=condition))

    def _check_room(self, whose: Whose, names: Sequence[Name]) -> None:
        conversation = self._conversation
        accepted, is_shown = self._names_of(whose), conversation.domains.is_shown
        unknown = sum(name not in accepted and not (whose is Whose.OURS and is_shown(name)) for name in names)
        if unknown and unknown > conversation.limits.max_domains - len(accepted):
            raise RemoteViolation(StreamCondition.POLICY_VIOLATION, "too many names were taken off this stream")

    def _lose_certificate(self, id: int, certificate: int, condition: MultiplexCondition) -> None:
        lapsed = tuple(self._conversation.own.drop(certificate))
        if lapsed:
            removal = _Removal(id=id, whose=Whose.OURS, is_ours=False, names=lapsed, by_certificate=True)
            self._begin_lapse(removal)
            self._conversation.tell(NamesClosed(whose=Whose.OURS, names=lapsed, condition=condition))

    def _begin_lapse(self, removal: _Removal) -> None:
        self._names_of(removal.whose).begin_lapse(removal.names)
        self._take_up(removal)

    def _take_up(self, removal: _Removal) -> None:
        self._open[removal.id] = removal
        self._conversation.open_ids.add(removal.id)

    def _await_peer(self, removal: _Removal, now: float) -> None:
        conversation = self._conversation
        conversation.waits.add(now + conversation.limits.answer_seconds, DueWait.REMOVAL, removal.id)

    def _end(self, removal: _Removal) -> None:
        """Everything concerning the names has come; whoever began says that it has sent everything, too."""
        conversation, names = self._conversation, self._names_of(removal.whose)
        del self._open[removal.id]
        conversation.open_ids.discard(removal.id)
        conversation.waits.cancel(DueWait.REMOVAL, removal.id)
        if removal.is_ours:
            kind = Withdrawn if removal.standing is Standing.WITHDRAWING else Revoked
            conversation.say(kind(id=removal.id))
        if removal.by_certificate:
            self._out(names.end_lapse(removal.names))
        else:
            names.end_removal(removal.names, removal.standing)
            self._out(removal.names)
