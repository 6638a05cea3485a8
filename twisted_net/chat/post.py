"""The post: the doors' one way to change anything.

What a member wants becomes a draft, the bus gives it an id, the hub applies it, all who hear it
are delivered to, and then whoever asked is answered. In one process all of that happens before
`Post.submit` returns; with other nodes in between it takes a while. Doors work either way.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic

from twisted_net.chat.bus.base import Bus
from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.requests import Deed, Quit
from twisted_net.chat.core.hub import Delivery, Hub, Member
from twisted_net.chat.core.room import O
from twisted_net.chat.remembering import Remembering
from twisted_net.chat.store.base import History, moved_to, of_room

if TYPE_CHECKING:
    from twisted_net.chat.accounts.realm import Accounts

#: What became of a command: the event; None: nothing changed; or why it was not obeyed.
Outcome = Event | Refusal | None
Answered = Callable[[Outcome], None]


@dataclass(eq=False, slots=True)
class _Asked:
    """A command that waits for its turn to be answered.

    :ivar answered: None: nobody wants to know.
    :ivar settled: whether its outcome is known.
    """

    answered: Answered | None
    settled: bool = False
    outcome: Outcome = None


class Post(Generic[O]):
    """Carries commands to the bus, and events from it.

    :ivar hub: for questions; nobody but this changes it.
    :ivar history: remembers what was delivered; None: nothing does.
    :ivar accounts: who owns which names; None: nobody owns any.
    :param deliver: puts events into the outlets of all who hear them.
    """

    def __init__(
        self,
        hub: Hub[O],
        bus: Bus,
        deliver: Callable[[Iterable[Delivery[O]]], None],
        history: History | None = None,
        accounts: "Accounts | None" = None,
    ) -> None:
        self.hub = hub
        self.history = history
        self.accounts = accounts
        self._memory = Remembering(hub, history) if history is not None else None
        self._bus = bus
        self._deliver = deliver
        self._asked: dict[str, deque[_Asked]] = {}
        self._entering: set[str] = set()
        self._leaving: dict[str, str] = {}
        self._watching: list[Callable[[Event], None]] = []
        bus.tail(self._heard)

    def watch(self, happened: Callable[[Event], None]) -> None:
        """Call ``happened`` with every event, after all who hear it were delivered to."""
        self._watching.append(happened)

    def arrive(self, member: Member[O], answered: Answered) -> None:
        """Let somebody in whose name `Hub.enter` has kept; a refusal gives the name up."""
        self._entering.add(member.key)
        self._publish(member, self.hub.entering(member), partial(self._arrived, member, answered))

    def submit(
        self, member: Member[O], what: Deed, now: float, answered: Answered | None = None
    ) -> None:
        """Do what a member wants; answers come in the order of the commands."""
        try:
            draft = self.hub.command(member, what, now)
        except Refusal as refusal:
            self._settle_at_once(member.key, answered, refusal)
            return
        if draft is None:
            self._settle_at_once(member.key, answered, None)
        else:
            self._publish(member, draft, answered)

    def leave(self, member: Member[O], why: str, now: float) -> None:
        """Let somebody out of all rooms and of the chat, who may not have entered yet."""
        if member.key in self._entering:
            self._leaving[member.key] = why
        elif self.hub.present(member):
            self.submit(member, Quit(why), now)
        else:
            self.hub.release(member)

    def announce(self, draft: Event) -> None:
        """Let something happen that is nobody's doing; if it cannot, nobody is told."""
        self._bus.publish(draft).addErrback(lambda failure: failure.trap(Refusal) and None)

    def earlier(self, room: str, events: Iterable[Event]) -> None:
        """Remember what was said in a room before this node came into the chat."""
        if self.history is not None:
            for event in events:
                self.history.add(of_room(room), moved_to(self._shown(room), event))

    def _shown(self, room: str) -> str:
        """Return a room's name, which need not be the one under which something was said there."""
        try:
            return self.hub.room(room).name
        except Refusal:
            return room

    def _arrived(self, member: Member[O], answered: Answered, outcome: Outcome) -> None:
        self._entering.discard(member.key)
        why = self._leaving.pop(member.key, None)
        if isinstance(outcome, Refusal):
            self.hub.release(member)
        elif why is not None:
            self.leave(member, why, member.since)
        answered(outcome)

    def _publish(self, member: Member[O], draft: Event, answered: Answered | None) -> None:
        asked = _Asked(answered)
        self._asked.setdefault(member.key, deque()).append(asked)
        self._bus.publish(draft).addErrback(self._failed, member.key, asked)

    def _settle_at_once(self, key: str, answered: Answered | None, outcome: Outcome) -> None:
        if key in self._asked:
            self._asked[key].append(_Asked(answered, settled=True, outcome=outcome))
        elif answered is not None:
            answered(outcome)

    def _failed(self, failure: Any, key: str, asked: _Asked) -> None:
        failure.trap(Refusal)
        asked.settled, asked.outcome = True, failure.value
        self._answer(key)

    def _heard(self, event: Event) -> None:
        outcome: Outcome
        memory = self._memory
        ending = memory.ending(event) if memory is not None else []
        try:
            deliveries = self.hub.apply(event)
        except Refusal as refusal:
            outcome = refusal
        else:
            outcome = deliveries[0].event if deliveries else event
            if memory is not None:
                memory.remember(outcome, ending)
            self._deliver(deliveries)
            for happened in self._watching:
                happened(outcome)
        waiting = self._asked.get(event.by)
        if waiting is not None:
            asked = next((each for each in waiting if not each.settled), None)
            if asked is not None:
                asked.settled, asked.outcome = True, outcome
                self._answer(event.by)

    def _answer(self, key: str) -> None:
        """Answer all whose turn it is."""
        waiting = self._asked.get(key)
        while waiting and waiting[0].settled:
            asked = waiting.popleft()
            if not waiting:
                del self._asked[key]
            if asked.answered is not None:
                asked.answered(asked.outcome)
