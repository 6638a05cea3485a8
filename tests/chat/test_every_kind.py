"""What each door tells of each kind of event: the table in the documentation, and the codecs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from twisted_net.chat.codec import actions_said, line_said
from twisted_net.chat.codec.events import NODE_LOST, Event, Kind
from twisted_net.chat.codec.irc.render import CHANGING, profile_of
from twisted_net.chat.doors.web.stream import PROFILE

DOCS = Path(__file__).parents[2] / "docs" / "protocols" / "chat.md"

#: That somebody entered the chat, and into no room yet; that an empty room is there again, or ends;
#: metadata, of which the IRC door tells who asked for its key; bans from the server.
UNHEARD = (Kind.ENTERED, Kind.KEPT, Kind.DESCRIBED, Kind.BANISHED, Kind.PARDONED)
HEARD = [kind for kind in Kind if kind not in UNHEARD]

IN_NO_ROOM = (
    Kind.LEFT, Kind.RENAMED, Kind.AWAY, Kind.ACCOUNT, Kind.REALNAME, Kind.HOST, Kind.ENTERED,
)  # fmt: skip

DOORS: tuple[Callable[[Event], object], ...] = (
    line_said.told,
    actions_said.told,
    profile_of(set(CHANGING)).render,
    PROFILE.render,
)


def event(kind: Kind) -> Event:
    """Return an event as it happens."""
    return Event(
        7,
        kind,
        "" if kind in IN_NO_ROOM else "lobby",
        "red",
        "new",
        private=kind is Kind.TOLD,
        other="1-2" if kind is Kind.REDACTED else "blue",
        by="a.1",
        mask="~@hidden",
        tags=(("+typing", "active"),) if kind is Kind.TAGGED else (),
    )


def table() -> dict[str, list[str]]:
    """Return the table of the documentation."""
    section = DOCS.read_text().partition("## What each door tells")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return {kind: cells for kind, *cells in rows[2:]}


def test_the_table_has_every_kind_that_anybody_hears() -> None:
    """What happens where nobody is, is heard by nobody."""
    assert list(table()) == [kind.name.lower().replace("_", " ") for kind in HEARD]
    assert not any(door(event(kind)) for kind in UNHEARD for door in DOORS)


@pytest.mark.parametrize("kind", HEARD)
def test_each_door_tells_what_the_table_says(kind: Kind) -> None:
    """And nothing of what it says that it does not."""
    cells = table()[kind.name.lower().replace("_", " ")]
    assert [bool(door(event(kind))) for door in DOORS] == [cell != "-" for cell in cells]
    unasked = profile_of(set()).render(event(kind))
    assert bool(unasked) is (cells[2] == "yes")


def test_members_of_a_node_that_died_are_lost_in_a_netsplit() -> None:
    """In words by which IRC clients know one; nobody can leave with these words themselves."""
    lost = Event(1, Kind.LEFT, "", "red", NODE_LOST, mask="~red@host")
    assert profile_of(set()).render(lost) == b":red!~red@host QUIT :*.net *.split\r\n"
    left = replace(lost, text="Quit: node lost")
    assert profile_of(set()).render(left) == b":red!~red@host QUIT :Quit: node lost\r\n"
