"""What every bus offers to `twisted_net.chat.post`."""

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from twisted_net.chat.codec.events import Event

#: Takes a room and what was said there before this node came, oldest first.
Earlier = Callable[[str, Sequence[Event]], None]


class Bus(Protocol):
    """Gives drafts their ids, and every node all events in the order of these."""

    def publish(self, draft: Event) -> Deferred[int]:
        """Give a draft an id, the Deferred's result; whoever tails will hear the event.

        The drafts of one member (`Event.by`) are heard in the order in which they were published.
        It fails with a `Refusal` if the draft was not published and never will be; after any
        other outcome it will be heard, once.
        """

    def tail(self, heard: Callable[[Event], None]) -> None:
        """Call ``heard`` with every event from now on, of this node and of all others."""
