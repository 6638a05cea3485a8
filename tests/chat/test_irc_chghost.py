"""Another host, and how IRC clients hear of it (IRCv3 chghost, extended-monitor)."""

import pytest

from tests.chat.irc import IrcChat, OnIrc
from tests.chat.members import OnDatagrams
from twisted_net.chat.codec import actions
from twisted_net.chat.codec.messages import Join, Say
from twisted_net.chat.codec.requests import Away, Host, Mode
from twisted_net.chat.core.ident import hidden_host

BEFORE, AFTER = (hidden_host(each, b"") for each in ("192.0.2.7", "198.51.100.9"))


def moving(server: IrcChat, name: str = "udp") -> OnDatagrams:
    """Let a member of the datagram door come, and enter a room with an operator of its own."""
    member = server.on_datagrams(name)
    member.asks(Join("a"))
    return member


def move(member: OnDatagrams, host: str = "198.51.100.9") -> None:
    """Let it go on from another address."""
    member.address = (host, 41000)
    member.session.send(actions.asked(Say("a", "from there")))
    member.pump()
    member.server.clock.advance(2)
    member.session.wake(member.server.clock.seconds())
    member.pump()


def inside(server: IrcChat, name: str, *capabilities: str) -> OnIrc:
    """Let an IRC client into the room."""
    member = server.on_irc(name, *capabilities)
    member.says("JOIN #a")
    member.hears()
    return member


def test_who_understands_it_hears_of_the_new_host_once() -> None:
    """Under the old one, whatever rooms they share."""
    server = IrcChat()
    udp = moving(server)
    red = inside(server, "red", "chghost")
    udp.asks(Join("b"))
    red.says("JOIN #b")
    red.hears()
    move(udp)
    assert red.hears() == [
        f":udp!~@{BEFORE} CHGHOST ~ {AFTER}",
        f":udp!~@{AFTER} PRIVMSG #a :from there",
    ]
    assert server.hub.find("udp").host == AFTER


def test_who_does_not_sees_them_go_and_come_again() -> None:
    """Into every room that they share, with the role there; and what is told of who enters."""
    server = IrcChat()
    udp = moving(server)
    red = inside(server, "red")
    rich = inside(server, "rich", "extended-join", "away-notify", "message-tags")
    member = server.hub.find("udp")
    server.post.submit(member, Mode("a", "+v udp"), server.clock.seconds())
    server.post.submit(member, Away("tea"), server.clock.seconds())
    udp.asks(Join("b"))
    red.says("JOIN #b")
    udp.asks(Join("c"))
    red.hears()
    rich.hears()
    move(udp)
    assert red.hears() == [
        f":udp!~@{BEFORE} QUIT :Changing host",
        f":udp!~@{AFTER} JOIN #a",
        "MODE #a +ov udp udp",
        f":udp!~@{AFTER} JOIN #b",
        "MODE #b +o udp",
        f":udp!~@{AFTER} PRIVMSG #a :from there",
    ]
    heard = rich.hears()
    assert [line.partition(" ")[2] if line[0] == "@" else line for line in heard[:4]] == [
        f":udp!~@{BEFORE} QUIT :Changing host",
        f":udp!~@{AFTER} JOIN #a * :",
        f":udp!~@{AFTER} AWAY :tea",
        "MODE #a +ov udp udp",
    ]
    assert sum("msgid=" in line for line in heard) == 2  # of the leaving, and of what was said


def test_another_port_is_no_other_host() -> None:
    """A router that has forgotten us is none of the room's business."""
    server = IrcChat()
    udp = moving(server)
    red = inside(server, "red", "chghost")
    move(udp, "192.0.2.7")
    assert red.hears() == [f":udp!~@{BEFORE} PRIVMSG #a :from there"]


def test_who_watches_a_name_hears_of_it_too() -> None:
    """Only with both capabilities; nobody sees somebody leave whom they never met."""
    server = IrcChat()
    udp = moving(server)
    wanted = {
        "both": ("extended-monitor", "chghost"),
        "one": ("extended-monitor",),
        "other": ("chghost",),
    }
    watchers = {name: server.on_irc(name, *words) for name, words in wanted.items()}
    for each in watchers.values():
        each.says("MONITOR + udp")
    move(udp)
    assert [each.hears() for each in watchers.values()] == [
        [f":udp!~@{BEFORE} CHGHOST ~ {AFTER}"], [], [],
    ]  # fmt: skip


@pytest.mark.parametrize(("capability", "heard"), [("chghost", 1), ("batch", 0)])
def test_whose_host_it_is_hears_of_it_if_they_understand_it(capability: str, heard: int) -> None:
    """And never sees themselves leave."""
    server = IrcChat()
    red = inside(server, "red", capability)
    server.post.submit(server.hub.find("red"), Host("b.hidden"), server.clock.seconds())
    assert [" CHGHOST ~red b.hidden" in line for line in red.hears()] == [True] * heard


def test_a_ban_goes_by_the_host_that_somebody_has_now() -> None:
    """Moving away is no way round one, nor does the old host's keep them quiet."""
    server = IrcChat()
    red = server.on_irc("red")
    red.says("JOIN #a", f"MODE #a +b *!*@{AFTER}")
    udp = moving(server)
    red.hears()
    move(udp)
    assert not any("from there" in line for line in red.hears())
    move(udp, "192.0.2.7")
    assert any("from there" in line for line in red.hears())


def test_other_doors_hear_nothing_of_hosts() -> None:
    """They show none."""
    server = IrcChat()
    udp = moving(server)
    line, other = server.on_line("line"), server.on_datagrams("other", 40001)
    line.says("JOIN a")
    other.asks(Join("a"))
    line.hears()
    move(udp)
    assert line.hears() == ["SAID a udp from there"]
    assert [getattr(each, "text", "") for each in other.hears()] == ["from there"]


def test_who_comes_back_from_another_address_has_its_host() -> None:
    """After a silence; nobody is told of a change, for they have left and enter again."""
    server = IrcChat()
    udp = moving(server)
    move(udp)
    red = inside(server, "red", "chghost")
    gone: list[str] = []
    for _ in range(2):
        server.clock.advance(50)
        gone += red.says("PONG")
    assert any(" QUIT " in line for line in gone)
    udp.session.send(actions.asked(Say("a", "again")))
    udp.pump()
    heard = red.hears()
    assert any(f":udp!~@{AFTER} JOIN #a" in line for line in heard), heard
    assert not any("CHGHOST" in line for line in heard)
