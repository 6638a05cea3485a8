"""What must always hold, what must be seen once, and what must come true in the end."""

from collections.abc import Callable

Check = Callable[[], object]


class Promises:
    """The promises of one network.

    A check fails by raising `AssertionError`, or by returning False.

    :ivar watched: whether any has to be looked at after every step.
    :ivar seen: for each *sometimes*, whether it happened.
    :ivar due: each *eventually* that is still open, with the seconds it has.
    """

    def __init__(self) -> None:
        self.watched = False
        self.seen: dict[str, bool] = {}
        self.due: dict[str, tuple[Check, float]] = {}
        self._always: dict[str, Check] = {}
        self._sometimes: dict[str, Check] = {}

    def always(self, name: str, check: Check) -> None:
        """Check something after every step of every program."""
        self._always[name] = check
        self.watched = True

    def sometimes(self, name: str, check: Check) -> None:
        """Look out for something that a good test must have met."""
        self._sometimes[name] = check
        self.seen.setdefault(name, False)
        self.watched = True

    def eventually(self, name: str, check: Check, within: float) -> None:
        """Check something once all faults are over."""
        self.due[name] = check, within

    def check(self) -> None:
        """Look at all that is watched.

        :raises AssertionError: something does not hold that always should.
        """
        for name, check in self._always.items():
            if check() is False:
                raise AssertionError(f"always: {name}")
        for name, check in list(self._sometimes.items()):
            if came_true(check):
                self.seen[name] = True
                del self._sometimes[name]
        self.watched = bool(self._always or self._sometimes)

    def settle(self) -> bool:
        """Take out of ``due`` what has come true; say whether nothing is left."""
        for name, (check, _) in list(self.due.items()):
            if came_true(check):
                del self.due[name]
        return not self.due


def came_true(check: Check) -> bool:
    """Say whether a check holds; one that fails is merely not true yet."""
    try:
        return check() not in (False, None)
    except AssertionError:
        return False
