"""What a member asks from a seat: nothing changes but where plain lines are said."""

from collections.abc import Sequence

from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.replies import Done
from twisted_net.chat.core.hub import Hub, Member, Room
from twisted_net.chat.core.room import O
from twisted_net.chat.seat.answers import MAX_OLD, Replies, listed, old, page, present
from twisted_net.chat.seat.pieces import in_pieces
from twisted_net.chat.seat.place import Obeyed, Turn
from twisted_net.chat.store.base import of_room


def _use(turn: Turn[O], what: ask.Use) -> None:
    room = turn.seat.chosen = turn.seat.hub.inside(turn.member, what.room)
    turn.answered([Done("USE", room.name)])


def _who(turn: Turn[O], what: ask.Who) -> None:
    hub = turn.seat.hub
    room = hub.room(what.room or turn.seat.here(), turn.member)
    count = 0

    def tell(members: Sequence[Member[O]]) -> Replies:
        nonlocal count
        # Of many, some may have left by the time that they are told of, or we may.
        shown = _shown(hub, room, turn.member)
        here = [each for each in members if shown and hub.shows(room, each, turn.member)]
        count += len(here)
        return present(room, here, turn.now)

    in_pieces(turn, hub.seen(room, turn.member), tell, lambda: [Done("WHO", str(count))])


def _shown(hub: Hub[O], room: Room[O], member: Member[O]) -> bool:
    """Say whether a room is still there, and not a secret to a member."""
    try:
        return hub.room(room.name, member) is room
    except Refusal:
        return False


def _rooms(turn: Turn[O], what: ask.Rooms) -> None:
    turn.answered(listed(turn.seat.hub, turn.member))


def _history(turn: Turn[O], what: ask.History) -> None:
    room = turn.seat.named(turn.member, what.room)
    old("HISTORY", turn.seat.kept().latest(of_room(room), page(what.count)), turn.answered)


def _since(turn: Turn[O], what: ask.Since) -> None:
    room = turn.seat.named(turn.member, what.room)
    old("SINCE", turn.seat.kept().after(of_room(room), what.id, MAX_OLD), turn.answered)


def _search(turn: Turn[O], what: ask.Search) -> None:
    rooms = [of_room(each.name) for each in turn.member.rooms.values()]
    old("SEARCH", turn.seat.kept().search(rooms, what.words, MAX_OLD), turn.answered)


OBEYED: Obeyed = {
    ask.Use: _use,
    ask.Who: _who,
    ask.Rooms: _rooms,
    ask.History: _history,
    ask.Since: _since,
    ask.Search: _search,
}
