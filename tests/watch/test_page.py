"""Tests of `twisted_net.watch.page`."""

import re

from twisted_net.net.counters import DoorCounters
from twisted_net.watch.page import page


def rows(doors: dict[str, DoorCounters]) -> list[list[str]]:
    """Return the cells of the page's table."""
    text = page(doors).decode()
    return [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]


def test_each_door_is_a_row_in_the_order_of_the_table_at_the_start() -> None:
    """What it has not done is left empty: the eye finds what it has."""
    echo = DoorCounters(open=1, accepted=1234, received=5, sent=6_000_000)
    udp = DoorCounters(
        datagrams_received=7, datagrams_sent=8, dropped={"too_fast": 2000, "idle": 1}
    )
    head, *shown = rows({"echo-tcp": echo, "echo-udp": udp, "web": DoorCounters()})
    assert head[0] == "door"
    assert shown == [
        ["echo-tcp", "1", "1,234", "5", "6,000,000", "", "", ""],
        ["echo-udp", "", "", "", "", "7", "8", "1 idle, 2,000 too_fast"],
        ["web", "", "", "", "", "", "", ""],
    ]


def test_the_page_renews_itself_without_a_script() -> None:
    """The web door's rules let none of other origins run, and this page needs none at all."""
    text = page({}).decode()
    assert 'http-equiv="refresh" content="2"' in text
    assert "<script" not in text
    assert "style=" not in text


def test_a_name_is_text_and_nothing_else() -> None:
    """A third party's door may be called anything."""
    assert rows({"<b>&": DoorCounters()})[1][0] == "&lt;b&gt;&amp;"
