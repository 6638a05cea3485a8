"""Tests of `twisted_net.chat.service`."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface.verify import verifyObject

from tests.chat.members import dice
from twisted_net.chat import (
    ChatDatagramProtocol,
    ChatIrcFactory,
    ChatLineFactory,
    ChatService,
    ChatSettings,
    IpmsgDatagramProtocol,
)
from twisted_net.chat.settings import words_in
from twisted_net.net.errors import SettingError, StartError
from twisted_net.net.service import INetService, Runtime
from twisted_net.net.settings import Group, load

GROUP = Group("chat", ChatSettings, "chat-")


def read(**options: str) -> Any:
    """Read options as the command line does."""
    given = {name if name == "ipmsg" else f"chat-{name}": text for name, text in options.items()}
    return load([GROUP], given, {})[ChatSettings]


def test_the_service_is_whole() -> None:
    """All that the assembly asks for is there."""
    assert verifyObject(INetService, ChatService())


def test_both_doors_speak_through_one_hub() -> None:
    """And nobody is shown out for only listening."""
    runtime = Runtime(Clock(), dice(1))
    lines, datagrams, *_ = ChatService().doors(ChatSettings(lobby="hall"), runtime)
    assert (lines.name, lines.kind, lines.endpoint) == ("chat-tcp", "stream", "tcp:7008")
    assert (datagrams.name, datagrams.kind) == ("chat-udp", "datagram")
    assert lines.idle is None
    assert isinstance(lines.serve, ChatLineFactory)
    assert isinstance(datagrams.serve, ChatDatagramProtocol)
    assert lines.serve.post is datagrams.serve.post
    assert lines.serve.post.hub.lobby == "hall"


def test_irc_clients_of_all_ages_hear_of_a_room_s_new_name() -> None:
    """As the service puts its doors together."""
    clock = Clock()
    runtime = Runtime(clock, dice(1))
    doors = {each.name: each.serve for each in ChatService().doors(ChatSettings(), runtime)}
    irc = doors["irc"]
    assert isinstance(irc, ChatIrcFactory)
    wires = []
    for name, asks in (("red", "draft/channel-rename"), ("blue", "setname")):
        protocol, wire = irc.buildProtocol(None), StringTransport()
        protocol.makeConnection(wire)
        lines = [f"CAP REQ {asks}", f"NICK {name}", f"USER {name} 0 * :x", "CAP END", "JOIN #tea"]
        if name == "blue":
            lines.append("PRIVMSG #tea :here")
        protocol.dataReceived("".join(f"{line}\r\n" for line in lines).encode())
        wires.append((protocol, wire))
    wires[0][0].dataReceived(b"RENAME #tea #coffee\r\n")
    clock.advance(0)
    red, blue = [wire.value().decode() for _, wire in wires]
    assert red.endswith(" RENAME #tea #coffee :\r\n")
    assert " PART #tea\r\n" in blue
    assert blue.endswith(" 366 blue #coffee :End of NAMES\r\n")


def test_what_a_door_refuses_is_counted_under_its_name() -> None:
    """The assembly shows it."""
    runtime = Runtime(Clock(), dice(1))
    _, datagrams, *_ = ChatService().doors(ChatSettings(), runtime)
    assert isinstance(datagrams.serve, ChatDatagramProtocol)
    datagrams.serve.datagramReceived(b"hello", ("192.0.2.7", 40000))
    assert runtime.counters.door("chat-udp").dropped == {"not_framed": 1}


@pytest.mark.parametrize(
    ("option", "text", "error"),
    [
        ("lobby", "a b", "--chat-lobby 'a b': need a room: 1-49 bytes, no space or comma"),
        ("queue", "1e3", "--chat-queue '1e3': need bytes, 4096-1073741824"),
        (
            "keep",
            "30",
            "--chat-keep '30': need a time, as 30d, 12h, 90m or 45s; 0: nothing is kept",
        ),
        (
            "charset",
            "ebcdic",
            "--chat-charset 'ebcdic': need a charset: one of utf-8, gb18030, big5",
        ),
        ("words", "/no/such", "--chat-words '/no/such': No such file or directory"),
        ("tcp", "udp:7008", "--chat-tcp 'udp:7008': want a stream endpoint"),
        ("ipmsg", "tcp:2425", "--ipmsg 'tcp:2425': want a datagram endpoint"),
        ("bus", "nats:x", "--chat-bus 'nats:x': need redis:tcp:HOST:PORT or redis:unix:PATH;"),
        ("bus", "redis:tcp:x", "--chat-bus 'redis:tcp:x': need redis:tcp:HOST:PORT or redis:unix"),
        ("bus", "redis:udp:7", "--chat-bus 'redis:udp:7': need redis:tcp:HOST:PORT or redis:unix"),
    ],
)
def test_a_wrong_setting_is_one_line(option: str, text: str, error: str) -> None:
    """Which names the option and what was wanted."""
    with pytest.raises(SettingError) as wrong:
        read(**{option: text})
    assert str(wrong.value).startswith(error)


def doors(settings: ChatSettings) -> ChatLineFactory:
    """Return the line door of a chat with these settings."""
    lines = ChatService().doors(settings, Runtime(Clock(), dice(1)))[0].serve
    assert isinstance(lines, ChatLineFactory)
    return lines


def test_history_is_kept_in_memory_unless_nothing_is() -> None:
    """And how long is said."""
    history = doors(ChatSettings(keep="12h")).post.history
    assert history is not None
    assert history.kept == "12h"
    assert doors(ChatSettings(keep="0")).post.history is None


def test_words_come_from_a_file(tmp_path: Path) -> None:
    """One a line; what follows a # is a remark."""
    file = tmp_path / "words"
    file.write_text("damn  # mild\n\n# none here\n骂人\n")
    assert words_in(str(file)).starred("damn 骂人 none") == "**** ** none"
    assert read(words=str(file)).words == str(file)
    file.write_bytes(b"\xff")
    with pytest.raises(SettingError, match="is not UTF-8"):
        read(words=str(file))


