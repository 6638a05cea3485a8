"""NAMES and WHO of very many members: piece by piece, and right however long it takes."""

import re
from itertools import accumulate

import pytest

from tests.chat.irc import IrcChat, OnIrc
from tests.chat.members import turns
from twisted_net.chat.core.irc import rooms, who
from twisted_net.chat.core.room import Member
from twisted_net.chat.doors.irc import GONE_AFTER
from twisted_net.chat.doors.outlet import Outlet

#: Members named in one turn, here; and how many there are, red not counted.
SLICE, CROWD = 4, 18


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rooms, who):
        monkeypatch.setattr(module, "SLICE", SLICE)


def crowded(server: IrcChat) -> list[OnIrc]:
    """Return members of a room who have heard all of each other."""
    crowd = [server.on_irc(f"m{number}") for number in range(CROWD)]
    for each in crowd:
        each.says("JOIN #a")
    for each in crowd:
        each.hears()
    return crowd


def named(lines: list[str]) -> list[str]:
    """Return who was named."""
    found = [line.rpartition(" :")[2].split(" ") for line in lines if " 353 " in line]
    return [name.lstrip("@+") for names in found for name in names]


def test_a_long_answer_leaves_turns_to_others() -> None:
    """At most one piece of one client's in each, and all of it comes."""
    server = IrcChat()
    crowd = crowded(server)
    red, blue = crowd[:2]
    red.sends(b"NAMES #a\r\n")
    blue.sends(b"NAMES #a\r\n")
    pieces = []
    for _ in range(20):
        turns(server.clock, 1)
        heard = [each.transport.value() for each in (red, blue)]
        pieces.append(sum(len(named(each.decode().split("\r\n"))) for each in heard))
        for each in (red, blue):
            each.transport.clear()
    so_far = list(accumulate(pieces))
    assert all(count <= SLICE * turn for turn, count in enumerate(so_far, 1))
    assert so_far[-1] == 2 * CROWD


@pytest.mark.parametrize("ask", ["NAMES #a", "@label=x NAMES #a", "PART #a\r\nJOIN #a"])
def test_every_member_is_named_once_and_then_comes_the_end(ask: str) -> None:
    """On asking and on entering; with a label in one batch; and then what was asked next."""
    server = IrcChat()
    crowd = crowded(server)
    red = crowd[0]
    red.says("CAP REQ :batch labeled-response userhost-in-names")
    red.hears()
    heard = red.says(ask, "PING x")
    names = [name.partition("!")[0] for name in named(heard)]
    assert sorted(names) == sorted(f"m{number}" for number in range(CROWD))
    assert heard[-1].endswith(" PONG irc.example x")
    last = heard[-3] if "label" in ask else heard[-2]
    assert last.endswith(" 366 m0 #a :End of NAMES")
    if "label" in ask:
        assert heard[0].startswith("@label=x :irc.example BATCH +")
        assert heard[-2].startswith(":irc.example BATCH -")


def test_what_happens_meanwhile_is_not_contradicted() -> None:
    """Who is gone is not named any more; others are as they are then."""
    server = IrcChat()
    crowd = crowded(server)
    red = crowd[0]
    red.sends(b"NAMES #a\r\n")
    turns(server.clock, 2)
    assert len(named(red.transport.value().decode().split("\r\n"))) == SLICE
    crowd[14].sends(b"QUIT\r\n")
    crowd[15].sends(b"PART #a\r\n")
    crowd[16].sends(b"NICK crimson\r\n")
    server.on_irc("late").sends(b"JOIN #a\r\n")
    heard = red.hears()
    seen: set[str] = set()
    for line in heard:
        name = line[1:].partition("!")[0]
        if " QUIT " in line or " PART " in line:
            seen.discard(name)
        elif " NICK " in line:
            seen.discard(name)
            seen.add(line.rpartition(" ")[2])
        elif " JOIN " in line:
            seen.add(name)
        seen.update(named([line]))
    here: list[Member[Outlet]] = list(server.hub.room("a").members)
    assert seen == {each.name for each in here}
    assert {"crimson", "late"} <= seen


@pytest.mark.parametrize("last", ["KICK #a m17", "MODE #a +s\r\nKICK #a m17"])
def test_who_is_shown_out_meanwhile_hears_the_end(last: str) -> None:
    """And no more names of a room that is secret by then."""
    server = IrcChat()
    crowd = crowded(server)
    red = crowd[17]
    red.sends(b"NAMES #a\r\n")
    turns(server.clock, 2)
    assert red.transport.value()
    crowd[0].sends(f"{last}\r\n".encode())
    heard = red.hears()
    after = heard[next(n for n, line in enumerate(heard) if " KICK " in line) :]
    assert after[-1].endswith(" 366 m17 #a :End of NAMES")
    assert bool(named(after)) is ("+s" not in last)


