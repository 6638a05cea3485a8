"""Bounded memory: whoever does not read, never ends, or takes for ever."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blackbox.conftest import PATIENCE, Bench
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.datagrams import at, port, within
from tests.blackbox.safety.probe import FULL, sized
from tests.blackbox.safety.watching import (
    MEGABYTE,
    connected,
    counted,
    doors,
    more,
    resident,
    to_the_end,
    until,
)
from twisted_net.net.transports import LINGER_BYTES

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

#: What each stream door answers with more than it was asked, again and again.
QUESTIONS = {
    "echo-tcp": b"hello, hello\n" * 1000,
    "chat-tcp": b"HELP\n" * 1000,
    "irc": b"NICK a\r\nUSER a 0 * :a\r\n" + b"VERSION\r\n" * 1000,
    "files-tcp": b"GET bytes.bin\n" * 1000,
    "web": b"GET /files/bytes.bin HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000,
}


def offered(connection: socket.socket, piece: bytes, most: int, quiet: float) -> int:
    """Offer bytes and read none, until nothing more is taken for a while; return how many were."""
    connection.setblocking(False)
    sent, view = 0, memoryview(piece)
    last = time.monotonic()
    while sent < most and time.monotonic() < last + quiet:
        try:
            sent += connection.send(view[sent % len(piece) :])
            last = time.monotonic()
        except BlockingIOError:
            select.select([], [connection], [], 0.05)
        except (ConnectionResetError, BrokenPipeError):
            break
    return sent


@pytest.mark.parametrize("door", doors("stream"))
def test_a_peer_that_does_not_read_costs_little(door: str, alone: Start, shows: Shows) -> None:
    """R5: However much it sends; and another one is served meanwhile."""
    server = alone()
    question = QUESTIONS.get(door, b"hello\n" * 1000)
    with connected(server.port("echo-tcp")) as other:
        other.sendall(b"warm")
        assert other.recv(4) == b"warm"
        before = resident(server)
        with connected(server.port(door)) as silent:
            taken = offered(silent, question, 300 * MEGABYTE, sized(1, 5))
            added = more(resident(server), before)
            other.sendall(b"there?")
            answer = other.recv(6)
    shows("at most +8 MB", f"{door} {added} ({taken / MEGABYTE:.1f} MB taken)")
    assert answer == b"there?"
    assert taken < 300 * MEGABYTE
    assert float(added.removesuffix(" MB")) <= 8


class Member:
    """Somebody in the chat, on the line door.

    :param room: bytes that its kernel keeps of what it does not read.
    """

    def __init__(self, server: Bench, name: str, room: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.connect(("127.0.0.1", server.port("chat-tcp")))
        self.lines = self.socket.makefile("rb")
        self.says(f"NICK {name}")
        self.hears(f"OK NICK {name}")

    def says(self, *lines: str) -> None:
        """Type lines."""
        self.socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def hears(self, words: str) -> str:
        """Read up to a line that contains some words; return it."""
        for line in self.lines:
            if words in line.decode():
                return line.decode()
        raise AssertionError(f"the end, and no {words!r}")

    def leaves(self) -> None:
        """Hang up."""
        self.lines.close()
        self.socket.close()


def test_members_who_do_not_read_are_dropped(alone: Start, shows: Shows) -> None:
    """R5: Five of them; the others hear all of it, and who was dropped."""
    server = alone("--chat-queue=65536")
    listener = Member(server, "listener")
    before = resident(server)
    deaf = [Member(server, f"deaf{number}", 4096) for number in range(5)]
    heard: list[float] = []
    said = "x" * 900

    def listen() -> None:
        said_at = (line.split()[3] for line in listener.lines if line.startswith(b"SAID lobby"))
        heard.extend(time.monotonic() - float(each) for each in said_at)

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    number = 0
    over = time.monotonic() + 3 * PATIENCE
    while counted(server, "chat-tcp").get("dropped send_queue_full", 0) < 5:
        assert time.monotonic() < over
        # A member may say a hundred things at once, and then a few a second: so it is a new one.
        talker = Member(server, f"talker{number}")
        for _ in range(50):
            talker.says(f"{time.monotonic()} {said}")
        talker.says("PING done")
        talker.hears("PONG")
        number += 1
        talker.leaves()
    added = more(resident(server), before)
    until(lambda: len(heard) == 50 * number, "the listener has heard all")
    listener.socket.shutdown(socket.SHUT_RDWR)
    listening.join(PATIENCE)
    heard.sort()
    last_words = [to_the_end(each.socket) for each in deaf]
    shows("5 non-readers: at most +16 MB", added)
    shows("each is told: send queue full", sum(b"send queue full" in each for each in last_words))
    shows("the other's p99 under 50 ms", f"{heard[int(len(heard) * 0.99)] * 1000:.1f} ms")
    for each in [*deaf, listener]:
        each.leaves()
    assert float(added.removesuffix(" MB")) <= 16
    assert server.text.count("send_queue_full") >= 1
    assert heard[int(len(heard) * 0.99)] < 0.05 or not FULL


#: What a door says to a line that is too long, and how long one may be; the web's is its head.
TOO_LONG = {
    "chat-tcp": (b"ERR 413 line longer than 1024 bytes\n", 1024),
    "irc": (b" 417 ", 8191 + 512),  # tags and the rest (IRCv3 message-tags)
    "files-tcp": (b"ERR 413 line longer than 1024 bytes\n", 1024),
    "web": (b"HTTP/1.1 4", 16384),
    "dialog": (b"ERR 413 line longer than 1024 bytes\n", 1024),
}

#: Where the rest of such a line is passed over, and the connection stays: so IRC's clients want it.
STAYS = ("irc",)


@pytest.mark.parametrize(
    "door", [each for each in TOO_LONG if each in (*doors("stream"), "dialog")]
)
def test_a_line_without_an_end_is_cut(door: str, shared: Start, shows: Shows) -> None:
    """R6: Its sender hears why, before the connection closes; nothing of it is kept."""
    server = shared("--echo-mode=dialog")
    real = "echo-tcp" if door == "dialog" else door
    words, limit = TOO_LONG[door]
    before, memory = counted(server, real).get("bytes in", 0), resident(server)
    said = b""
    with connected(server.port(real)) as endless:
        endless.setblocking(False)
        sent, over, piece = 0, time.monotonic() + PATIENCE, b"x" * 65536
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while sent < 50 * MEGABYTE:
                assert time.monotonic() < over, "never closed"
                readable, writable, _ = select.select([endless], [endless], [], 0.5)
                if readable:
                    if not (came := endless.recv(65536)):
                        break
                    said += came
                if writable:
                    sent += endless.send(piece)
    added = more(resident(server), memory)
    took = counted(server, real)["bytes in"] - before
    shows(
        "50 MB: closed after 1 MiB was thrown away, at most +2 MB, the error first",
        f"{door} {took / MEGABYTE:.1f} MB, {added}, {said.splitlines()[-1].decode()!r}",
    )
    assert words in said
    assert took <= limit + LINGER_BYTES + 4 * 65536 or door in STAYS
    assert float(added.removesuffix(" MB")) <= 2


@pytest.mark.parametrize(
    "door", [each for each in TOO_LONG if each in (*doors("stream"), "dialog")]
)
def test_no_more_of_a_line_is_taken_than_it_may_have(
    door: str, shared: Start, shows: Shows
) -> None:
    """R6: The error comes by then, and the end."""
    server = shared("--echo-mode=dialog")
    words, limit = TOO_LONG[door]
    with connected(server.port("echo-tcp" if door == "dialog" else door)) as endless:
        endless.sendall(b"x" * (limit + 65536))
        if door in STAYS:
            endless.shutdown(socket.SHUT_WR)
        said = to_the_end(endless)
    shows("refused and closed by limit + 64 KiB", f"{door} {said.splitlines()[-1].decode()!r}")
    assert words in said


LIES = {
    "a body of 4 GiB": (
        "web",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4294967295\r\n\r\n",
        b"HTTP/1.1 413 ",
    ),
    "a body of 2^63": (
        "web",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9223372036854775808\r\n\r\n",
        b"HTTP/1.1 4",
    ),
    "a chunk of 2^64": (
        "web",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"ffffffffffffffff\r\n" + b"x" * 100_000,
        b"HTTP/1.1 4",
    ),
    "an upload of 2^63": (
        "files-tcp",
        b"PUT x 9223372036854775808 " + b"0" * 64 + b"\n",
        b"ERR 4",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_length_is_not_believed(lie: str, shared: Start, shows: Shows, folder: Path) -> None:
    """R6: It is refused before there is memory for it."""
    door, question, answer = LIES[lie]
    server = shared("--files-write=yes", f"--files-root={folder}")
    before = resident(server)
    with connected(server.port(door)) as liar:
        liar.sendall(question)
        said = to_the_end(liar)
    added = more(resident(server), before)
    shows(
        "a false length: refused, at most +2 MB",
        f"{lie} {added} {said.splitlines()[0].decode()!r}",
    )
    assert said.startswith(answer)
    assert float(added.removesuffix(" MB")) <= 2


def test_a_field_is_no_longer_than_its_packet(shared: Start, shows: Shows) -> None:
    """R6: The chat's datagrams have lengths inside them."""
    server = shared()
    before = counted(server, "chat-udp").get("dropped bad_fields", 0)
    with port() as sender:
        sender.sendto(
            b"\xff\x11\0\0" + bytes(20) + b"\6\xff\xff" + b"x" * 50, at(server, "chat-udp")
        )
        until(
            lambda: counted(server, "chat-udp").get("dropped bad_fields", 0) > before,
            "it is dropped",
        )
        answers = within(sender, 0.1)
    dropped = counted(server, "chat-udp")["dropped bad_fields"] - before
    shows("a field of 65535 bytes: dropped, counted", f"{dropped} dropped, {len(answers)} answers")
    assert (dropped, answers) == (1, [])


