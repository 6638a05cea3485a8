"""Files put on bad networks: there whole, or not there; and gone on with until they are."""

import contextlib
import fcntl
import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.simulated.bench import FILES_TCP, SERVER, Bench, serving, together
from tests.simulated.scenarios import CUT, NARROW, ROUGH
from twisted_net.files import codec
from twisted_net.files.client import FileClient, open_client
from twisted_net.files.codec import Put, RefusedError
from twisted_net.net.errors import ClientError
from twisted_net.testing import Host, Link, SimNetwork, simulate

#: Somewhat more than waits in memory for the disk, and than a socket keeps.
CONTENT = random.Random(7009).randbytes(100_000)  # noqa: S311
SHA256 = hashlib.sha256(CONTENT).hexdigest()

#: Seconds between two attempts.
PAUSE = 2.0


class Uploader:
    """Somebody who puts one file, and comes back until it is there.

    :ivar attempts: connections that were made for it.
    :ivar went_on: attempts that did not begin at the beginning.
    """

    def __init__(self, host: Host, name: bytes) -> None:
        self.host = host
        self.name = name
        self.attempts = 0
        self.went_on = 0

    async def put(self, net: SimNetwork) -> None:
        """Come back until it is there."""
        offset = 0
        while True:
            self.attempts += 1
            try:
                await self._attempt(offset)
                return
            except RefusedError as refused:
                if "exists" in str(refused):
                    return  # an attempt whose answer did not come through
                offset = int(str(refused).split("size ")[1][:-1]) if refused.code == 416 else 0
            except ClientError:
                offset = len(CONTENT)  # to be told how much is there
            await net.sleep(PAUSE)

    async def _attempt(self, offset: int) -> None:
        client = await open_client(self.host.reactor, FILES_TCP, 10.0)
        try:
            await self._send(client, offset)
        finally:
            client.close()

    async def _send(self, client: FileClient, offset: int) -> None:
        client.ask(Put(self.name, len(CONTENT), SHA256, offset))
        codec.parse_word(await client.line(), codec.SEND)
        self.went_on += 0 < offset < len(CONTENT)
        client.transport.write(CONTENT[offset:])
        codec.parse_word(await client.line(), codec.STORED)


def visible(folder: Path) -> dict[str, bytes]:
    """Return what others see."""
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name[0] != "."}


@contextlib.contextmanager
def locks_die_with_their_server(bench: Bench) -> Iterator[None]:
    """Take its locks from a life that has ended: all lives have descriptors of one process."""
    real = fcntl.flock
    held: dict[int, tuple[int, int]] = {}  # descriptor -> its file, and the life that locked it

    def flock(descriptor: int, how: int) -> None:
        now = len(bench.lives)
        for other, (file, life) in list(held.items()):
            if life < now:
                del held[other]
                with contextlib.suppress(OSError):
                    if os.fstat(other).st_ino == file:
                        real(other, fcntl.LOCK_UN)
        real(descriptor, how)
        held[descriptor] = (os.fstat(descriptor).st_ino, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", flock)
        yield


def play(net: SimNetwork, folder: Path, *disasters: str) -> list[Uploader]:
    """Let three put files of their own, while somebody looks that what is there is whole."""
    bench = serving(net, files_root=str(folder), files_write="yes")
    uploaders = [Uploader(net.host(f"c{n}"), b"new%d" % n) for n in range(3)]
    if disasters:
        things: dict[str, Any] = {key: [SERVER] for key in disasters}
        things["cut"] = [(SERVER, each.host.name) for each in uploaders]
        net.chaos(**things, rate=0.07, until=20.0)
        net.sometimes("an upload is tried again", lambda: any(u.attempts > 1 for u in uploaders))
        net.sometimes("an upload goes on", lambda: any(each.went_on for each in uploaders))
    looks = 0

    async def look() -> None:
        nonlocal looks
        while len(found := visible(folder)) < len(uploaders):
            assert set(found.values()) <= {CONTENT}
            looks += 1
            await net.sleep(0.1)

    with locks_die_with_their_server(bench):
        net.run(together(look(), *(each.put(net) for each in uploaders)), timeout=300.0)
    assert looks > 3
    assert visible(folder) == {f"new{n}": CONTENT for n in range(3)}
    return uploaders


@simulate(seeds=5, link=ROUGH, chunking=CUT, order="shuffle")
def test_uploads_are_stored_at_the_first_attempt_over_a_rough_link(net: SimNetwork) -> None:
    """However the stream is cut."""
    with TemporaryDirectory() as folder:
        uploaders = play(net, Path(folder))
    assert [each.attempts for each in uploaders] == [1, 1, 1]


@simulate(seeds=10, link=NARROW, chunking=CUT)
def test_uploads_are_whole_or_not_there_whatever_happens(net: SimNetwork) -> None:
    """The server is killed, stalled or loses power, or the link is cut, in the middle of them."""
    with TemporaryDirectory() as folder:
        play(net, Path(folder), "power_off", "kill", "stall")


@simulate(seeds=3, link=Link(latency=0.02, bandwidth=50_000))
def test_an_upload_that_breaks_off_goes_on_where_it_broke(net: SimNetwork) -> None:
    """Behind a restart of the server."""
    with TemporaryDirectory() as folder:
        net.at(1.5, lambda: net[SERVER].kill())
        net.at(2.5, lambda: net[SERVER].restart())
        uploaders = play(net, Path(folder))
    assert all(each.went_on for each in uploaders)
