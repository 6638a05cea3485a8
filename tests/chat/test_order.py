"""Everybody in a room hears the same, in the same order, through whatever door."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat.members import OnDatagrams, OnLine, Server, dice
from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.messages import Event, Say
from twisted_net.chat.core.datagram import Session


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40))
def test_all_hear_the_same_order(turns: list[tuple[int, bool]]) -> None:
    """Two on lines, two on datagrams; each says things at any time, several in one turn."""
    server = Server()
    lines = [server.on_line(name) for name in ("l0", "l1")]
    guests = [OnDatagrams(server, f"d{n}", ("192.0.2.7", 40000 + n)) for n in range(2)]
    for number, guest in enumerate(guests):
        guest.session = Session.initiator(dice(number), server.clock.seconds(), f"d{number}")
        guest.pump()
    for number, (who, at_once) in enumerate(turns):
        if who < 2:
            lines[who].sends(b"%d\n" % number)
        else:
            guests[who - 2].session.send(actions.asked(Say("lobby", str(number))))
        if not at_once:
            _settle(server, guests)
    _settle(server, guests)
    heard = [_texts(line) for line in lines] + [_came(guest) for guest in guests]
    order = [int(text) for text in dict.fromkeys(each for one in heard for each in one)]
    assert sorted(order) == list(range(len(turns)))
    ranks = _ranks(heard, turns)
    for one in heard:
        assert len(one) == len(dict.fromkeys(one))
        assert [ranks[text] for text in one] == sorted(ranks[text] for text in one)


def _settle(server: Server, guests: list[OnDatagrams]) -> None:
    for guest in guests * 2:
        guest.pump()
    server.clock.advance(0)


def _texts(line: OnLine) -> list[str]:
    return [each.split()[-1] for each in line.hears() if each.startswith("SAID")]


def _came(guest: OnDatagrams) -> list[str]:
    events = [each for body in guest.bodies for each in actions_said.heard(body)[1]]
    return [each.text for each in events if isinstance(each, Event) and each.kind.name == "SAID"]


def _ranks(heard: list[list[str]], turns: list[tuple[int, bool]]) -> dict[str, int]:
    """Return each text's place in the one order that agrees with all of what was heard.

    Nobody hears what they said themselves, so no member's list is whole.
    """
    before: dict[str, list[str]] = {str(number): [] for number in range(len(turns))}
    for one in heard:
        for earlier, later in itertools.pairwise(one):
            before[later].append(earlier)
    ranks: dict[str, int] = {}
    while len(ranks) < len(before):
        free = [
            text for text in before if text not in ranks and all(e in ranks for e in before[text])
        ]
        assert free, "two members heard two orders"
        ranks.update({text: len(ranks) + at for at, text in enumerate(free)})
    return ranks
