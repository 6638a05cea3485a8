"""What a client decides: when to try again, how fast to read, which names to follow. Pure."""

import random
from collections.abc import Iterable

from twisted_net.files.origin import StaleError
from twisted_net.net.errors import BadAnswerError, ClientError, ConnectError, NoAnswerError

#: Seconds before the first further try; each one after it waits twice as long, up to the longest.
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0

#: Seconds that a server may ask us to stay away (Retry-After), at most.
LONGEST_ASKED = 60.0

#: Folders within folders that are followed: a server may make them up as it goes.
DEEPEST = 64

#: Seconds over which a speed is an average: short enough to follow, long enough to be read.
SMOOTHED = 3.0


class BrokenOffError(BadAnswerError):
    """The server went away in the middle of an answer."""


class BusyError(ClientError):
    """The server may do later what it does not do now.

    :ivar wait: seconds that it wants us to stay away; 0: it did not say.
    """

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


class Retries:
    """When to try again, for one file.

    A server that was never reached is not waited for, because it is more likely misspelt than
    about to start. One that has begun to send is: it may be starting again.

    :param most: further tries without a byte more, before it is given up.
    :param dice: spreads the tries of many clients, who all lost the server at one moment.
    :param had: bytes that an earlier command has fetched.
    """

    def __init__(self, most: int, dice: random.Random, had: int = 0) -> None:
        self._most = most
        self._dice = dice
        self._tries = 0
        self._had = self._best = had

    def failed(self, error: ClientError, moved: int) -> float | None:
        """Return the seconds to wait before the next try; None: give up.

        :param moved: bytes of the file that are here.
        """
        if moved > self._best:
            self._best = moved
            self._tries = 0
        if self._tries >= self._most or not self._passing(error):
            return None
        self._tries += 1
        if isinstance(error, StaleError):
            return 0.0
        wait = min(FIRST_WAIT * 2.0 ** (self._tries - 1), LONGEST_WAIT)
        asked = min(error.wait, LONGEST_ASKED) if isinstance(error, BusyError) else 0.0
        return max(asked, wait * self._dice.uniform(0.75, 1.25))

    def _passing(self, error: ClientError) -> bool:
        """Say whether the same request may have another answer soon."""
        if isinstance(error, BusyError | StaleError):
            return True
        begun = self._best > self._had
        return begun and isinstance(error, BrokenOffError | ConnectError | NoAnswerError)


class Pace:
    """How fast all transfers together may read.

    :param rate: bytes a second.
    """

    #: Seconds of silence that may be made up for.
    BURST = 0.1

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._due = 0.0

    def moved(self, count: int, now: float) -> float:
        """Note that so many bytes have come; return the seconds to wait before more are read."""
        self._due = max(self._due, now - self.BURST) + count / self._rate
        return max(0.0, self._due - now)


class Speed:
    """How fast a transfer goes of late."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._count = 0
        self._rate = 0.0

    def seen(self, count: int, now: float) -> None:
        """Note how many bytes have come by now."""
        if self._at is None or count < self._count:  # the first look, or begun anew
            self._at, self._count, self._rate = now, count, 0.0
            return
        passed = now - self._at
        if passed <= 0:
            return
        rate = (count - self._count) / passed
        # Until there is an average, the first figure is it.
        share = min(1.0, passed / SMOOTHED) if self._rate else 1.0
        self._rate += (rate - self._rate) * share
        self._at, self._count = now, count

    @property
    def rate(self) -> float:
        """Bytes a second; 0: not known yet, or nothing comes."""
        return self._rate

    def left(self, size: int) -> float | None:
        """Return the seconds until all has come; None: not known."""
        return (size - self._count) / self._rate if self._rate > 0 else None


def below(folder: bytes, name: bytes) -> list[bytes] | None:
    """Return the way from a folder to a name within it, folder by folder; None: it leads out.

    The names are a server's, and will be names here: none may be a way up, or anything but one
    step.

    >>> below(b"a", b"a/b/c"), below(b"", b"b"), below(b"a", b"a/../b"), below(b"a", b"/etc")
    ([b'b', b'c'], [b'b'], None, None)
    """
    prefix = folder + b"/" if folder else b""
    if not name.startswith(prefix):
        return None
    steps = name[len(prefix) :].split(b"/")
    return steps if all(map(_is_step, steps)) and len(steps) <= DEEPEST else None


def _is_step(step: bytes) -> bool:
    return step not in (b"", b".", b"..") and b"\0" not in step


def exit_code(failures: Iterable[ClientError]) -> int:
    """Return what a command exits with: 0, the one code of all failures, or 1."""
    codes = {error.exit_code for error in failures}
    return (codes.pop() if len(codes) == 1 else 1) if codes else 0
