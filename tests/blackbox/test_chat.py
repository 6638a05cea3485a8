"""Chat as a user meets it: ``nc``, ``netdemo chat``, and the installed server between them."""

import json
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, netdemo, peer, run, unused_port
from tests.blackbox.talkers import Screen, Talker
from twisted_net.chat.codec.events import read_id
from twisted_net.chat.codec.irc.render import time_of
from twisted_net.chat.core.known import fingerprint, shown
from twisted_net.chat.keyring import own_key

pytestmark = pytest.mark.slow  # each starts programs; `make test-slow` runs them

Start = Callable[..., Bench]


def test_two_nc_and_one_udp_member_hear_each_other(
    bench: Start, talker: Callable[..., Talker]
) -> None:
    """One chat, whatever one came by; and nobody is left when they go."""
    server = bench()
    tcp, udp = str(server.port("chat-tcp")), server.port("chat-udp")
    red, blue = (talker(peer("nc", "netcat-openbsd"), "-N", "127.0.0.1", tcp) for _ in range(2))
    red.says("NICK red")
    red.hears("OK JOIN lobby 1 kept=30d")
    blue.says("NICK blue")
    red.hears("JOINED lobby blue")
    green = talker(
        str(BIN / "netdemo"), "chat", "--udp", "--nick", "green", "-s", f"127.0.0.1:{udp}"
    )
    for each in (red, blue):
        each.hears("JOINED lobby green")
    red.says("hello from nc")
    blue.hears("SAID lobby red hello from nc")
    green.hears("<red> hello from nc")
    green.says("hello from udp", "/msg blue psst", "/who")
    for each in (red, blue):
        each.hears("SAID lobby green hello from udp")
    blue.hears("TOLD green psst")
    blue.says("TELL green \N{SNOWMAN} or not")
    green.hears("<blue to you> \N{SNOWMAN} or not")
    assert green.ends() == (0, "")
    for each in (red, blue):
        each.hears("LEFT green quit")
    red.says("QUIT")
    red.hears("OK BYE")
    blue.hears("LEFT red quit")
    blue.says("WHO")
    blue.hears("OK WHO 1")


def peering(folder: Path) -> tuple[str, ...]:
    """Return a command that chats among peers, with a key of its own in a folder."""
    return "env", f"XDG_STATE_HOME={folder}", str(BIN / "netdemo"), "chat", "--peer"


def key_in(folder: Path) -> str:
    """Return how others see the key that is kept in a folder."""
    return shown(fingerprint(own_key(folder / "netdemo").public))


def test_two_peers_talk_without_a_server(talker: Callable[..., Talker], tmp_path: Path) -> None:
    """One is given the address of the other, and finds who else is there; `nc -u` is heard too."""
    first, second = unused_port(socket.SOCK_DGRAM), unused_port(socket.SOCK_DGRAM)
    mine, others = key_in(tmp_path / "red"), key_in(tmp_path / "blue")
    red = talker(*peering(tmp_path / "red"), "--nick", "red", "--port", str(first))
    red.says("/who")
    red.matches(rf"  red \(udp, idle \d+ s, key {re.escape(mine)}\)")
    blue = talker(
        *peering(tmp_path / "blue"), "--nick", "blue", "--port", str(second), f"127.0.0.1:{first}"
    )
    red.hears(f"* blue joined (key {others}; met for the first time)")
    blue.hears(f"* red joined (key {mine}; met for the first time)")
    blue.says("hello", "/msg red psst")
    red.hears("<blue> hello")
    red.hears("<blue to you> psst")
    red.says("\N{SNOWMAN} or not")
    blue.hears("<red> \N{SNOWMAN} or not")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.sendto(b"bare \x1b[2J\n", ("127.0.0.1", first))
        port = stranger.getsockname()[1]
        red.hears(rf"<127.0.0.1:{port} (unproven)> bare \x1b[2J")
    assert blue.ends() == (0, "")
    red.hears("* blue left (quit)")
    assert red.ends() == (0, "")