#: The doors' times for a first message, all made as short. A dialog waits for a whole line.
SECONDS = 1.0
SHORT = (
    f"--first-message={SECONDS}",
    f"--files-first-request={SECONDS}",
    f"--web-request={SECONDS}",
    "--echo-mode=dialog",
)

#: Doors that have a time of their own which nothing sets, in seconds.
FIXED = {"chat-tcp": 60.0, "irc": 60.0, "irc-legacy": 60.0}


@pytest.mark.parametrize("door", doors("stream"))
def test_one_byte_now_and_then_buys_no_time(door: str, shared: Start, shows: Shows) -> None:
    """R7: The time for the first message is counted from the connection."""
    due = FIXED.get(door, SECONDS)
    if door in FIXED and not FULL:
        pytest.skip(f"{door} waits {due:g} s, which only `make safety` has")
    server = shared(*SHORT)
    with connected(server.port(door)) as slow:
        began = time.monotonic()
        slow.settimeout(0.1)
        closed, bytes_sent = False, 0
        while not closed:
            assert time.monotonic() < began + due + PATIENCE, "never closed"
            try:
                slow.sendall(b"x")
                bytes_sent += 1
                closed = not slow.recv(1000)
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                closed = True
        took = time.monotonic() - began
    shows(f"closed after {due:g} s ± 0.5 s", f"{door} {took:.2f} s, {bytes_sent} bytes")
    assert took >= due - 0.5
    assert took <= due + 0.5 or not FULL