def test_settings_are_read_from_text() -> None:
    """A lobby may be of any script, and there may be none."""
    assert read(lobby="茶", queue="1MiB") == ChatSettings(lobby="茶", queue=1 << 20)
    assert read(lobby="").lobby == ""


def test_doors_of_a_shared_chat_stand_on_its_bus(tmp_path: Path) -> None:
    """It takes part as long as one of them is open; what one process has needs nothing."""
    pytest.importorskip("txredisapi", reason="txredisapi is not installed (extra redis)")
    password = tmp_path / "password"
    password.write_text("sesame\n")
    runtime = Runtime(Clock(), dice(1))
    shared = ChatSettings(bus="redis:tcp:127.0.0.1:6379", bus_password=str(password))
    doors = ChatService().doors(shared, runtime)
    assert len({each.stands_on for each in doors}) == 1
    assert all(len(each.stands_on) == 1 for each in doors)
    assert not any(each.stands_on for each in ChatService().doors(ChatSettings(), runtime))


def test_a_password_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """Before any door is opened."""
    pytest.importorskip("txredisapi", reason="txredisapi is not installed (extra redis)")
    runtime = Runtime(Clock(), dice(1))
    missing = str(tmp_path / "none")
    shared = ChatSettings(bus="redis:tcp:127.0.0.1:6379", bus_password=missing)
    with pytest.raises(StartError, match=r"--chat-bus-password '.*none': No such file"):
        ChatService().doors(shared, runtime)
    (tmp_path / "empty").write_text("\n")
    for name, why in (("none", "No such file"), ("empty", "its first line is empty")):
        with pytest.raises(SettingError, match=rf"--chat-bus-password '.*{name}': {why}"):
            read(**{"bus-password": str(tmp_path / name)})


def test_a_bus_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra: most need none."""
    monkeypatch.setattr("twisted_net.chat.bus.choosing.find_spec", lambda name: None)
    with pytest.raises(StartError, match=r"pip install 'twisted_net\[redis\]'"):
        ChatService().doors(ChatSettings(bus="redis:unix:/x"), Runtime(Clock(), dice(1)))


def test_the_door_of_ip_messenger_is_closed_until_it_is_asked_for() -> None:
    """And then its peers may speak from the port that they listen on."""
    runtime = Runtime(Clock(), dice(1))
    assert "ipmsg" not in [each.name for each in ChatService().doors(ChatSettings(), runtime)]
    settings = ChatSettings(ipmsg="udp:2425", ipmsg_room="lobby")
    door = ChatService().doors(settings, runtime)[-1]
    assert (door.name, door.kind, door.endpoint) == ("ipmsg", "datagram", "udp:2425")
    assert door.mutual
    assert isinstance(door.serve, IpmsgDatagramProtocol)
    assert door.serve.room == "lobby"
