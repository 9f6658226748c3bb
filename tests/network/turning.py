"""A clock that tells one turn of the reactor from the next."""

from __future__ import annotations

from twisted.internet.task import Clock


class TurningClock(Clock):
    """A clock on which what is asked for at once, while a turn lasts, has to wait for the next one, as in a reactor."""

    def turn(self) -> None:
        """Let what is due now have its turn."""
        for call in [call for call in self.calls if call.getTime() <= self.seconds()]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)

    def pass_over(self, seconds: float) -> None:
        """Let time pass in which nothing has its turn, as while somebody else works."""
        self.rightNow += seconds

    def turns(self, most: int) -> int:
        """Take turns as long as anything is due; tells how many were taken, which are not more than that."""
        for taken in range(most):
            if not any(call.getTime() <= self.seconds() for call in self.calls):
                return taken
            self.turn()
        return most
