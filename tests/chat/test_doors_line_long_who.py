"""WHO of very many members on the line door: piece by piece, and right however long it takes."""

from itertools import accumulate

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from tests.chat.members import OnLine, Server, turns
from twisted_net.chat.seat import pieces

#: Members told of in one turn, here; and how many there are.
SLICE, CROWD = 4, 18


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "SLICE", SLICE)


def crowded(server: Server) -> list[OnLine]:
    """Return members of the lobby who have heard all of each other."""
    crowd = [server.on_line(f"m{number}") for number in range(CROWD)]
    for each in crowd:
        each.hears()
    return crowd


def told(lines: list[str]) -> list[str]:
    """Return who was told of."""
    return [line.split(" ")[2] for line in lines if line.startswith("MEMBER ")]


def so_far(member: OnLine) -> list[str]:
    """Return who was told of in the turns that have passed."""
    return told(member.transport.value().decode().split("\n"))


def test_every_member_is_told_of_once_and_then_comes_the_count() -> None:
    """And only then the answer to what was asked next."""
    red, *_ = crowded(Server())
    heard = red.says("WHO", "PING x")
    assert told(heard) == [f"m{number}" for number in range(CROWD)]
    assert heard[CROWD:] == [f"OK WHO {CROWD}", "PONG x"]


def test_a_long_answer_leaves_turns_to_others() -> None:
    """At most one piece of one peer's in each, and all of it comes."""
    server = Server()
    red, blue, *_ = crowded(server)
    red.sends(b"WHO\n")
    blue.sends(b"WHO\n")
    counts = []
    for _ in range(20):
        turns(server.clock, 1)
        counts.append(len(so_far(red)) + len(so_far(blue)))
        for each in (red, blue):
            each.transport.clear()
    assert all(count <= SLICE * turn for turn, count in enumerate(accumulate(counts), 1))
    assert sum(counts) == 2 * CROWD


def test_what_happens_meanwhile_is_not_contradicted() -> None:
    """Who is gone is not told of any more; others are as they are then."""
    server = Server()
    red, *crowd = crowded(server)
    red.sends(b"WHO\n")
    turns(server.clock, 2)
    assert so_far(red) == ["m0", "m1", "m2", "m3"]
    crowd[13].sends(b"QUIT\n")
    crowd[14].sends(b"PART\n")
    crowd[15].sends(b"NICK crimson\n")
    heard = red.hears()
    names = told(heard)
    assert not {"m14", "m15", "m16"} & set(names)
    assert "crimson" in names
    assert heard[-1] == f"OK WHO {len(names)}" == f"OK WHO {CROWD - 2}"


def test_who_is_thrown_out_meanwhile_learns_no_more_of_a_secret_room() -> None:
    """And hears how many it was told of."""
    server = Server()
    red, *crowd = crowded(server)
    last = crowd[-1]
    last.sends(b"WHO lobby\n")
    turns(server.clock, 2)
    red.sends(b"MODE lobby +s\nKICK lobby m17\n")
    heard = last.hears()
    end = heard.index("KICKED lobby m17 m0")
    assert told(heard[end:]) == []
    assert heard[-1] == f"OK WHO {len(told(heard))}"
    assert len(told(heard)) < CROWD


def test_who_does_not_read_is_sent_no_more_than_a_piece() -> None:
    """Asking costs nobody the connection, however large the room is and small the queue."""
    server = Server(queue=400)
    red, *_ = crowded(server)
    red.protocol.outlet.pauseProducing()
    red.sends(b"WHO\n")
    red.protocol.outlet.resumeProducing()
    red.protocol.outlet.pauseProducing()
    turns(server.clock, 50)
    assert so_far(red) == []
    assert red.protocol.outlet.size < 400
    red.protocol.outlet.resumeProducing()
    assert len(told(red.hears())) == CROWD
    assert not red.transport.disconnecting


def test_whose_connection_is_lost_meanwhile_is_told_nothing_more() -> None:
    """And no piece is made for them."""
    server = Server()
    red, *_ = crowded(server)
    red.sends(b"WHO\n")
    turns(server.clock, 2)
    red.protocol.connectionLost(Failure(ConnectionLost()))
    before = red.transport.value()
    turns(server.clock, 20)
    assert red.transport.value() == before
    assert not [
        each for each in server.clock.getDelayedCalls() if each.getTime() == server.clock.seconds()
    ]


def test_who_has_closed_its_half_still_hears_all_of_it() -> None:
    """As ``nc -N`` does that was given its lines by a pipe; then it hears the end."""
    server = Server()
    red, *_ = crowded(server)
    red.sends(b"WHO\nWHO")
    red.protocol.readConnectionLost()
    heard = red.hears()
    assert len(told(heard)) == 2 * CROWD
    assert heard[-1] == f"OK WHO {CROWD}"
    assert red.transport.disconnecting
