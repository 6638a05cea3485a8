"""The rows of files over TCP: a large one and small ones, by lines and by HTTP."""

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from bench import ours
from bench.building import BUILT
from bench.echo import PEERS, load_program, peer_python, sample
from bench.processes import MissingError, Running, free_port
from bench.rows import Load, Row, Sample, Server, WrongError

LARGE, SMALL = 1 << 30, 10 << 10

#: What every file is made of, over and over: see ``load/main.c``.
PERIOD = 65521

#: How a file is asked for: see ``load/fetch.c``.
HTTP, DISCARD, BELOW = 1, 2, 4

#: The same for each door that a server may have.
_HOW = {"web": HTTP + BELOW, "files-tcp": 0, "http": HTTP}

#: Seconds that a digest of the large file may take.
PATIENCE = 60.0

NGINX = """\
worker_processes 1; daemon off; pid {here}/nginx.pid; error_log {here}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
    client_body_temp_path {here}/t1; proxy_temp_path {here}/t2; fastcgi_temp_path {here}/t3;
    uwsgi_temp_path {here}/t4; scgi_temp_path {here}/t5;
    server {{ listen 127.0.0.1:{port}; root {share}; }}
}}
"""


@cache
def share() -> Path:
    """Return a folder with the files; the large one takes a GiB of the disk until `make clean`."""
    folder = BUILT / "share"
    folder.mkdir(parents=True, exist_ok=True)
    for size in (LARGE, SMALL):
        path = folder / f"f{size}"
        if path.exists() and path.stat().st_size == size:
            continue
        fresh = path.with_suffix(f".{os.getpid()}")
        with fresh.open("wb") as file:
            for piece in _pieces(size):
                file.write(piece)
        # Old, or no digest of it would be remembered: it could change again unseen.
        os.utime(fresh, (time.time() - 3600,) * 2)
        fresh.replace(path)
    return folder


def _pieces(size: int) -> Iterator[bytes]:
    random, made = 2463534242, bytearray()
    for _ in range(PERIOD):
        random ^= random << 13 & 0xFFFFFFFF
        random ^= random >> 17
        random ^= random << 5 & 0xFFFFFFFF
        made.append(random & 0xFF)
    block = bytes(made)
    for left in range(size, 0, -PERIOD):
        yield block[:left]


def _netdemo() -> Running:
    running = Running(ours.serve("--files-root", str(share()), "--web="), ("files-tcp",))
    try:
        _warm(running.ports["files-tcp"])
    except BaseException:
        running.stop()
        raise
    return running


def _netdemo_web() -> Running:
    return Running(ours.serve("--files-root", str(share()), "--files-tcp="), ("web",))


def _warm(port: int) -> None:
    """Have the digest of the large file computed, as its first download would do."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as asking:
        asking.sendall(b"SUM f%d\n" % LARGE)
        answer = asking.recv(200)
    if not answer.startswith(b"OK sha256 "):
        raise WrongError(f"SUM is answered with {answer!r}")


def _nginx() -> Running:
    if shutil.which("nginx") is None:
        raise MissingError("no nginx in PATH")
    port, here = free_port(), BUILT / "nginx"
    here.mkdir(parents=True, exist_ok=True)
    config = here / "nginx.conf"
    config.write_text(NGINX.format(here=here, port=port, share=share()))
    return Running(["nginx", "-c", str(config)], {"http": port})


def _http_server() -> Running:
    port = free_port()
    folder = ["--bind", "127.0.0.1", "--directory", str(share())]
    return Running([sys.executable, "-m", "http.server", *folder, str(port)], {"http": port})


def _twistd_web() -> Running:
    port = free_port()
    listen = ["--listen", f"tcp:{port}:interface=127.0.0.1", "--path", str(share())]
    # Not --logfile=/dev/null: twistd turns its log over, and root would rename the device.
    silent = "--logger=twisted.logger.LogPublisher"
    twistd = [str(ours.BIN / "twistd"), "-n", "--pidfile=", silent]
    return Running([*twistd, "web", *listen], {"http": port})


def _peer(python: Callable[[], str], script: str, door: str, *words: str) -> Running:
    return Running([python(), str(PEERS / script), str(share()), *words], (door,))


SERVERS = (
    Server("netdemo", "its line door, as installed, limits on; digests known", _netdemo),
    Server("netdemo-web", "its web door, by HTTP", _netdemo_web),
    Server("nginx", "sendfile, tcp_nopush, one worker", _nginx),
    Server(
        "twisted",
        "stock Twisted, FileSender on epoll",
        lambda: _peer(lambda: sys.executable, "files_twisted.py", "files-tcp"),
    ),
    Server("twistd-web", "twistd web --path", _twistd_web),
    Server(
        "asyncio",
        "asyncio, loop.sendfile",
        lambda: _peer(lambda: sys.executable, "files_asyncio.py", "http"),
    ),
    Server(
        "uvloop",
        "uvloop, read and write",
        lambda: _peer(peer_python, "files_asyncio.py", "http", "uvloop"),
    ),
    Server("http.server", "python -m http.server", _http_server),
)


def load(connections: int, size: int, *, kept: bool, how: int = 0) -> Load:
    """Return a load that fetches files, by the protocol that the server speaks."""

    def run(server: Running, seconds: float) -> Sample:
        over = next(each for each in _HOW if each in server.ports)
        mode = how + _HOW[over]
        numbers = (server.ports[over], connections, size, int(kept), mode, seconds, *server.pids)
        command = [load_program(), "fetch", "127.0.0.1", *numbers]
        return sample([str(word) for word in command], seconds)

    return run


ROWS = (
    Row(
        "files-large",
        "files of 1 GiB, 1 at a time, thrown away by the client's kernel",
        "MiB",
        SERVERS,
        load(1, LARGE, kept=True, how=DISCARD),
    ),
    Row(
        "files-large-read",
        "files of 1 GiB, 1 at a time, read by the client",
        "MiB",
        SERVERS,
        load(1, LARGE, kept=True),
    ),
    Row(
        "files-small",
        "files of 10 KiB, 50 connections that are kept",
        "files",
        SERVERS,
        load(50, SMALL, kept=True),
    ),
    Row(
        "files-small-churn",
        "files of 10 KiB, a connection each, 50 at a time",
        "files",
        SERVERS,
        load(50, SMALL, kept=False),
    ),
)
