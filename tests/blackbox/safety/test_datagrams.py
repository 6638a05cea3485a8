"""UDP without loops and without gain."""

import contextlib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.blackbox.conftest import PATIENCE, Bench, unused_port
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.datagrams import (
    QUESTIONS,
    answers,
    asked,
    at,
    cookie_in,
    forge,
    hello,
    port,
    read,
    within,
)
from tests.blackbox.safety.probe import FULL, sized
from tests.blackbox.safety.watching import counted, doors, until
from twisted_net.chat.codec import datagram as chat
from twisted_net.files.tftp import codec as tftp
from twisted_net.files.tftp.codec import Ack, Code, Data, Error, OptionAck, parse, render

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

#: Services that answer whatever they are sent.
SMALL_SERVICES = (7, 13, 17, 19, 37, 53, 69, 123, 161, 1900, 5353, 11211)

#: Seconds in which a loop would have made thousands of datagrams.
A_WHILE = 0.5


def two_benches(alone: Start, door: str) -> tuple[Bench, Bench]:
    """Start two servers whose door has the same port, as two with the defaults have."""
    number = unused_port(socket.SOCK_DGRAM)
    return alone(f"--{door}=udp:{number}"), alone(f"--{door}=udp:{number}:interface=127.0.0.2")


def test_two_echo_doors_are_not_set_on_each_other(alone: Start, shows: Shows) -> None:
    """R1: One forged datagram from A to B is the only one there ever is."""
    first, second = two_benches(alone, "echo-udp")
    forge(at(first, "echo-udp"), at(second, "echo-udp"), b"loop")
    second.wait_for("echo-udp: loop_port")
    time.sleep(A_WHILE)
    seen = [counted(each, "echo-udp").get("datagrams in", 0) for each in (first, second)]
    dropped = counted(second, "echo-udp").get("dropped loop_port")
    shows("at most 2 datagrams, loop_port=1", f"{seen[0]}+{seen[1]}, loop_port={dropped}")
    assert sum(seen) <= 2
    assert dropped == 1


@pytest.mark.parametrize("door", doors("datagram"))
def test_small_services_hear_nothing(door: str, shared: Start, shows: Shows) -> None:
    """R2: Whatever their ports send, to whatever door, is not answered; other ports are."""
    server = shared()
    question = QUESTIONS.get(door, b"hello")
    with port("127.0.0.9") as ordinary:
        if door in QUESTIONS:
            asked(ordinary, question, at(server, door))
    before = counted(server, door).get("dropped loop_port", 0)
    with contextlib.ExitStack() as stack:
        services = [stack.enter_context(port("127.0.0.9", each)) for each in SMALL_SERVICES]
        for service in services:
            service.sendto(question, at(server, door))
        wanted = before + len(SMALL_SERVICES)
        until(
            lambda: counted(server, door).get("dropped loop_port", 0) >= wanted,
            f"all of them are dropped by {door}",
        )
        came = [each for service in services for each in within(service, 0.02)]
    shows("no reply to 12 ports", f"{door} {len(came)}")
    assert came == []


def replies_of_tftp(server: Bench) -> list[bytes]:
    """Return an answer of each kind that the TFTP door has."""
    door = at(server, "tftp")
    questions = [
        read(),
        read(tsize="0"),
        read(b"nothing"),
        read(b"../secret"),
        render(tftp.Request("write", b"new", "octet", {})),
        b"\0\x09what",
        b"\0\1unterminated",
        b"\0\1name\0mail\0",
    ]
    said = []
    for question in questions:
        with port() as sender, port() as stranger:
            answer, transfer = asked(sender, question, door)
            said.append(answer)
            if transfer != door and not isinstance(parse(answer), Error):
                said.append(asked(stranger, render(Ack(1)), transfer)[0])
            sender.sendto(render(Error(0, "enough")), transfer)
    kinds = {type(parse(each)) for each in said}
    assert kinds == {Data, OptionAck, Error}
    codes = {made.code for each in said if isinstance(made := parse(each), Error)}
    assert codes >= {Code.NOT_FOUND, Code.ACCESS, Code.ILLEGAL, Code.UNKNOWN_TRANSFER}
    return said


def replies_of_chat(server: Bench) -> list[bytes]:
    """Return an answer of each kind that the chat has for those whom it does not know."""
    door = at(server, "chat-udp")
    with port() as sender:
        retry = asked(sender, hello(), door)[0]
        welcome = asked(sender, hello(cookie=cookie_in(retry)), door)[0]
    with port() as sender:
        again = asked(sender, hello("a b"), door)[0]
        refused = asked(sender, hello("a b", cookie_in(again)), door)[0]
    said = [retry, welcome, refused]
    kinds = [chat.decode(each).type for each in said]
    assert kinds == [chat.Type.RETRY, chat.Type.WELCOME, chat.Type.RST]
    return said


def test_replies_and_errors_are_answered_by_no_door(shared: Start, shows: Shows) -> None:
    """R3: Nor what our own doors say; echo is spared, whose nature it is to answer."""
    server = shared()
    replies = replies_of_tftp(server) + replies_of_chat(server)
    answered = []
    for door in doors("datagram"):
        if door in QUESTIONS and door != "echo-udp":
            for reply in replies:
                with port() as sender:
                    sender.sendto(reply, at(server, door))
                    # What comes first is the answer to what was sent first.
                    answer = asked(sender, QUESTIONS[door], at(server, door))[0]
                    if not fits(door, answer):
                        answered.append((door, reply, answer))
    shows(f"no reply to any of {len(replies)} replies", len(answered))
    assert answered == []


