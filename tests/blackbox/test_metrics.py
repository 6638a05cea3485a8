"""``/metrics`` and health as a scraper meets them."""

import shutil
from collections.abc import Callable

import pytest

from tests.blackbox.conftest import Bench, peer, run
from tests.blackbox.test_workers import asked, echoed
from tests.watch.exposition import read

Start = Callable[..., Bench]


def scraped(server: Bench, path: str) -> bytes:
    """Return what curl gets."""
    url = f"http://127.0.0.1:{server.port('web')}/{path}"
    done = run(peer("curl", "curl"), "--silent", "--show-error", "--fail", url)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_all_processes_are_one_server(bench: Start, workers: str) -> None:
    """Whichever of them is asked tells the sum."""
    server = bench("--workers", workers)
    for _ in range(9):
        assert echoed(server.port("echo-tcp")) == b"hello"
        assert asked(server.port("echo-udp")) == b"hello"
    for _ in range(3):
        text = scraped(server, "metrics")
        found = read(text)
        assert found.value("netdemo_connections_accepted_total", door="echo-tcp") == 9
        assert found.value("netdemo_bytes_total", door="echo-tcp", dir="out") == 45
        assert found.value("netdemo_datagrams_total", door="echo-udp", dir="in") == 9
        assert found.value("netdemo_processes") == {"1": 1, "2": 3}[workers]
        assert found.value("process_cpu_seconds_total") > 0
    assert (scraped(server, "readyz"), scraped(server, "healthz")) == (b"ready\n", b"ok\n")
    promtool = shutil.which("promtool")
    if promtool is not None:
        checked = run(promtool, "check", "metrics", stdin=text)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
