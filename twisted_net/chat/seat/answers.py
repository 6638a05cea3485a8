"""What whoever sits at a seat is told: who is there, what rooms there are, what was said before."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred

from twisted_net.chat.codec import replies as tell
from twisted_net.chat.codec.events import Event, shown_id
from twisted_net.chat.codec.multiline import lines_of
from twisted_net.chat.codec.refusals import Code, Refusal
from twisted_net.chat.codec.replies import Done, Refused, Reply
from twisted_net.chat.core.hub import Hub, Member, Room
from twisted_net.chat.core.room import O
from twisted_net.chat.store.base import History

#: Events of history in one answer; and bytes, where they have many lines: as much as all of them
#: have otherwise, so that asking costs nobody its connection.
MAX_OLD = 100
_BYTES = 120_000

#: Bytes of a line of it beside its text.
_BESIDE = 160

#: What a command led to, for whoever gave it.
Replies = list[Reply | Refused]
Answer = Replies | Refusal
Answered = Callable[[Answer], None]


def present(room: Room[O], members: Iterable[Member[O]], now: float) -> Replies:
    """Return who is in a room, and how long each has been silent."""
    return [
        tell.Present(
            room.name,
            each.name,
            room.role(each).word,
            each.door,
            max(0, int(now - each.active)),
        )
        for each in members
    ]


def listed(hub: Hub[O], member: Member[O]) -> Replies:
    """Return the rooms that a member may know of."""
    rooms: Replies = [
        tell.Listed(each.name, len(each.members), each.topic.text if each.topic else "")
        for each in hub.rooms(member)
    ]
    return [*rooms, Done("ROOMS", str(len(rooms)))]


def entered(room: Room[O], history: History | None) -> Replies:
    """Return what whoever enters a room is told first: that what is said is kept, too."""
    about = f"{room.name} {len(room.members)}"
    if history is not None:
        about += f" kept={history.kept or 'ever'}"
    return [Done("JOIN", about), *titled(room)]


def titled(room: Room[O]) -> Replies:
    """Return a room's topic, if it has one."""
    topic = room.topic
    return [] if topic is None else [tell.Titled(room.name, topic.by, topic.text)]


def numbered(verb: str, event: Event | None) -> Done:
    """Return the reply to what was said: where, and its id."""
    assert event is not None, "what is said is always an event"  # noqa: S101
    return Done(verb, f"{event.where} {shown_id(event.id)}")


def refused(answer: Answer) -> Replies:
    """Return an answer as one of several replies."""
    return [Refused(answer.code, answer.text)] if isinstance(answer, Refusal) else answer


def old(verb: str, found: "Deferred[list[Event]]", answered: Answered) -> None:
    """Answer with what was found in history, as soon as it is."""

    def read(events: list[Event]) -> None:
        events = fitting(events, newest=verb != "SINCE")
        answered([*map(tell.Old, events), Done(verb, str(len(events)))])

    def failed(failure: Any) -> None:
        refusal = failure.value  # the history may know why
        unread = Refusal(Code.UNAVAILABLE, "history cannot be read")
        answered(refusal if isinstance(refusal, Refusal) else unread)

    found.addCallbacks(read, failed)


def fitting(events: list[Event], *, newest: bool) -> list[Event]:
    """Leave out what would be too long an answer, where whoever asked goes on from its other end.

    :param newest: whether the last ones are wanted; else the first ones.
    """
    fit: list[Event] = []
    size = 0
    for event in reversed(events) if newest else events:
        lines = lines_of(event.text)
        size += len(event.text.encode()) + _BESIDE * len(lines)
        if fit and size > _BYTES:
            break
        fit.append(event)
    return fit[::-1] if newest else fit


def page(count: int) -> int:
    """Return how many events were asked for.

    :raises Refusal: there may not be so many in one answer.
    """
    if not 1 <= count <= MAX_OLD:
        raise Refusal(Code.BAD, f"HISTORY wants 1-{MAX_OLD} messages")
    return count