def fits(door: str, answer: bytes) -> bool:
    """Say whether it answers the question of `QUESTIONS`, and nothing else."""
    if door == "tftp":
        return isinstance(parse(answer), OptionAck)
    if door == "chat-udp":
        return chat.decode(answer).type is chat.Type.RETRY
    return True


def test_two_tftp_doors_are_not_set_on_each_other(alone: Start, shows: Shows) -> None:
    """R3: An error that A seems to have sent to B ends there."""
    first, second = two_benches(alone, "tftp")
    forge(at(first, "tftp"), at(second, "tftp"), render(Error(4, "illegal")))
    until(lambda: counted(second, "tftp").get("datagrams in"), "the forged datagram is there")
    time.sleep(A_WHILE)
    seen = [counted(each, "tftp").get("datagrams in", 0) for each in (first, second)]
    shows("at most 2 datagrams", f"{seen[0]}+{seen[1]}")
    assert sum(seen) <= 2


def gain(question: bytes, to: tuple[str, int], seconds: float) -> tuple[int, int]:
    """Ask once and say no more; return how many datagrams came, and of how many bytes."""
    with port() as sender:
        sender.sendto(question, to)
        came = answers(sender, seconds)
    return len(came), sum(map(len, came))


def test_an_unproven_address_gets_no_more_than_it_sent(shared: Start, shows: Shows) -> None:
    """R4: Echo and chat, what is sent again included."""
    server = shared()
    for door in ("echo-udp", "chat-udp"):
        count, size = gain(QUESTIONS[door], at(server, door), sized(1, 12))
        factor = size / len(QUESTIONS[door])
        shows("at most 1.0 times the request", f"{door} {factor:.2f}")
        assert 0 < factor <= 1.0
        assert count == 1


def test_tftp_with_options_sends_only_the_acknowledgement_of_them(
    shared: Start, shows: Shows
) -> None:
    """R4: Until the client has answered it, which a forged address never does."""
    server = shared()
    question = QUESTIONS["tftp"]
    with port() as sender:
        sender.sendto(question, at(server, "tftp"))
        came = answers(sender, sized(3, 31))
    shows(
        "OACK only, at most request + 4 bytes, twice",
        f"{len(came)} of {max(map(len, came))} bytes for {len(question)}",
    )
    assert {type(parse(each)) for each in came} == {OptionAck}
    assert max(map(len, came)) <= len(question) + 4
    assert len(came) <= 2


def test_tftp_without_options_sends_its_first_block_twice(shared: Start, shows: Shows) -> None:
    """R4: As RFC 1350 wants it; that is all."""
    count, size = gain(read(), at(shared(), "tftp"), sized(3, 31))
    shows("at most 2 DATA", f"{count} DATA, {size} bytes for {len(read())}")
    assert 1 <= count <= 2


def test_tftp_can_be_told_to_want_options(alone: Start, shows: Shows) -> None:
    """R4: A request without any is then refused, in few bytes."""
    server = alone("--tftp-require-options=yes")
    with port() as sender:
        refusal = parse(asked(sender, read(), at(server, "tftp"))[0])
    shows("--tftp-require-options: ERROR 8", refusal)
    assert isinstance(refusal, Error)
    assert refusal.code == Code.OPTION


#: Sends datagrams to an address, as fast as it is told, until its input ends.
FLOOD = """
import select, socket, sys, time
host, port, rate = sys.argv[1], *map(int, sys.argv[2:])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
begin, sent = time.monotonic(), 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    while sent < (time.monotonic() - begin) * rate:
        sock.sendto(b"flood", (host, port))
        sent += 1
print(sent)
"""

#: How long it lasts at least, in seconds, and how often somebody else asks meanwhile.
LASTS, ASKED = 2.0, 50


def test_a_flood_does_not_drown_others(alone: Start, shows: Shows) -> None:
    """R21: What one address sends too fast is dropped; another one is answered."""
    server = alone("--udp-rate=1000")
    host, number = at(server, "echo-udp")
    words = [sys.executable, "-c", FLOOD, host, str(number), "20000"]
    waits: list[float] = []
    began, pipe = time.monotonic(), subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe) as flood, port("127.0.0.2") as other:
        server.wait_for("echo-udp: too_fast")
        while len(waits) < ASKED or time.monotonic() < began + LASTS:
            begin = time.monotonic()
            assert asked(other, b"hello?", (host, number))[0] == b"hello?"
            waits.append(time.monotonic() - begin)
            time.sleep(0.01)
        sent = int(flood.communicate(timeout=PATIENCE)[0])
        seconds = time.monotonic() - began
    slowest = statistics.quantiles(waits, n=100)[-1]
    dropped = counted(server, "echo-udp")["dropped too_fast"]
    lines = server.text.count("echo-udp: too_fast")
    shows("the other peer's p99 under 50 ms", f"{slowest * 1000:.1f} ms of {len(waits)}")
    shows("dropped and counted, a line a second at most", f"{dropped} of {sent}, {lines} lines")
    assert slowest < 0.05 or not FULL
    assert dropped > 0
    assert lines <= seconds + 3
