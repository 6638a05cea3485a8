"""The rows of chat: a thousand members in a room on IRC; lone messages, bursts, and joining."""

import os
import shutil
import socket
from functools import cache
from pathlib import Path

from bench import ours
from bench.building import BUILT
from bench.echo import load_program, sample
from bench.processes import MissingError, Running, free_port
from bench.rows import Load, Row, Sample, Server

#: Members of the room, and bytes of a message.
MEMBERS, SIZE = 1000, 64

#: Where Debian puts daemons, which a user's PATH leaves out.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))

_NGIRCD = """
[Global]
    Name = irc.example
    Info = bench
    Listen = 127.0.0.1
    Ports = {port}
    PidFile =
    MotdPhrase = bench
    ServerUID = {uid}
    ServerGID = {gid}
[Limits]
    MaxConnections = 0
    MaxConnectionsIP = 0
    MaxJoins = 0
    MaxPenaltyTime = 0
[Options]
    DNS = no
    Ident = no
    PAM = no
"""


def _netdemo() -> Running:
    return Running([*ours.serve_with("--chat-rate", "0")], ("irc",))


def _ngircd() -> Running:
    program = shutil.which("ngircd", path=_PATH)
    if program is None:
        raise MissingError("no ngircd in PATH; install ngircd")
    port = free_port(socket.SOCK_STREAM)
    return Running([program, "--nodaemon", "--config", str(_config(port))], {"irc": port})


@cache
def _config(port: int) -> Path:
    BUILT.mkdir(parents=True, exist_ok=True)
    path = BUILT / f"ngircd.{port}.conf"
    path.write_text(_NGIRCD.format(port=port, uid=os.getuid(), gid=os.getgid()))
    return path


SERVERS = (
    Server("netdemo", "netdemo serve, as installed, without a limit of commands", _netdemo),
    Server("ngircd", "ngircd, without penalties", _ngircd),
)


def load(kind: str, senders: int, depth: int) -> Load:
    """Return a load of ``load/chat.c``: see there."""

    def run(server: Running, seconds: float) -> Sample:
        numbers = (server.ports["irc"], MEMBERS, SIZE, depth, senders, seconds, *server.pids)
        command = [load_program(), kind, "127.0.0.1", *numbers]
        return sample([str(word) for word in command], seconds)

    return run


ROWS = (
    Row(
        "chat-lone",
        f"{MEMBERS:,} members, {SIZE} bytes, one message in flight",
        "deliveries",
        SERVERS,
        load("chat", 1, 1),
    ),
    Row(
        "chat-burst",
        f"{MEMBERS:,} members, {SIZE} bytes, 4 senders, 8 in flight of each",
        "deliveries",
        SERVERS,
        load("chat", 4, 8),
    ),
    Row(
        "chat-join",
        f"{MEMBERS:,} members enter a room, one right after the other",
        "members",
        SERVERS,
        load("join", 1, 1),
    ),
)
