"""Connections that are never finished, in a network that nothing can leave."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, Bench, peer, run
from tests.blackbox.environments import ROOT
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.half_open import counter
from tests.blackbox.safety.watching import all_doors, begun, counted

pytestmark = pytest.mark.slow

DEVICE, ADDRESS, BACKLOG, SYNS = "tun13", "10.13.0.1", 64, 440

NETWORK = (
    "ip link set lo up",
    f"ip tuntap add dev {DEVICE} mode tun",
    f"ip addr add {ADDRESS}/24 dev {DEVICE}",
    f"ip link set {DEVICE} up",
    'exec "$@"',
)


@pytest.fixture
def contained() -> Iterator[Bench]:
    """Start a server in a network of its own, at the end of a cable to nowhere."""
    unshare, ip = peer("unshare", "util-linux"), peer("ip", "iproute2")
    peer("nsenter", "util-linux")
    if os.geteuid() or run(unshare, "--net", ip, "link").returncode:
        pytest.skip("only root may make a network of its own")
    if not Path("/dev/net/tun").exists():
        pytest.skip("this machine has no TUN device")
    doors = [each for each in all_doors() if not each.startswith("--echo-tcp")]
    echo = f"--echo-tcp=tcp:0:backlog={BACKLOG}"
    words = [str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", *doors, echo]
    script = ["sh", "-c", " && ".join(NETWORK), "sh", *words, f"--interface={ADDRESS}"]
    server = Bench([unshare, "--net", *script])
    try:
        if begun(server):
            server.wait_for("netdemo is listening")
            yield server
        else:
            pytest.skip(f"no TUN device can be made here: {server.text.strip()}")
    finally:
        server.stop()
    assert "Traceback" not in server.text


def test_half_open_connections_keep_nobody_out(contained: Bench, shows: Shows) -> None:
    """R13: As many as the backlog wait, cookies do for the others, and a client gets in."""
    outside = counter("SyncookiesSent")
    if Path("/proc/sys/net/ipv4/tcp_syncookies").read_text().strip() == "0":
        pytest.skip("this machine has SYN cookies switched off")
    inside = ["nsenter", "--target", str(contained.process.pid), "--net"]
    module = "tests.blackbox.safety.half_open"
    port = str(contained.port("echo-tcp"))
    done = run(
        "sh",
        "-c",
        'cd "$0" && exec "$@"',
        str(ROOT),
        *inside,
        sys.executable,
        "-m",
        module,
        DEVICE,
        ADDRESS,
        port,
        str(SYNS),
    )
    assert done.returncode == 0, done.stderr.decode()
    seen = json.loads(done.stdout)
    elsewhere = counter("SyncookiesSent") - outside
    shows(f"{SYNS} SYNs: at most {BACKLOG + 1} in SYN_RECV", seen["waiting"])
    shows("SyncookiesSent > 0 there, 0 in the host's network", f"{seen['cookies']}, {elsewhere}")
    shows("a client still connects and is answered", repr(seen["answer"]))
    assert 0 < seen["waiting"] <= BACKLOG + 1
    assert seen["cookies"] > 0
    assert elsewhere == 0
    assert seen["answer"] == "hello"
    assert counted(contained, "echo-tcp")["connections"] == 1
