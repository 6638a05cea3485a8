"""IRC over WebSocket: the IRC door at ``/irc`` of the web door (IRCv3, WebSocket)."""

from typing import Any

import pytest
from twisted.internet.task import Clock

from tests.chat.irc import IrcChat
from tests.chat.members import dice
from tests.net.websocket.clients import BINARY, TEXT, Socket
from twisted_net.chat import ChatService, ChatSettings
from twisted_net.chat.core.irc.every import COMMANDS
from twisted_net.chat.core.irc.security import Policy
from twisted_net.chat.doors.irc import ChatIrcFactory
from twisted_net.chat.doors.outlet import QUEUE
from twisted_net.chat.doors.stream import GOODBYE, NAME_WITHIN
from twisted_net.net.errors import SettingError
from twisted_net.net.pages import Pages
from twisted_net.net.service import Runtime
from twisted_net.net.settings import Group, load
from twisted_net.net.websocket.resource import WebSocketResource
from twisted_net.web import WebFactory

OPENED = "PING :still here"
STILL = ":irc.example PONG irc.example :still here"


class WebIrc(IrcChat):
    """A server with an IRC door in its web door."""

    def __init__(self, queue: int = QUEUE, **settings: Any) -> None:
        super().__init__(queue=queue, **settings)
        counters = self.counters.door("web")
        inside = ChatIrcFactory(
            self.irc, self.clock, queue, counters, name="web", rate=0, binds=False
        )
        page = WebSocketResource(
            inside, self.clock, [TEXT], [BINARY], first=None, counters=counters
        )
        pages = Pages()
        pages.add("irc", "", page)
        self.web = WebFactory(pages, self.clock)

    def in_browser(self, name: str = "", protocol: str = TEXT) -> "InBrowser":
        """Let somebody open a WebSocket, and register under a name if one is given."""
        member = InBrowser(self, protocol)
        if name:
            member.sends_lines(f"NICK {name}", f"USER {name} 0 * :{name}", "JOIN #lobby")
            assert member.hears_lines()[-1].endswith(f"366 {name} #lobby :End of NAMES")
        return member


class InBrowser(Socket):
    """A member in a browser."""

    def __init__(self, server: WebIrc, protocol: str) -> None:
        self._server = server
        self._binary = protocol == BINARY
        super().__init__(server.web, "/irc", protocol)

    def sends_lines(self, *lines: str) -> None:
        """Send lines, each as a message."""
        self.sends(self.says(*(line.encode() if self._binary else line for line in lines)))

    def hears_lines(self) -> list[str]:
        """Return the lines that came since the last time."""
        heard: list[str] = []
        while True:
            self._server.clock.advance(0)
            new = self.read()
            if not new:
                return heard
            assert all(isinstance(each, bytes) == self._binary for each in new)
            heard += [each.decode() if isinstance(each, bytes) else each for each in new]


@pytest.mark.parametrize("protocol", [TEXT, BINARY, ""])
def test_a_browser_talks_with_every_other_door(protocol: str) -> None:
    """One line a message, without its ending."""
    server = WebIrc()
    blue, green = server.on_line("blue"), server.on_irc("green")
    green.says("JOIN #lobby")
    red = server.in_browser("red", protocol)
    blue.hears()
    red.sends_lines("PRIVMSG #lobby :h\u00e9llo", "PRIVMSG #lobby :again")
    assert blue.hears() == ["SAID lobby red h\u00e9llo", "SAID lobby red again"]
    assert green.hears()[-1].endswith(" PRIVMSG #lobby :again")
    blue.says("one", "two")
    assert [line.partition(" ")[2] for line in red.hears_lines()] == [
        "PRIVMSG #lobby :one",
        "PRIVMSG #lobby :two",
    ]


def test_every_command_gets_its_answer_and_keeps_the_socket() -> None:
    """With 0, 1, 2 and 50 parameters, before registration and after it (R26)."""
    for name in ("", "red"):
        server = WebIrc(keep=True)
        red = server.in_browser(name)
        for command in [*COMMANDS, "X", "001", "\u00e9", "", ":", "@"]:
            if command == "QUIT":
                continue
            for number in (0, 1, 2, 50):
                red.sends_lines(" ".join([command, *["x"] * number]))
            red.sends_lines(OPENED)
            assert red.hears_lines()[-1] == STILL
            assert red.closed is None


def test_a_line_too_long_is_refused_and_the_socket_stays() -> None:
    """As on every IRC door, up to what a message may have."""
    server = WebIrc()
    red = server.in_browser("red")
    red.sends_lines("PING " + "x" * 506, "PING " + "x" * 505, "PRIVMSG #lobby :" + "x" * 60_000)
    heard = red.hears_lines()
    assert [line.split()[1] for line in heard] == ["417", "PONG", "417"]
    red.sends_lines("x" * 70_000)
    assert red.hears_lines() == []
    assert red.closed is not None
    assert red.closed[0] == 1009
    assert server.dropped("web") == {"line_too_long": 2, "message_too_long": 1}