def test_somebody_else_with_a_peer_s_name_is_kept_out_until_it_is_forgotten(
    talker: Callable[..., Talker], tmp_path: Path
) -> None:
    """The owner is told both keys; whoever poses as the other one is told that it is known."""
    red_s, port = tmp_path / "red", unused_port(socket.SOCK_DGRAM)
    address = f"127.0.0.1:{port}"
    keys = [key_in(tmp_path / name) for name in ("red", "blue", "mallory")]
    red = talker(*peering(red_s), "--nick", "red", "--port", str(port))
    blue = talker(*peering(tmp_path / "blue"), "--nick", "blue", "--port", "0", address)
    red.hears(f"* blue joined (key {keys[1]}; met for the first time)")
    blue.hears(f"* red joined (key {keys[0]}; met for the first time)")
    assert blue.ends() == red.ends() == (0, "")
    red = talker(*peering(red_s), "--nick", "red", "--port", str(port))
    mallory = talker(*peering(tmp_path / "mallory"), "--nick", "blue", "--port", "0", address)
    red.hears(
        f"* WARNING: somebody at 127.0.0.1 calls themselves 'blue' and shows the key {keys[2]};"
        f" known is {keys[1]}. They are kept out. If it is the same person, who has told you"
        " so: netdemo chat --forget-peer blue"
    )
    mallory.hears(f"* {address} refused: 'blue' is known here by another key")
    assert mallory.ends() == red.ends() == (0, "")
    forget = run(*peering(red_s)[:-1], "--forget-peer", "blue")
    assert (forget.returncode, forget.stderr) == (0, b"")
    red = talker(*peering(red_s), "--nick", "red", "--port", str(port))
    again = talker(*peering(tmp_path / "mallory"), "--nick", "blue", "--port", "0", address)
    red.hears(f"* blue joined (key {keys[2]}; met for the first time)")
    assert again.ends() == red.ends() == (0, "")


@pytest.mark.parametrize("over", ["tcp", "udp"])
def test_a_script_says_something_and_leaves(
    over: str, bench: Start, talker: Callable[..., Talker]
) -> None:
    """``echo done | netdemo chat``: it arrived before the command ends."""
    server = bench()
    red = talker(peer("nc", "netcat-openbsd"), "-N", "127.0.0.1", str(server.port("chat-tcp")))
    red.says("NICK red")
    red.hears("OK JOIN lobby 1 kept=30d")
    address = f"{over}:127.0.0.1:{server.port(f'chat-{over}')}"
    done = netdemo("chat", "--nick", "builder", address, stdin=b"the build\n\nis done")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    for line in ("JOINED lobby builder", "SAID lobby builder the build"):
        red.hears(line)
    for line in ("SAID lobby builder is done", "LEFT builder quit"):
        red.hears(line)
    listed = netdemo("chat", "--json", "--nick", "asker", address, stdin=b"/rooms\n").stdout
    assert [json.loads(each) for each in listed.splitlines()] == [
        {"kind": "listed", "room": "lobby", "members": 2, "topic": ""},
        {"kind": "done", "verb": "ROOMS", "about": "1"},
    ]


def test_a_program_hears_when_what_was_said_under_which_id(
    bench: Start, talker: Callable[..., Talker]
) -> None:
    """The same over TCP and UDP."""
    server = bench()
    program = (str(BIN / "netdemo"), "chat", "--json", "--nick")
    ears = []
    for over in ("tcp", "udp"):
        ears.append(talker(*program, over, f"{over}:127.0.0.1:{server.port(f'chat-{over}')}"))
        ears[-1].says("/who")
        ears[-1].hears(f'{{"kind": "done", "verb": "WHO", "about": "{len(ears)}"}}')
    red = talker(peer("nc", "netcat-openbsd"), "-N", "127.0.0.1", str(server.port("chat-tcp")))
    red.says("NICK red", "IDS on", "SAY lobby hello")
    red.hears("OK IDS on")
    red.says("QUIT")
    records = []
    for each in ears:
        red_s = each.hears_record("left")
        records.append([red_s, *(json.loads(line) for line in each.heard if "hello" in line)])
    assert records[0] == records[1]
    (_, said) = records[0]
    assert said["time"] == time_of(read_id(said["id"]) or 0)


@pytest.mark.parametrize("over", ["tcp", "udp"])
def test_what_goes_wrong_is_one_line_and_an_exit_code(over: str, bench: Start) -> None:
    """A name that is none, a text that is too long, a server that is not there."""
    server = bench()
    address = f"{over}:127.0.0.1:{server.port(f'chat-{over}')}"
    named = netdemo("chat", "--nick", "a b", address)
    assert (named.returncode, named.stderr) == (
        1,
        b"netdemo: name: 1-24 letters, digits, - or _\n",
    )
    long = netdemo("chat", address, stdin=b"x" * 2000)
    assert (long.returncode, long.stderr) == (1, b"netdemo: text: at most 1000 bytes\n")
    server.stop()
    gone = netdemo("chat", "--timeout", "0.3", address)
    assert gone.returncode in (3, 4)
    assert gone.stderr.startswith(b"netdemo: ")
    assert gone.stderr.count(b"\n") == 1


