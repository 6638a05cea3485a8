"""AWAY before registration (IRCv3 draft/pre-away)."""

import pytest

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.core.irc.offered import OFFERED

PRE_AWAY = "draft/pre-away"


def coming(server: IrcChat, *lines: str) -> OnIrc:
    """Let somebody connect who has the capability, and says this before all else."""
    red = server.on_irc("", PRE_AWAY)
    red.says(*lines)
    return red


def register(red: OnIrc) -> list[str]:
    """Register; return what is heard."""
    return red.says("NICK red", "USER red 0 * :Red", "CAP END")


def test_it_is_offered_under_its_name_of_a_draft() -> None:
    """The plain name is for when it is done."""
    assert PRE_AWAY in OFFERED
    assert "pre-away" not in OFFERED


@pytest.mark.parametrize("text", ["*", ":Gone to lunch. Back in 5"])
def test_who_is_away_before_they_come_is_away_from_the_first_moment_on(text: str) -> None:
    """With a reason or without one, which is an asterisk; both are told as they are."""
    server = IrcChat()
    blue = server.on_irc("blue", "away-notify")
    blue.says("JOIN #a")
    blue.hears()
    red = server.on_irc("", PRE_AWAY)
    assert red.says(f"AWAY {text}") == [":irc.example 306 * :You have been marked as being away"]
    assert register(red)[0].split(" ")[1] == "001"
    said = text.removeprefix(":")
    assert server.hub.find("red").away == said
    last = f":{said}" if " " in said else said
    assert blue.says("PRIVMSG red :there?") == [f":irc.example 301 blue red {last}"]
    red.says("JOIN #a")
    assert [line.partition(" ")[2] for line in blue.hears()] == ["JOIN #a", f"AWAY :{said}"]


def test_the_last_word_before_registration_counts() -> None:
    """Without a parameter, or with an empty one, the user is there."""
    for back in ("AWAY", "AWAY :"):
        server = IrcChat()
        red = coming(server, "AWAY :lunch")
        assert red.says(back) == [":irc.example 305 * :You are no longer marked as being away"]
        register(red)
        assert server.hub.find("red").away == ""


def test_a_reason_too_long_is_refused_and_the_one_before_stays() -> None:
    """As after registration."""
    server = IrcChat()
    red = coming(server, "AWAY :lunch")
    (refused,) = red.says(f"AWAY :{'x' * 391}")
    assert "at most 390 bytes" in refused.lower()
    register(red)
    assert server.hub.find("red").away == "lunch"


def test_who_has_not_asked_for_it_registers_first() -> None:
    """And nothing is remembered of it."""
    server = IrcChat()
    red = server.on_irc("", "batch")
    assert red.numerics("AWAY :lunch") == ["451"]
    register(red)
    assert server.hub.find("red").away == ""


def test_who_comes_away_has_come_all_the_same() -> None:
    """Those who watch the name hear both (MONITOR, extended-monitor)."""
    server = IrcChat()
    blue = server.on_irc("blue", "extended-monitor", "away-notify")
    blue.says("MONITOR + red")
    red = coming(server, "AWAY *")
    register(red)
    mask = f"red!{server.hub.find('red').mask}"
    assert [line for line in blue.hears() if mask in line] == [
        f":irc.example 730 blue {mask}",
        f":{mask} AWAY :*",
    ]


def test_after_registration_an_asterisk_is_no_reason_either() -> None:
    """The user has gone, for whatever reason; and comes back."""
    server = IrcChat()
    red = coming(server)
    register(red)
    assert red.numerics("AWAY *", "AWAY") == ["306", "305"]
