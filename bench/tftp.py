"""The rows of TFTP: block sizes and windows, one client and fifty."""

import os
import random
import shutil
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bench import ours
from bench.building import BUILT, HERE, c_program
from bench.echo import sample
from bench.processes import MissingError, Running, free_port
from bench.rows import Load, Row, Sample, Server

#: What is fetched: by one client, and by each of fifty.
SIZES = {"one": 64 << 20, "each": 1 << 20}

#: The port that dnsmasq serves TFTP on; it knows no other. So it gets an address that is its own.
TFTP_PORT = 69
OTHER_ADDRESS = "127.0.0.69"

#: Room for fifty clients of one address.
_ROOM = ("--files-transfers=1000", "--tftp-per-peer=1000")

#: Where Debian puts daemons, which a user's PATH leaves out.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


@cache
def root() -> Path:
    """Return the folder that all servers share; daemons that become nobody can read it."""
    folder = BUILT / "tftp"
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in SIZES.items():
        if not (folder / name).exists() or (folder / name).stat().st_size != size:
            (folder / name).write_bytes(random.Random(name).randbytes(size))  # noqa: S311
    return folder


def _program(name: str, package: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise MissingError(f"no {name} in PATH; install {package}")
    return found


def _netdemo(*options: str) -> Callable[[], Running]:
    def start() -> Running:
        words = (f"--files-root={root()}", *_ROOM)
        command = ours.serve_with(*options) if options else ours.serve()
        return Running([*command, *words], ("tftp",))

    return start


def _tftpd_hpa() -> Running:
    if os.geteuid():
        raise MissingError("wants to be root, to change its root")
    port = free_port(socket.SOCK_DGRAM)
    words = ["-L", "-a", f"127.0.0.1:{port}", "-s", str(root())]
    return Running([_program("in.tftpd", "tftpd-hpa"), *words], {"tftp": port})


def _atftpd() -> Running:
    port = free_port(socket.SOCK_DGRAM)
    words = ["--daemon", "--no-fork", "--bind-address", "127.0.0.1", "--port", str(port)]
    words += ["--maxthread", "1000", "--verbose=0", str(root())]
    return Running([_program("atftpd", "atftpd"), *words], {"tftp": port})


def _dnsmasq() -> Running:
    if os.geteuid():
        raise MissingError(f"serves on port {TFTP_PORT} only, which is root's")
    words = ["--no-daemon", "--conf-file=/dev/null", "--port=0", "--bind-interfaces"]
    words += [f"--listen-address={OTHER_ADDRESS}", "--user=root", "--tftp-max=1000"]
    words += ["--enable-tftp", f"--tftp-root={root()}"]
    return Running([_program("dnsmasq", "dnsmasq"), *words], {"dnsmasq": TFTP_PORT})


NETDEMO = Server("netdemo", "netdemo serve, as installed, limits on", _netdemo())
SPIN = Server(
    "netdemo-spin",
    "netdemo serve, polling 50 µs before it sleeps",
    _netdemo("--spin", "50us"),
)
ATFTPD = Server("atftpd", "atftpd, a thread a transfer; the only peer with windows", _atftpd)
TFTPD_HPA = Server("tftpd-hpa", "in.tftpd, a process a transfer", _tftpd_hpa, forgets=True)
DNSMASQ = Server("dnsmasq", "dnsmasq, one process", _dnsmasq)

LOCK_STEP = (NETDEMO, SPIN, TFTPD_HPA, ATFTPD)
WINDOWS = (NETDEMO, ATFTPD)

#: Bytes of a block that dnsmasq agrees to on loopback, and everywhere.
DNSMASQ_BLKSIZE = 1428


def _servers(blksize: int, windowsize: int) -> tuple[Server, ...]:
    if windowsize > 1:
        return WINDOWS
    return (*LOCK_STEP, DNSMASQ) if blksize <= DNSMASQ_BLKSIZE else LOCK_STEP


def load(name: str, clients: int, blksize: int, windowsize: int) -> Load:
    """Return a load of ``fetch/``: clients that fetch one file over and over."""

    def run(server: Running, seconds: float) -> Sample:
        program = c_program("fetch", HERE / "fetch" / "fetch.c", HERE / "load" / "usage.c")
        host = OTHER_ADDRESS if "dnsmasq" in server.ports else "127.0.0.1"
        (port,) = (server.ports.get(door) for door in ("tftp", "dnsmasq") if door in server.ports)
        numbers = (clients, blksize, windowsize, seconds, server.pids[0])
        command = [program, host, port, name, root() / name, *numbers]
        return sample([str(word) for word in command], seconds)

    return run


ROWS = (
    *(
        Row(
            f"tftp-{blksize}x{windowsize}",
            f"64 MiB, blocks of {blksize} bytes, "
            + ("one at a time" if windowsize == 1 else f"windows of {windowsize}"),
            "KiB",
            _servers(blksize, windowsize),
            load("one", 1, blksize, windowsize),
        )
        for blksize in (512, 1428, 8192)
        for windowsize in (1, 16, 64)
    ),
    Row(
        "tftp-50-clients",
        "50 clients, 1 MiB each, blocks of 1428 bytes",
        "KiB",
        (NETDEMO, TFTPD_HPA, ATFTPD, DNSMASQ),
        load("each", 50, 1428, 1),
    ),
    Row(
        "tftp-50-windows",
        "50 clients, 1 MiB each, windows of 16",
        "KiB",
        WINDOWS,
        load("each", 50, 1428, 16),
    ),
)
