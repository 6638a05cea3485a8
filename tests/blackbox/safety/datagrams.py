"""Datagrams from anywhere: questions for every door, and forged senders."""

import contextlib
import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.blackbox.conftest import PATIENCE, Bench
from twisted_net.chat.codec import datagram as chat
from twisted_net.chat.codec.datagram import Key, Packet, Type, encode, padded
from twisted_net.files.tftp import codec as tftp

Address = tuple[str, int]

NONCE = b"8 bytes!"


def hello(name: str = "red", cookie: bytes = b"") -> bytes:
    """Return the chat's first datagram, with the cookie once there is one."""
    fields = padded({Key.NAME: name.encode(), Key.COOKIE: cookie})
    return encode(Packet(Type.HELLO, NONCE, fields=fields))


def read(name: bytes = b"hello.txt", **options: str) -> bytes:
    """Return a TFTP read request."""
    return tftp.render(tftp.Request("read", name, "octet", options))


#: What each datagram door answers, if it comes from an ordinary port.
QUESTIONS = {
    "echo-udp": b"hello",
    "chat-udp": hello(),
    "tftp": read(blksize="512", tsize="0"),
    "ipmsg": b"1:100:somebody:somewhere:1:somebody",
}


def cookie_in(retry: bytes) -> bytes:
    """Return the cookie of a RETRY."""
    packet = chat.decode(retry)
    assert packet.type is Type.RETRY
    return chat.unpacked(packet.fields)[Key.COOKIE]


@contextlib.contextmanager
def port(host: str = "127.0.0.1", number: int = 0) -> Iterator[socket.socket]:
    """Open a datagram port; skip the test if this one is for root."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.settimeout(PATIENCE)
        try:
            opened.bind((host, number))
        except PermissionError:
            pytest.skip(f"only root may send from port {number}")
        yield opened


def at(server: Bench, door: str) -> Address:
    """Return where a door of a server is."""
    found = server.wait_for(rf"^\s+{re.escape(door)}\s+(\S+):(\d+)\s")
    return found[1], int(found[2])


def asked(sender: socket.socket, question: bytes, to: Address) -> tuple[bytes, Address]:
    """Send a question again and again until there is an answer: UDP may lose it."""
    sender.settimeout(1.0)
    for _ in range(int(PATIENCE)):
        sender.sendto(question, to)
        with contextlib.suppress(TimeoutError):
            return sender.recvfrom(65536)
    raise AssertionError(f"{to} does not answer {question!r}")


def within(sender: socket.socket, seconds: float) -> list[bytes]:
    """Return all that comes within some time."""
    came: list[bytes] = []
    over = time.monotonic() + seconds
    while (left := over - time.monotonic()) > 0:
        sender.settimeout(left)
        with contextlib.suppress(TimeoutError):
            came.append(sender.recv(65536))
    return came


def answers(sender: socket.socket, seconds: float) -> list[bytes]:
    """Wait for an answer, however long it takes; return that, and what comes within some time."""
    sender.settimeout(PATIENCE)
    return [sender.recv(65536), *within(sender, seconds)]


def forge(source: Address, to: Address, datagram: bytes) -> None:
    """Send a datagram that another port seems to have sent; skip the test without root."""
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("only root may forge a datagram (raw socket)")
    header = b"".join(
        number.to_bytes(2, "big") for number in (source[1], to[1], 8 + len(datagram), 0)
    )
    with raw:
        raw.bind((source[0], 0))
        raw.sendto(header + datagram, to)
