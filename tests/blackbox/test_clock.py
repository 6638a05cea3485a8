"""A machine whose clock is set while the server runs."""

import signal
import socket
import sys

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, free_ports, serving
from tests.blackbox.talkers import Talker

#: Runs a command whose clock goes back by an hour when it gets a signal.
SET_BACK = """
import signal, sys, time
real, back = time.time, []
time.time = lambda: real() - sum(back)
signal.signal(signal.SIGRTMIN, lambda *_: back.append(3600.0))
sys.argv[:2] = sys.argv[1:2]
if sys.argv[0] == "netdemo":
    from twisted_net.__main__ import main
    main()
else:
    from twisted.scripts.twistd import run
    run()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["netdemo", "serve"], ["twistd", "-n", "--pidfile=", "netdemo"]], ids=lambda c: c[0]
)
def test_a_clock_that_is_set_back_keeps_nothing_from_being_sent_again(command: list[str]) -> None:
    """A client of TFTP that has lost a datagram would wait for an hour."""
    ask = b"\0\1hello.txt\0octet\0tsize\0000\0"
    with (
        serving(sys.executable, "-c", SET_BACK, *command, *free_ports(), "--grace=0") as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(PATIENCE)
        server.process.send_signal(signal.SIGRTMIN)
        server.wait_for("clock was set back by 3600 s")
        client.sendto(ask, ("127.0.0.1", server.port("tftp")))
        first = client.recvfrom(1000)
        assert first[0].startswith(b"\0\6tsize\0")
        assert client.recvfrom(1000) == first
        assert server.stop() in (0, -signal.SIGTERM)


@pytest.mark.slow
def test_a_clock_that_is_set_back_does_not_hold_up_a_client() -> None:
    """The next probe is due in a moment, not in an hour."""
    with serving(BIN / "netdemo", "serve", *free_ports()) as server:
        where = f"127.0.0.1:{server.port('echo-udp')}"
        pinging = Talker(
            sys.executable, "-c", SET_BACK, "netdemo", "ping", where, "-c", "10", "-i", "0.2"
        )
        pinging.matches("probe 1: .* ms")
        pinging.process.send_signal(signal.SIGRTMIN)
        pinging.matches("10 sent, 10 answered.*")
        assert pinging.ends() == (0, "")
