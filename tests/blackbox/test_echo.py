"""Echo as a user meets it: the installed command, and real clients."""

import json
import socket
import subprocess
from collections.abc import Callable

import pytest

from tests.blackbox.conftest import BIN, Bench, netdemo, peer, run

Start = Callable[..., Bench]


def test_nc_gets_its_reply_after_a_half_close(bench: Start) -> None:
    """``printf hi | nc -N 127.0.0.1 7007`` prints hi."""
    port = str(bench().port("echo-tcp"))
    answer = run(peer("nc", "netcat-openbsd"), "-N", "127.0.0.1", port, stdin=b"hi")
    assert (answer.returncode, answer.stdout) == (0, b"hi")


@pytest.mark.parametrize(
    ("mode", "said", "answered"),
    [
        ("upper", b"hello\n", b"HELLO\n"),
        ("dialog", b"are you there?\n", b"Ask me something, one line at a time.\nare you there!\n"),
        ("discard", b"hello\n", b""),
    ],
)
def test_nc_meets_each_mode(mode: str, said: bytes, answered: bytes, bench: Start) -> None:
    """As ``--echo-mode`` says."""
    port = str(bench("--echo-mode", mode).port("echo-tcp"))
    answer = run(peer("nc", "netcat-openbsd"), "-N", "127.0.0.1", port, stdin=said)
    assert answer.stdout == answered


def test_netdemo_echo_asks_over_both(bench: Start) -> None:
    """A word over TCP, a word over UDP, in words and in JSON."""
    server = bench()
    tcp, udp = server.port("echo-tcp"), server.port("echo-udp")
    assert netdemo("echo", "-s", f"127.0.0.1:{tcp}", "hello", "you").stdout == b"hello you\n"
    assert netdemo("echo", "--udp", "-s", f"127.0.0.1:{udp}", "hello").stdout == b"hello\n"
    record = json.loads(netdemo("echo", "--json", f"udp:127.0.0.1:{udp}", "hé").stdout)
    assert record.pop("seconds") < 5
    assert record == {
        "peer": f"127.0.0.1:{udp}",
        "transport": "udp",
        "sent": 3,
        "received": 3,
        "same": True,
        "text": "hé",
    }


def test_netdemo_echo_sends_its_standard_input(bench: Start) -> None:
    """Whole over TCP, a datagram a line over UDP."""
    server = bench("--echo-mode", "upper")
    blob = bytes(range(256)) * 40_000
    came = netdemo("echo", "-s", f"127.0.0.1:{server.port('echo-tcp')}", stdin=blob)
    assert (came.returncode, came.stdout) == (0, blob.upper())
    lines = netdemo("echo", f"udp:127.0.0.1:{server.port('echo-udp')}", stdin=b"a\n\nb")
    assert (lines.returncode, lines.stdout) == (0, b"A\n\nB\n")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["tcp:127.0.0.1:1", "x"], 3, "cannot connect to 127.0.0.1:1: connection refused"),
        (["-s", "nope.invalid", "x"], 3, "cannot resolve 'nope.invalid'"),
        (["--timeout", "0.2", "udp:127.0.0.1:1", "x"], 4, "no answer from 127.0.0.1:1 in 0.2 s"),
    ],
)
def test_a_server_that_is_not_there_is_one_line(arguments: list[str], code: int, line: str) -> None:
    """With the code that scripts look at."""
    ended = netdemo("echo", *arguments)
    assert (ended.returncode, ended.stderr.decode()) == (code, f"netdemo: {line}\n")


def test_many_clients_at_once_each_with_many_messages(bench: Start) -> None:
    """Fifty connections, a hundred messages each, all answered in order."""
    port = bench().port("echo-tcp")
    clients = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(50)]
    for number in range(100):
        for client in clients:
            client.sendall(b"message %d\n" % number)
    wanted = b"".join(b"message %d\n" % number for number in range(100))
    for client in clients:
        client.shutdown(socket.SHUT_WR)
        with client, client.makefile("rb") as answers:
            assert answers.read() == wanted


def test_a_dialog_on_a_terminal_ends_with_ctrl_c(bench: Start) -> None:
    """Interrupted is 130, and no traceback."""
    port = bench().port("echo-tcp")
    talking = subprocess.Popen(
        [str(BIN / "netdemo"), "echo", "-s", f"127.0.0.1:{port}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert talking.stdin is not None
    assert talking.stdout is not None
    talking.stdin.write(b"hello\n")
    talking.stdin.flush()
    assert talking.stdout.readline() == b"hello\n"
    talking.send_signal(2)
    _, complaints = talking.communicate(timeout=10)
    assert (talking.returncode, complaints) == (130, b"")


def test_two_benches_are_not_set_talking_to_each_other(bench: Start) -> None:
    """A datagram forged from one echo door to the other ends there (CERT CA-1996-01)."""
    first = bench()
    port = first.port("echo-udp")
    second = bench(f"--echo-udp=udp:{port}:interface=127.0.0.2")
    try:
        forged = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("a raw socket needs root")
    with forged:
        forged.bind(("127.0.0.1", 0))
        header = port.to_bytes(2, "big") * 2 + b"\0\x0c\0\0"
        forged.sendto(header + b"loop", ("127.0.0.2", port))
    second.wait_for("echo-udp: loop_port")
    first.stop()
    second.stop()
    assert "echo-udp: 1 datagrams in, 4 bytes in, dropped loop_port=1" in second.text
    assert "echo-udp: nothing yet" in first.text