def test_who_quits_hears_the_end_and_a_close() -> None:
    """Others hear it at once."""
    server = WebIrc()
    blue, red = server.on_line("blue"), server.in_browser("red")
    blue.hears()
    red.sends_lines("QUIT :bye")
    assert red.hears_lines() == ["ERROR :Closing link: 192.0.2.1 (Quit: bye)"]
    assert red.closed == (1000, "")
    assert blue.hears() == ["LEFT red Quit: bye"]


@pytest.mark.parametrize("how", ["close", "half-close", "reset", "garbage"])
def test_who_goes_is_gone_from_the_room(how: str) -> None:
    """A tab that is closed, a program that ends, a cable, a fault; what was said before counts."""
    server = WebIrc()
    blue, red = server.on_line("blue"), server.in_browser("red")
    blue.hears()
    last = red.says("PRIVMSG #lobby :last words")
    if how == "close":
        red.sends(last + red.closes(1001))
    elif how == "garbage":
        red.sends(last + b"garbage")
        red.hears_lines()
        red.door.readConnectionLost()
    else:
        red.sends(last)
        if how == "half-close":
            red.door.readConnectionLost()
    red.loses()
    heard = blue.hears()
    assert heard[0] == "SAID lobby red last words"
    assert [line.split()[:2] for line in heard[1:]] == [["LEFT", "red"]]
    assert not server.irc.waiting
    assert len(list(server.hub.members())) == 1


def test_who_does_not_read_is_dropped_and_costs_a_bounded_amount() -> None:
    """The room hears why; pings cost nothing more (R5, R24)."""
    server = WebIrc(queue=8192)
    blue, red = server.on_irc("blue"), server.in_browser("red")
    blue.says("JOIN #lobby")
    before = red.wire.waiting
    for _ in range(1000):
        blue.says(f"PRIVMSG #lobby :{'x' * 400}")
        red.sends(red.pings_it(b"p" * 125) if not red.wire.disconnecting else b"")
        server.clock.advance(0.05)
        if len(list(server.hub.members())) == 1:
            break
    assert red.wire.waiting - before < red.wire.ROOM + 2 * 8192 + 1000
    assert server.dropped("web") == {"send_queue_full": 1}
    server.clock.advance(GOODBYE)
    assert red.wire.aborted
    red.loses()
    assert not [each for each in server.clock.getDelayedCalls() if "webs" in repr(each)]


def test_who_has_no_name_in_time_is_told() -> None:
    """The IRC door's own deadline holds; pings and pongs do not move it."""
    server = WebIrc()
    red = server.in_browser()
    heard = []
    for _ in range(int(NAME_WITHIN // 5)):
        server.clock.advance(5)
        red.sends(red.pings_it(b"") if red.closed is None else b"")
        heard += red.hears_lines()
    assert heard == ["ERROR :Closing link: 192.0.2.1 (registration timed out)"]
    assert red.closed == (1000, "")


def test_a_server_that_stops_says_so_and_that_it_goes_away() -> None:
    """In IRC's words and in WebSocket's."""
    server = WebIrc()
    red = server.in_browser("red")
    red.door.drain()
    assert red.hears_lines() == ["ERROR :Closing link: 192.0.2.1 (server stopping)"]
    assert red.closed == (1001, "")
    assert red.wire.disconnecting


def read(**options: str) -> ChatSettings:
    """Read options as the command line does."""
    given = {name.replace("_", "-"): text for name, text in options.items()}
    settings: ChatSettings = load([Group("chat", ChatSettings, "chat-")], given, {})[ChatSettings]
    return settings


def test_the_page_is_there_unless_it_is_not_wanted() -> None:
    """With the pages of friends that may use it."""
    for settings, origins in (
        (read(), set()),
        (read(irc_web_origins="https://A.example, http://[::1]:80"), {"https://a.example", "http://[::1]:80"}),
        (read(irc_web="no"), None),
    ):  # fmt: skip
        runtime = Runtime(Clock(), dice(1))
        ChatService().doors(settings, runtime)
        page = runtime.pages.get("irc")
        assert (page.resource.origins if page is not None else None) == origins


@pytest.mark.parametrize("text", ["chat.example", "https://a/b", "null", "*", "https://"])
def test_an_origin_that_is_none_is_refused(text: str) -> None:
    """In one line."""
    with pytest.raises(SettingError, match=r"^--irc-web-origins .*: need origins, as https://"):
        read(irc_web_origins=text)


def test_a_browser_is_not_told_to_come_elsewhere() -> None:
    """No port of IRC is one for it (sts)."""
    server = WebIrc(policy=Policy(86400, 6697, "irc.example"))
    red = server.in_browser()
    red.sends_lines("CAP LS 302")
    assert " sts=" not in " ".join(red.hears_lines())
    assert " sts=" in " ".join(server.on_irc().says("CAP LS 302"))