def test_who_does_not_read_is_not_sent_more_than_a_piece() -> None:
    """Asking costs nobody the connection, however large the room is and small the queue."""
    server = IrcChat(queue=4096)
    crowd = crowded(server)
    red = crowd[0]
    red.says("CAP REQ userhost-in-names")
    red.hears()
    red.protocol.outlet.pauseProducing()
    red.sends(b"NAMES #a\r\n")
    turns(server.clock, 50)
    assert red.transport.value() == b""
    assert red.protocol.outlet.size < 400
    red.protocol.outlet.resumeProducing()
    assert len(named(red.hears())) == CROWD
    assert not red.transport.disconnecting


def test_who_reads_slowly_is_there_all_the_while() -> None:
    """Longer than anybody may be silent: what it says is read once the answer is whole."""
    server = IrcChat()
    crowd = crowded(server)
    red = crowd[0]
    red.sends(b"NAMES #a\r\nPING x\r\n")
    outlet = red.protocol.outlet
    for _ in range(CROWD // SLICE):
        outlet.pauseProducing()
        server.clock.advance(GONE_AFTER * 0.6)
        for each in crowd[1:]:
            each.says("PONG")
        outlet.resumeProducing()
        turns(server.clock, 1)
    heard = red.hears()
    assert not red.transport.disconnecting
    assert len(named(heard)) == CROWD
    assert any(" PONG " in line for line in heard)


def test_who_hangs_up_in_the_middle_leaves_nothing() -> None:
    """No timer, and nothing that is said to nobody."""
    server = IrcChat()
    crowd = crowded(server)
    for each in crowd[1:]:
        each.sends(b"NAMES #a\r\n")
    turns(server.clock, 3)
    for each in crowd:
        each.protocol.connectionLost()
    turns(server.clock, 60)
    assert server.clock.getDelayedCalls() == []


def test_a_half_close_is_answered_whole() -> None:
    """All names, the end, and then the connection is closed."""
    server = IrcChat()
    red = crowded(server)[0]
    red.sends(b"NAMES #a\r\n")
    red.protocol.readConnectionLost()
    heard = red.hears()
    assert len(named(heard)) == CROWD
    assert re.search(r" 366 m0 #a ", heard[-1])
    assert red.transport.disconnecting


# WHO.

ASKED = pytest.mark.parametrize("ask", ["WHO #a", "WHO m*", "WHO #a %cn", "WHO m* %cn"])


def told(lines: list[str]) -> list[str]:
    """Return who was told of by WHO, and in which room they are shown."""
    found = []
    for words in (line.split(" ") for line in lines):
        if words[1] == "352":
            found.append(f"{words[3]} {words[7]}")
        elif words[1] == "354":
            found.append(f"{words[3]} {words[4]}")
    return found


@ASKED
def test_all_who_are_asked_for_are_told_of_once(ask: str) -> None:
    """Not more than a piece of them in a turn."""
    server = IrcChat()
    red = crowded(server)[0]
    red.sends(f"{ask}\r\n".encode())
    turns(server.clock, 2)
    assert 0 < len(told(red.transport.value().decode().split("\r\n")[:-1])) <= 2 * SLICE
    heard = red.hears()
    assert len(told(heard)) == CROWD
    assert sorted(told(heard)) == sorted(f"#a m{number}" for number in range(CROWD))
    assert " 315 m0 " in heard[-1]


@ASKED
def test_who_is_gone_meanwhile_is_not_told_of(ask: str) -> None:
    """Who has left the room is shown outside of it, where that was not asked for."""
    server = IrcChat()
    crowd = crowded(server)
    red = crowd[0]
    red.sends(f"{ask}\r\n".encode())
    turns(server.clock, 2)
    crowd[14].sends(b"QUIT\r\n")
    crowd[15].sends(b"PART #a\r\n")
    found = {each.rpartition(" ")[2]: each for each in told(red.hears())}
    assert "m14" not in found
    assert found.get("m15", "") == ("* m15" if "m*" in ask else "")
    assert len(found) == CROWD - 1 - ("m*" not in ask)


def test_an_answer_that_becomes_too_long_ends_early() -> None:
    """In whichever piece that is."""
    server = IrcChat(longest=1000)
    heard = crowded(server)[0].says("WHO #a", "PING x")
    assert 5 < len(told(heard)) < CROWD
    assert [line.split(" ")[1] for line in heard[-3:]] == ["416", "315", "PONG"]
