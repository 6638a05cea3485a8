"""Connections without number: descriptors run out, or one address wants them all."""

import contextlib
import resource
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.blackbox.conftest import PATIENCE, Bench, netdemo
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.probe import FULL, sized
from tests.blackbox.safety.watching import (
    MEGABYTE,
    connected,
    counted,
    cpu,
    descriptors,
    doors,
    more,
    reset,
    resident,
    to_the_end,
    until,
)

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

BUSY = b"503"


def answers(connection: socket.socket, words: bytes = b"there?") -> bool:
    """Say whether an echo door answers."""
    connection.sendall(words)
    return connection.recv(len(words)) == words


@contextlib.contextmanager
def crowd(number: int, port: int) -> Iterator[list[socket.socket]]:
    """Let many clients call at one time; they wait for nothing."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(number)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield clients


def test_a_server_with_few_descriptors_takes_few_connections(alone: Start, shows: Shows) -> None:
    """R8: So that it never runs out of them; all others hear that it is busy."""
    few = (64, 64)
    server = alone(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few))
    capped = server.wait_for(r"capped to (\d+) \(RLIMIT_NOFILE 64\)")
    port = server.port("echo-tcp")
    with connected(port) as one:
        assert answers(one)
        with crowd(200, port) as clients:
            told = 0
            for client in clients:
                client.settimeout(PATIENCE)
                with contextlib.suppress(ConnectionResetError):
                    told += BUSY in client.recv(100)
            assert answers(one)
    said = [line for line in server.output if "too_many" in line or "rror" in line]
    shows("RLIMIT_NOFILE 64: capped, said at the start", f"to {capped[1]}")
    shows("200 clients: BUSY, 10 lines of log at most", f"{told} told, {len(said)} lines")
    assert told > 0
    assert len(said) <= 10


def test_a_server_without_descriptors_goes_on(alone: Start, shows: Shows) -> None:
    """R8: Who is there is served, nothing spins, and it ends when the shortage ends."""
    server = alone()
    port, files = server.port("echo-tcp"), server.port("files-tcp")
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    with connected(port) as one, connected(files) as asker:
        assert answers(one)
        lines = asker.makefile("rb")
        asker.sendall(b"STAT hello.txt\n")
        assert lines.readline().startswith(b"OK ")
        lowered = (descriptors(server), limits[1])
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, lowered)
        before, said_before, seconds = cpu(server), len(server.output), sized(2, 5)
        with crowd(200, port):
            began = time.monotonic()
            served = 0
            while time.monotonic() < began + seconds:
                served += answers(one)
                time.sleep(0.05)
            share = (cpu(server) - before) / (time.monotonic() - began)
            asker.sendall(b"GET bytes.bin\n")
            refusal = lines.readline()
            busy = netdemo("get", "-s", f"127.0.0.1:{files}", "--timeout=1", "hello.txt", "-o", "-")
        said, took = len(server.output) - said_before, time.monotonic() - began
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, limits)
        began = time.monotonic()
        with connected(port) as again:
            assert answers(again)
        recovered = time.monotonic() - began
    shows("the one who is there is served", f"{served} times")
    shows("under 20 % of a processor", f"{share:.0%}")
    shows("10 lines of log at most", said)
    shows("GET: ERR 503, no traceback", repr(refusal.decode()))
    shows("a new one: an error in one line", busy.stderr.decode().strip())
    shows("recovers in 1 s", f"{recovered:.2f} s")
    assert served
    assert share < (0.2 if FULL else 0.5)  # of a processor of whatever speed; spinning takes all
    assert said <= max(10, 2 * took)
    assert refusal.startswith(b"ERR 503")
    assert busy.returncode in (3, 4, 5)
    assert busy.stderr.count(b"\n") == 1
    assert recovered < 1 or not FULL


def test_one_address_does_not_get_all_connections(alone: Start, shows: Shows) -> None:
    """R12: What it has too many is told so and closed; another address is not concerned."""
    server = alone("--max-conns-per-peer=8")
    port = server.port("echo-tcp")
    with contextlib.ExitStack() as stack:
        first = [stack.enter_context(connected(port)) for _ in range(8)]
        assert all(answers(each) for each in first)
        waits, words, first_of_all = [], set(), time.monotonic()
        for _ in range(42):
            began = time.monotonic()
            with connected(port) as excess:
                words.add(to_the_end(excess))
            waits.append(time.monotonic() - began)
        took = time.monotonic() - first_of_all
        second = [stack.enter_context(connected(port, "127.0.0.2")) for _ in range(8)]
        assert all(answers(each) for each in first + second)
    lines = server.text.count("too_many_peer")
    shows("42 of 50 told BUSY and closed in 100 ms", f"{max(waits) * 1000:.0f} ms, {words}")
    shows("8 of another address served", len(second))
    shows("a line a second", f"{lines} in {took:.1f} s")
    assert words == {b"ERR 503 BUSY: too many connections, try again later\n"}
    assert max(waits) < 0.1 or not FULL
    assert lines <= took + 2


@pytest.mark.parametrize("door", doors("stream"))
def test_connections_that_come_and_go_leave_nothing(door: str, shared: Start, shows: Shows) -> None:
    """R12: Neither descriptors nor memory."""
    server = shared("--max-conns-per-peer=1000")
    number = sized(500, 10_000)
    come_and_go(server, door, number)  # what is made once is made
    before, growth = descriptors(server), list[int]()
    # Python lets go of what connections leave now and then; what leaks leaks in every round.
    while not growth or (growth[-1] > 2 * MEGABYTE and len(growth) < 6):
        memory = resident(server)
        come_and_go(server, door, number)
        growth.append(resident(server) - memory)
    until(lambda: descriptors(server) <= before, "all descriptors are back")
    added = more(growth[-1], 0)
    shows("descriptors back, memory + 2 MB at most", f"{door} {number} times, {added}")
    assert growth[-1] <= 2 * MEGABYTE, growth


def come_and_go(server: Bench, door: str, number: int) -> None:
    """Connect and close again and again; wait until all of that is over."""
    for each in range(number):
        end = socket.socket.close if each % 20 == 0 else reset
        end(connected(server.port(door)))
    until(lambda: not counted(server, door).get("open"), "all are gone", 3 * PATIENCE)
