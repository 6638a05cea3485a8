"""Peers whose address is of one link only (RFC 4291, 2.5.6), as every new IPv6 machine has one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox import link_local
from tests.blackbox.conftest import BIN, PATIENCE, Bench, ending, free_ports, peer, run

#: One end of a cable, and a link to nowhere, where the system sends what does not name its link.
CABLE = (
    "ip link add nowhere type veth peer name void",
    "ip link set void up && ip link set nowhere up",
    "ip -6 addr add fe80::33/64 dev nowhere nodad",
    "ip link add near type veth peer name far",
    "ip link set near addrgenmode none",
    "ip link set far addrgenmode none",
    "ip link set lo up",
    "ip link set near up",
    "ip -6 addr add fe80::11/64 dev near nodad",
)


@pytest.fixture
def server() -> Iterator[Callable[..., Bench]]:
    """Start a server in a network of its own that has one end of a cable."""
    unshare, ip = peer("unshare", "util-linux"), peer("ip", "iproute2")
    peer("nsenter", "util-linux")
    if os.geteuid() or run(unshare, "--net", ip, "link").returncode:
        pytest.skip("making networks needs root")
    started: list[Bench] = []

    def start(*options: str) -> Bench:
        words = [str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", *free_ports(), *options]
        script = " && ".join((*CABLE, 'exec "$@"'))
        made = Bench([unshare, "--net", "sh", "-c", script, "sh", *words])
        started.append(made)
        made.wait_for("netdemo is listening")
        return made

    with ending(started):
        yield start


def _client(server: Bench, *words: str) -> str:
    """Run the client at the far end of the cable, in a network of its own."""
    pid = server.process.pid
    within = f"nsenter --net=/proc/{pid}/ns/net ip link set far netns $$"
    script = f"{within} && ip link set far up && ip -6 addr add fe80::22/64 dev far nodad"
    script += ' && ip link set lo up && exec "$@"'
    command = [sys.executable, link_local.__file__, "far", *words]
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script, "sh", *command],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    return done.stdout + done.stderr


OWN = """
from twisted.internet import reactor
from twisted_net.net.routes import own_address
print(own_address(reactor, "fe80::22%near"), own_address(reactor, "::1"))
"""


def test_a_host_knows_its_address_on_a_link() -> None:
    """By which peers there prove who they are."""
    unshare, ip = peer("unshare", "util-linux"), peer("ip", "iproute2")
    if os.geteuid() or run(unshare, "--net", ip, "link").returncode:
        pytest.skip("making networks needs root")
    script = " && ".join((*CABLE, "ip link set far up", 'exec "$@"'))
    done = run(unshare, "--net", "sh", "-c", script, "sh", sys.executable, "-c", OWN)
    assert done.stdout == b"fe80::11 ::1\n", done


@pytest.mark.parametrize("interface", ["::", "fe80::11%near"])
def test_a_peer_whose_address_is_of_one_link_is_answered(
    server: Callable[..., Bench], interface: str, tmp_path: Path
) -> None:
    """One by one and in batches; and a transfer's port is on that link, too."""
    (tmp_path / "file").write_bytes(b"x" * 1500)
    started = server(f"--interface={interface}", f"--files-root={tmp_path}")
    ports = [str(started.port(door)) for door in ("echo-udp", "tftp")]
    told = _client(started, *ports, "file")
    assert told.split() == [str(link_local.BURSTS * link_local.BURST), "1500", "3"], told
