"""What docs/howto/watch.md shows with tshark: few may run that, and it takes its time."""

import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.blackbox.conftest import BIN, Bench, free_ports, peer, run, serving, until

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "watch.md"

#: Bytes that the server may hold for a peer that does not read: --max-send-queue.
LARGEST = 16 << 20

Row = list[str]


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    """Serve the demo files, and echo."""
    with serving(BIN / "netdemo", "serve", *free_ports()) as made:
        yield made


def shown(containing: str, **instead: str) -> list[list[str]]:
    """Return the commands of the page's block that has a certain one, with other ports."""
    (block,) = (
        each
        for each in re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        if containing in each
    )
    for old, new in instead.items():
        block = block.replace(old.removeprefix("_"), new)
    return [shlex.split(line) for line in block.splitlines()]


@contextmanager
def watching(command: list[str]) -> Iterator[list[Row]]:
    """Run a command of tshark; yield the rows that it shows, which grow as it goes on."""
    assert command[0] == "tshark"
    here = command.index("-a")
    assert command[here + 1] == "duration:10"  # it ends when the test has seen enough
    with subprocess.Popen(
        [peer("tshark", "tshark"), "-l", *command[1:here], *command[here + 2 :]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        said = "before the first line"
        while "started" not in said:
            said = running.stderr.readline()
            if not said:
                pytest.skip("tshark may not look at the loopback interface here")
        rows: list[Row] = []
        readers = [
            threading.Thread(target=_read, args=(running.stdout, rows)),
            threading.Thread(target=_read, args=(running.stderr, [])),
        ]
        for reader in readers:
            reader.start()
        try:
            yield rows
        finally:
            running.terminate()
            for reader in readers:
                reader.join()


def _read(lines: IO[str], rows: list[Row]) -> None:
    rows.extend(line.rstrip("\n").split("\t") for line in lines)


def repeated(action: Callable[[], object], enough: Callable[[], bool]) -> None:
    """Do something until it was seen: a capture begins some time after it says so."""

    def seen() -> bool:
        action()
        return enough()

    until(seen)


def test_a_handshake_an_answer_after_the_end_and_the_end(server: Bench) -> None:
    """The rows of the page, in the order that each direction has."""
    port = str(server.port("echo-tcp"))
    look, ask = shown("tcp port 7007", _7007=port)
    assert ask[:3] == ["printf", "hello\\n", "|"]
    nc = [peer("nc", "netcat-openbsd"), *ask[4:]]

    def whole(rows: list[Row]) -> list[Row]:
        for client in {row[0] for row in rows if row[2].endswith("··S·")} - {port}:
            mine = [row for row in rows if client in row[:2]]
            if mine[0][2].count("·") == 11 and sum("F" in row[2] for row in mine) == 2:
                return mine
        return []

    with watching(look) as rows:
        repeated(lambda: run(*nc, stdin=b"hello\n"), lambda: bool(whole(rows)))
        found = whole(rows)
    flags = [row[2].replace("·", "") for row in found]
    assert flags[:3] == ["S", "AS", "A"]
    there = [(flag, row[3]) for flag, row in zip(flags, found, strict=True) if row[1] == port]
    back = [(flag, row[3]) for flag, row in zip(flags, found, strict=True) if row[0] == port]
    assert there.index(("AP", "6")) < there.index(("AF", "0"))
    assert back.index(("AP", "6")) < [flag for flag, _ in back].index("AF")
    first_end = next(row for row in found if "F" in row[2])
    assert first_end[1] == port, "the client is the first who ends"


def test_a_reader_that_does_not_read_keeps_the_sender_waiting(server: Bench) -> None:
    """What waits fills the kernel's buffers on both sides, and little of the server's memory."""
    peer("ss", "iproute2")
    fill, look, count = shown(
        "/dev/zero", _7007=str(server.port("echo-tcp")), _7080=str(server.port("web"))
    )
    assert (fill.pop(), fill.index("timeout")) == ("&", 5)
    del fill[5:7]  # the test ends it
    pipeline = shlex.join(fill).replace("'|'", "|")
    with subprocess.Popen(["sh", "-c", pipeline], start_new_session=True) as running:
        try:

            def waits() -> bool:
                rows = [line.split() for line in run(*look).stdout.decode().splitlines()]
                return len(rows) == 2 and all(int(row[2]) > 0 for row in rows)

            until(waits)
            held = run(*count[:3]).stdout.decode()
            (line,) = (
                each for each in held.splitlines() if each.startswith(f"netdemo_{count[-1]}")
            )
            assert int(line.split()[1]) < LARGEST
        finally:
            os.killpg(running.pid, signal.SIGKILL)


def test_what_is_lost_of_tftp_is_sent_again(server: Bench, tmp_path: Path) -> None:
    """The block that the page's seed loses, and no other."""
    spoil, look, fetch = shown("udp.port==9069", _9069="0", _7069=str(server.port("tftp")))
    netdemo = str(BIN / "netdemo")
    with subprocess.Popen([netdemo, *spoil[1:]], stdout=subprocess.PIPE, text=True) as breaking:
        assert breaking.stdout is not None
        port = breaking.stdout.readline().partition(" ")[0].rpartition(":")[2]
        look = [word.replace("udp.port==0", f"udp.port=={port}") for word in look]
        url = fetch[-1].replace(":0/", f":{port}/")
        try:
            with watching(look) as rows:
                acks = " Acknowledgement, Block: 0"
                repeated(
                    lambda: run(netdemo, *fetch[1:-1], url, "--force", "-d", str(tmp_path)),
                    lambda: any(row[0].endswith(acks) for row in rows),
                )
        finally:
            breaking.terminate()
            said = breaking.stdout.read()
    assert (tmp_path / "ripples.txt").exists()
    assert said.splitlines()[1] == "1 to-server loss #1"
