"""What the server says and does to all members at once, at every door."""

from tests.chat.irc import IrcChat
from tests.chat.webs import Server as WebServer
from twisted_net.chat.codec.messages import Announced
from twisted_net.chat.doors.everybody import expel, notify


def test_all_members_are_told_what_the_server_says() -> None:
    """In the words of their door."""
    server = IrcChat()
    red, blue = server.on_irc("red"), server.on_line("blue")
    pink = server.on_datagrams("pink")
    for member in (red, blue, pink):
        member.hears()
    notify(server.hub.members(), "other nodes unreachable")
    assert red.hears() == ["NOTICE * :other nodes unreachable"]
    assert blue.hears() == ["SERVER other nodes unreachable"]
    assert pink.hears() == [Announced("other nodes unreachable")]


def test_all_members_can_be_shown_the_door() -> None:
    """They hear why, and their connections end."""
    server = IrcChat()
    red, blue = server.on_irc("red"), server.on_line("blue")
    pink = server.on_datagrams("pink")
    for member in (red, blue, pink):
        member.hears()
    expel(server.hub.members(), "come again")
    assert red.hears()[-1].startswith("ERROR :")
    assert red.transport.disconnecting
    assert blue.hears()[-1] == "SERVER come again"
    assert blue.transport.disconnecting
    pink.pump()
    assert [str(each) for each in pink.happened if "come again" in str(each)]


def test_browsers_begin_anew() -> None:
    """Their cookie is worth nothing any more."""
    server = WebServer()
    red = server.enters("red")
    assert "id" in red.asks("say", room="lobby", text="hi")
    expel(server.post.hub.members(), "come again")
    assert red.asks("say", room="lobby", text="hi")["error"] == 401
