"""What a server costs and counts, seen from outside."""

import re
import signal
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.blackbox.conftest import PATIENCE, Bench, free_ports
from tests.blackbox.conftest import until as until
from twisted_net import registry
from twisted_net.settings import groups

#: Doors that are closed by default, and how a test opens them.
CLOSED = {"ipmsg": "udp:0", "irc-legacy": "tcp:0"}

MEGABYTE = 1 << 20


def all_doors() -> list[str]:
    """Return the options that open every door of ours, on ports that the kernel chooses."""
    more = [f"--{name}={text}" for name, text in CLOSED.items() if name in _described()]
    return free_ports() + more


def doors(kind: str) -> list[str]:
    """Return the names of all doors of ours that are ``stream`` or ``datagram``."""
    return [
        name
        for name, text in _described().items()
        if text and text.startswith("udp") == (kind == "datagram")
    ]


def _described() -> dict[str, str]:
    described = [each for group in groups(registry.BUILT_IN) for each in group]
    return {
        each.option: each.default or CLOSED.get(each.option, "")
        for each in described
        if each.reading.metavar == "ENDPOINT"
    }


def begun(server: Bench) -> bool:
    """Say whether a server that was started behind other commands was reached by them."""
    until(lambda: "netdemo" in server.text or server.process.poll() is not None, "it begins")
    if server.process.poll() is not None:
        server.wait()
    return "netdemo" in server.text


def counted(server: Bench, door: str) -> dict[str, int]:
    """Return what a door has counted: ``datagrams in``, ``open``, and so on."""
    before = len(server.text)
    server.process.send_signal(signal.SIGUSR2)
    pattern = re.compile(rf"#info\] {door}: (.*)\n")
    until(lambda: pattern.search(server.text, before), f"the counters of {door}")
    found = pattern.search(server.text, before)
    assert found
    return dict(_counts(found[1]))


def _counts(line: str) -> Iterator[tuple[str, int]]:
    for number, name in re.findall(r"(\d+) ([a-z]+(?: (?:in|out))?)", line):
        yield re.sub(r"^(connection|datagram)\b", r"\1s", name), int(number)
    for reason, number in re.findall(r"(dropped \w+)=(\d+)", line):
        yield reason, int(number)


def process_of(server: Bench) -> "psutil.Process":  # type: ignore[name-defined] # noqa: F821
    """Return what psutil knows of a server."""
    psutil = pytest.importorskip("psutil", reason="psutil is not installed")
    return psutil.Process(server.process.pid)


def resident(server: Bench) -> int:
    """Return the bytes of memory that a server has."""
    size: int = process_of(server).memory_info().rss
    return size


def descriptors(server: Bench) -> int:
    """Return how many descriptors a server has."""
    number: int = process_of(server).num_fds()
    return number


def cpu(server: Bench) -> float:
    """Return the seconds of processor time that a server has used."""
    times = process_of(server).cpu_times()
    used: float = times.user + times.system
    return used


def more(now: int, before: int) -> str:
    """Return how many bytes were added, as the table shows it."""
    return f"{(now - before) / MEGABYTE:+.1f} MB"


def connected(port: int, source: str = "", patience: float = PATIENCE) -> socket.socket:
    """Return a connection to a port of 127.0.0.1.

    :param source: the address that it comes from; empty: the kernel chooses it, and a port that
        may be in use for another destination.
    """
    address = (source, 0) if source else None
    return socket.create_connection(("127.0.0.1", port), patience, source_address=address)


def reset(connection: socket.socket) -> None:
    """End a connection as a crash of its machine would; no port is kept busy by it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def to_the_end(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes, or resets."""
    got = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            got += piece
    except ConnectionResetError:
        pass
    return bytes(got)
