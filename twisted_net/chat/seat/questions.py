"""What a member asks from a seat: nothing changes but where plain lines are said."""

from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec.replies import Done
from twisted_net.chat.core.room import O
from twisted_net.chat.seat.answers import MAX_OLD, listed, old, page, present
from twisted_net.chat.seat.place import Obeyed, Turn
from twisted_net.chat.store.base import of_room


def _use(turn: Turn[O], what: ask.Use) -> None:
    room = turn.seat.chosen = turn.seat.hub.inside(turn.member, what.room)
    turn.answered([Done("USE", room.name)])


def _who(turn: Turn[O], what: ask.Who) -> None:
    room = turn.seat.hub.room(what.room or turn.seat.here(), turn.member)
    turn.answered(present(turn.seat.hub, room, turn.member, turn.now))


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
