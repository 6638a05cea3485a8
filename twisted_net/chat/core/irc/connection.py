"""The connection of an IRC client, as its session sees it."""

from collections.abc import Callable
from typing import Any, Protocol

from twisted_net.chat.codec.irc.render import Profile


class Line(Protocol):
    """The connection as the session sees it: its door."""

    def put(self, lines: bytes) -> None:
        """Send lines, after all that was sent before."""

    def write_as(self, profile: Profile) -> None:
        """Write events in this way from now on."""

    def in_turn(self, piece: Callable[[], None]) -> None:
        """Do a piece of a long answer in a turn of its own, once the client reads."""

    def hang_up(self, last_words: bytes) -> None:
        """Send this, then close."""

    def ready(self) -> None:
        """Go on reading: nothing is waited for any more."""

    @property
    def outlet(self) -> Any:
        """Where the member hears."""

    @property
    def charset(self) -> str:
        """What the client speaks."""

    def speak(self, charset: str) -> None:
        """Speak this from now on, both ways."""

    def speak_for(self, host: str, port: int) -> bool:
        """Be somebody else's connection, as a gateway says; say whether there is room for that."""

    def drop(self, reason: str) -> None:
        """Count that the client was refused."""
