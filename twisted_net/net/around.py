"""A factory that stands around another one."""

from typing import Any

from twisted.internet.protocol import Factory


class Around(Factory):
    """Starts and stops with the factory inside, and says nothing of it in the log.

    Not Twisted's `policies.WrappingFactory`, which keeps a table of its own of all protocols.
    """

    noisy = False

    def __init__(self, inside: Any) -> None:
        self._inside = inside

    def doStart(self) -> None:
        """Start the factory inside with this one."""
        super().doStart()  # type: ignore[no-untyped-call]
        self._inside.doStart()

    def doStop(self) -> None:
        """Stop the factory inside with this one."""
        super().doStop()  # type: ignore[no-untyped-call]
        self._inside.doStop()
