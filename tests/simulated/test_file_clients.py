"""`netdemo get` on bad networks: many files, a server that dies and comes back, nothing lost."""

import random
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulated.bench import FILES_TCP, SERVER, serving
from tests.simulated.fetching import content
from tests.simulated.scenarios import CUT, NARROW
from twisted_net.files.client.fetching import Fetching, How, Item
from twisted_net.files.client.lineserver import LineServer
from twisted_net.files.client.told import Fetched, Progress, ignore
from twisted_net.files.destination import LocalFile
from twisted_net.net.errors import ClientError
from twisted_net.testing import Host, SimNetwork, simulate

NAMES = ("book", "note", "page", "empty", "blocks")


class Told:
    """What a user was told.

    :ivar offsets: name -> from where the last try of a file went on.
    """

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}
        self.tries = 0

    def moving(self, name: str) -> AbstractContextManager[Progress]:
        """Show nothing."""
        return nullcontext(ignore)

    def fetched(self, item: Item, file: Fetched) -> None:
        """Note where it went on."""
        self.offsets[item.name] = file.offset

    def skipped(self, item: Item) -> None:
        """Note nothing."""

    def again(self, error: ClientError, wait: float) -> None:
        """Count."""
        self.tries += 1

    def failed(self, name: str, error: ClientError, into: LocalFile | None = None) -> None:
        """Fail the test."""
        raise AssertionError(f"{name}: {error}")

    def interrupted(self, item: Item, into: LocalFile) -> None:
        """Note nothing."""


async def fetched(client: Host, folder: str) -> Told:
    """Fetch all files, and check them."""
    told = Told()
    server = LineServer(client.reactor, FILES_TCP, 5.0)
    dice = random.Random(1)  # noqa: S311 - no secret
    fetching = Fetching(client.reactor, How(jobs=3, retries=20), told, dice)

    async def items() -> AsyncIterator[Item]:
        for name in NAMES:
            yield Item(server, name, str(Path(folder, name)))

    await fetching.run(items())
    server.close()
    for name in NAMES:
        assert Path(folder, name).read_bytes() == content(name)
    assert sorted(each.name for each in Path(folder).iterdir()) == sorted(NAMES)
    return told


@simulate(seeds=6, link=NARROW, chunking=CUT)
async def test_a_server_that_is_killed_and_started_again_costs_no_file(
    net: SimNetwork, shared: Path
) -> None:
    """The long one is gone on with where it broke off, and all are what is shared."""
    serving(net, files_root=str(shared))
    net.at(2.0, net[SERVER].kill)
    net.at(4.0, net[SERVER].restart)
    with TemporaryDirectory() as folder:
        told = await fetched(net.host("client"), folder)
    assert told.tries
    assert told.offsets["book"] > 0


@simulate(seeds=4, link=NARROW)
async def test_a_link_cut_for_long_costs_no_file(net: SimNetwork, shared: Path) -> None:
    """Longer than anybody's patience."""
    serving(net, files_root=str(shared))
    client = net.host("client")
    net.at(2.0, net.partition, SERVER, client)
    net.at(20.0, net.repair, SERVER, client)
    with TemporaryDirectory() as folder:
        assert (await fetched(client, folder)).tries
