"""Tests of `twisted_net.chat.core.here`: who hears something together, and who has left."""

import pytest

from tests.chat.chats import Chat
from twisted_net.chat.codec.requests import Away, Join, Mode, Quit
from twisted_net.chat.core import here
from twisted_net.chat.core.here import Here, Neighbours, Past


def test_who_has_left_is_remembered_until_that_is_caught_up_with() -> None:
    """As long as something was worked out that has to catch up."""
    past: Past[str] = Past()
    past.left("nobody knew")
    assert past.left_since(0, 1) is None
    past.prepared = "something"
    known = past.here("abcd")
    past.left("a")
    past.came()
    past.left("c")
    now = past.here("bde")
    assert past.left_since(known.version, known.version) == []
    assert past.left_since(known.version, now.version) == ["a", "c"]
    assert past.left_since(known.version + 1, now.version) == ["c"]
    past.forget(now.version)
    assert past.left_since(known.version, now.version) is None
    assert past.left_since(now.version, now.version) == []


def test_not_very_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more, everything is worked out anew."""
    monkeypatch.setattr(here, "MAX_LEFT", 3)
    past: Past[int] = Past()
    past.prepared = "something"
    for who in range(4):
        past.left(who)
    assert past.left_since(0, 4) is None
    assert past.left_since(1, 4) == [1, 2, 3]


def test_what_was_worked_out_goes_from_one_to_the_next() -> None:
    """Whichever of them it was worked out for."""
    past: Past[str] = Past()
    before = past.here("a")
    past.came()
    after = past.here("ab")
    before.prepared = "something"
    assert (after.prepared, before < after) == ("something", True)


def test_those_of_the_largest_room_hear_of_a_neighbour_together() -> None:
    """And all others once each; where only its operators may know of them, those."""
    chat = Chat()
    red, blue = chat.enter("red", "small"), chat.enter("blue", "small", "large")
    green, pink = chat.enter("green", "large"), chat.enter("pink", "large")
    [heard] = chat.does(blue, Away("tea"))
    assert isinstance(heard.to, Neighbours)
    assert (heard.to.here, heard.to.others) == ((blue, green, pink), (red,))
    [heard] = chat.does(pink, Away("tea"))
    assert isinstance(heard.to, Here)
    assert tuple(heard.to) == (blue, green, pink)
    chat.does(blue, Mode("large", "+u"))
    [heard] = chat.does(pink, Away("milk"))
    assert tuple(heard.to) == (pink, blue)
    chat.does(pink, Join("small"))
    [heard] = chat.does(pink, Quit())
    assert tuple(heard.to) == (red, blue, pink)
