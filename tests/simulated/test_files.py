"""Files on bad networks: byte for byte what is shared, or reported failed; never cut short."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulated.bench import SERVER, serving, together
from tests.simulated.fetching import Fetcher, whole_or_failed
from tests.simulated.scenarios import CUT, GALE, NARROW, ROUGH, STORM, Files, Tftp
from twisted_net.testing import Link, SimNetwork, simulate

BY_LINE = (("note", "book"), ("page", "empty"), ("blocks",))
BY_TFTP = (("blocks", "empty"), ("block", "note"), ("page",))


@simulate(seeds=8, link=ROUGH, chunking=CUT, order="shuffle")
def test_lines_bring_whole_files_however_the_stream_is_cut(net: SimNetwork, shared: Path) -> None:
    """Three at one time, an empty file and a long one among theirs; none of them fails."""
    Files(shared, by_line=BY_LINE, must_work=True)(net)


@simulate(seeds=10, link=ROUGH)
def test_datagrams_bring_whole_files_over_a_rough_link(net: SimNetwork, shared: Path) -> None:
    """A few packets lost, doubled and late are what TFTP is made for; none of the files fails."""
    Files(shared, by_tftp=BY_TFTP, must_work=True)(net)


@simulate(seeds=12, link=NARROW, chunking=CUT)
def test_a_file_over_lines_is_whole_or_failed_whatever_happens(
    net: SimNetwork, shared: Path
) -> None:
    """The server is killed, stalled or loses power, or the link is cut, in the middle of it."""
    Files(shared, by_line=BY_LINE, disasters=("power_off", "kill", "stall", "cut"))(net)


@simulate(seeds=15, link=STORM)
def test_a_file_over_datagrams_is_whole_or_failed_whatever_happens(
    net: SimNetwork, shared: Path
) -> None:
    """The same over TFTP, while 3 packets of 10 are lost."""
    Files(shared, by_tftp=BY_TFTP, disasters=("power_off", "kill", "stall", "cut"))(net)


@simulate(seeds=5, link=NARROW)
async def test_a_kill_in_the_middle_is_never_the_end(net: SimNetwork, shared: Path) -> None:
    """The kernel of a killed server closes its connections in an orderly way; no matter."""
    serving(net, files_root=str(shared))
    net.at(1.0, net[SERVER].kill)
    with TemporaryDirectory() as folder:
        fetchers = [Fetcher(net.host(f"c{n}"), Path(folder)) for n in range(3)]
        await together(*(fetcher.by_line("book") for fetcher in fetchers))
        fetches = [fetcher.fetches[0] for fetcher in fetchers]
        whole_or_failed(fetches)
    assert not [fetch for fetch in fetches if fetch.worked]


@simulate(seeds=3, link=Link(latency=0.02, jitter=0.02))
async def test_a_link_cut_for_a_moment_costs_no_file(net: SimNetwork, shared: Path) -> None:
    """Two seconds without a packet, shorter than anybody's patience."""
    serving(net, files_root=str(shared))
    clients = [net.host(f"c{n}") for n in range(3)]
    net.at(0.3, net.partition, SERVER, clients)
    net.at(2.3, net.repair, SERVER, clients)
    with TemporaryDirectory() as folder:
        one, two, three = (Fetcher(client, Path(folder), patience=30.0) for client in clients)
        await together(one.by_line("book"), two.by_tftp("blocks"), three.by_tftp("page"))
        fetches = [each.fetches[0] for each in (one, two, three)]
        whole_or_failed(fetches)
    assert [fetch.error for fetch in fetches] == [None, None, None]


@simulate(seeds=10, link=GALE)
def test_tftp_brings_whole_files_to_and_fro_or_says_that_it_failed(
    net: SimNetwork, shared: Path
) -> None:
    """Windows, netascii, uploads; 20,000 such transfers are a row of ``make simulate``."""
    Tftp(shared, disasters=("power_off", "cut"))(net)
