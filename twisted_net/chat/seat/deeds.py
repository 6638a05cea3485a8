"""What a member does from a seat: each is answered when it has happened."""

from twisted_net.chat.codec import replies as tell
from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.codec.replies import Done
from twisted_net.chat.core import modes
from twisted_net.chat.core.room import O
from twisted_net.chat.post import Outcome
from twisted_net.chat.seat.answers import Replies, entered, numbered, titled
from twisted_net.chat.seat.place import Obeyed, Turn
from twisted_net.chat.store.base import of_room


def _rename(turn: Turn[O], what: ask.Nick) -> None:
    turn.do(what, lambda event: [Done("NICK", turn.member.name)])


def join(turn: Turn[O], what: ask.Join) -> None:
    """Enter a room; what was said there before is told, as far as the seat wants it."""

    def joined(outcome: Outcome) -> None:
        if isinstance(outcome, Refusal):
            turn.answered(outcome)
            return
        room = turn.seat.chosen = turn.seat.hub.inside(turn.member, what.room)
        replies = entered(room, turn.seat.post.history)
        history = turn.seat.post.history
        if outcome is None or history is None or not turn.seat.replays:
            turn.answered(replies)
            return
        # What is said from here on is heard anyway.
        before = history.before(of_room(room.name), outcome.id, turn.seat.replays)
        before.addCallbacks(
            lambda events: turn.answered([*replies, *map(tell.Old, events)]),
            lambda failure: turn.answered(replies),
        )

    turn.seat.post.submit(turn.member, what, turn.now, joined)


def _part(turn: Turn[O], what: ask.Part) -> None:
    room = turn.seat.named(turn.member, what.room)
    what = ask.Part(room, what.why)
    turn.do(what, lambda event: [Done("PART", room)])


def _talk(turn: Turn[O], what: ask.Talk) -> None:
    _say(turn, ask.Say("", what.text))


def _say(turn: Turn[O], what: ask.Say) -> None:
    what = ask.Say(what.room or turn.seat.here(), what.text)
    turn.do(what, lambda event: [numbered("SAY", event)])


def _act(turn: Turn[O], what: ask.Act) -> None:
    what = ask.Act(what.text, what.room or turn.seat.here())
    turn.do(what, lambda event: [numbered("ME", event)])


def _tell(turn: Turn[O], what: ask.Tell) -> None:
    turn.do(what, lambda event: [numbered("TELL", event)])


def _topic(turn: Turn[O], what: ask.Topic) -> None:
    room = turn.seat.hub.inside(turn.member, what.room)

    def replies(event: Event | None) -> Replies:
        return [*titled(room), Done("TOPIC", room.name)]

    turn.do(what, replies)


def _kick(turn: Turn[O], what: ask.Kick) -> None:
    def replies(event: Event | None) -> Replies:
        assert event is not None  # noqa: S101 - whoever is thrown out was in
        return [Done("KICK", f"{event.where} {event.other}")]

    turn.do(what, replies)


def _invite(turn: Turn[O], what: ask.Invite) -> None:
    def replies(event: Event | None) -> Replies:
        assert event is not None  # noqa: S101 - whoever is invited was not in
        return [Done("INVITE", f"{event.other} {event.where}")]

    turn.do(what, replies)


def _mode(turn: Turn[O], what: ask.Mode) -> None:
    room = turn.seat.hub.inside(turn.member, what.room)

    def replies(event: Event | None) -> Replies:
        about = modes.shown(room, with_key=True) if event is None else event.text
        return [Done("MODE", f"{room.name} {about}")]

    turn.do(what, replies)


def _away(turn: Turn[O], what: ask.Away) -> None:
    turn.do(what, lambda event: [Done("AWAY", what.text)])


OBEYED: Obeyed = {
    ask.Nick: _rename,
    ask.Join: join,
    ask.Part: _part,
    ask.Talk: _talk,
    ask.Say: _say,
    ask.Act: _act,
    ask.Tell: _tell,
    ask.Topic: _topic,
    ask.Kick: _kick,
    ask.Invite: _invite,
    ask.Mode: _mode,
    ask.Away: _away,
}