@pytest.mark.parametrize("over", ["tcp", "udp"])
def test_a_member_is_told_that_the_server_stops(
    over: str, bench: Start, talker: Callable[..., Talker]
) -> None:
    """And the server does not wait for it."""
    server = bench()
    address = f"{over}:127.0.0.1:{server.port(f'chat-{over}')}"
    red = talker(str(BIN / "netdemo"), "chat", "--nick", "red", address)
    red.says("/who")
    red.matches(rf"  red \(operator, {over}, idle \d+ s\)")
    assert server.stop() == -signal.SIGTERM
    code, errors = red.ends()
    assert code == 5
    assert errors.startswith("netdemo: 127.0.0.1:")
    assert errors.endswith("stopping\n")


@pytest.mark.parametrize("over", ["tcp", "udp"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_member_whose_terminal_goes_has_left(
    over: str, number: int, bench: Start, talker: Callable[..., Talker]
) -> None:
    """As with /quit: nobody waits until the server misses it."""
    server = bench()
    port = str(server.port("chat-tcp"))
    blue = talker(peer("nc", "netcat-openbsd"), "127.0.0.1", port)
    blue.says("NICK blue")
    blue.hears("OK JOIN lobby 1 kept=30d")
    address = f"{over}:127.0.0.1:{server.port(f'chat-{over}')}"
    red = talker(str(BIN / "netdemo"), "chat", "--nick", "red", address)
    blue.hears("JOINED lobby red")
    red.process.send_signal(number)
    blue.hears("LEFT red quit")
    assert red.ends()[0] == 128 + number


def test_a_terminal_has_line_editing(bench: Start) -> None:
    """What is said meanwhile stands above the line; Ctrl-C ends it as everywhere."""
    pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is not installed (extra pretty)")
    server = bench()
    address = f"udp:127.0.0.1:{server.port('chat-udp')}"
    command = (str(BIN / "netdemo"), "chat", "--nick", "red", address)
    with Screen(*command) as red:
        red.shows(b"you are red in lobby")
        red.types(b"half")
        netdemo("chat", "--nick", "blue", address, stdin=b"hello\n/msg red hi\n")
        red.shows(b"blue left")
        red.shows(b"> half")  # until the line is there again, keys are nobody's
        red.types(b"\x7f\x7f\x7f\x7f/nick green\r")
        red.shows(b"you are green now")
        red.shows(b">")
        red.types(b"\x03")
        red.rest()
        assert red.process.returncode == -signal.SIGINT  # 130, to a shell


@pytest.mark.slow
def test_a_member_on_datagrams_outlives_its_server(bench: Start) -> None:
    """Killed, and started anew on the same port: who was there is there again, and was told."""
    door = f"udp:{unused_port(socket.SOCK_DGRAM)}"
    server = bench("--chat-udp", door)
    address = f"udp:127.0.0.1:{server.port('chat-udp')}"
    with Screen(str(BIN / "netdemo"), "chat", "--nick", "red", address) as red:
        red.shows(b"you are red in lobby")
        server.stop(signal.SIGKILL)
        again = bench("--chat-udp", door)
        red.types(b"is anybody still there?\r")
        red.shows(b"no acknowledgement")
        red.shows(b"entered anew")
        red.shows(b"messages were missed")
        said = b"hello again\n/msg red psst\n"
        assert netdemo("chat", "--nick", "blue", address, stdin=said).returncode == 0
        red.shows(b"hello again")
        red.shows(b"psst")
        assert again.stop() == -signal.SIGTERM
        red.rest()
        assert red.process.returncode == 5


def test_the_server_survives_what_is_no_chat(bench: Start) -> None:
    """Bytes of any kind on both doors, answered in one line or not at all."""
    server = bench()
    with socket.create_connection(("127.0.0.1", server.port("chat-tcp")), PATIENCE) as stream:
        stream.sendall(b"NICK red\n\xff\n\0\n" + b"x" * 5000)
        said = b""
        while piece := stream.recv(65536):
            said += piece
    assert said.decode().splitlines()[1:] == [
        "OK NICK red",
        "OK JOIN lobby 1 kept=30d",
        "ERR 400 not UTF-8",
        "ERR 400 control character 0x00",
        "ERR 413 line longer than 1024 bytes",
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.settimeout(0.2)
        for datagram in (b"", b"hello", b"\xff" * 100, bytes(9000)):
            port.sendto(datagram, ("127.0.0.1", server.port("chat-udp")))
        with pytest.raises(TimeoutError):
            port.recv(65536)
    server.counts("dropped not_framed")
    assert server.stop() == -signal.SIGTERM
