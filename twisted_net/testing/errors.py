"""What a run of the simulated network may fail with; each shows how the network stood."""


class NetworkFailure(AssertionError):  # noqa: N818 - they are outcomes of a test
    """A run that could not go on, or must not be called a success.

    An `AssertionError`, so that every test runner counts it as a failed test.

    :ivar netstat: the state of all sockets at that moment.
    :ivar ladder: the last of what happened; empty if no record was kept.
    """

    def __init__(self, why: str, netstat: str = "", ladder: str = "", again: str = "") -> None:
        super().__init__("\n".join(filter(None, (why, netstat, ladder, again))))
        self.netstat = netstat
        self.ladder = ladder


class Deadlock(NetworkFailure):
    """Nothing is left that could happen, and what was waited for has not."""


class SimTimeout(NetworkFailure):
    """What was waited for did not happen within the virtual time allowed."""


class Livelock(NetworkFailure):
    """So much happens at one instant that time does not go on."""


class LoggedErrors(NetworkFailure):
    """Failures were logged during the run, and not flushed."""
