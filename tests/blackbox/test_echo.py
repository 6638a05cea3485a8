"""Echo as a user meets it: the installed command, and real clients."""

import json
import socket
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, netdemo, peer, run
from tests.blackbox.talkers import Screen

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


def test_netdemo_echo_says_when_nothing_comes_back(bench: Start) -> None:
    """A discard server does what it should; whoever asked is told."""
    server = f"127.0.0.1:{bench('--echo-mode', 'discard').port('echo-tcp')}"
    done = netdemo("echo", "-s", server, "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"nothing came back\n")


def test_netdemo_echo_asks_over_both(bench: Start) -> None:
    """A word over TCP, a word over UDP, in words and in JSON."""
    server = bench()
    tcp, udp = server.port("echo-tcp"), server.port("echo-udp")
    assert netdemo("echo", "-s", f"127.0.0.1:{tcp}", "hello", "you").stdout == b"hello you\n"
    assert netdemo("echo", "--udp", "-s", f"127.0.0.1:{udp}", "hello").stdout == b"hello\n"
    record = json.loads(netdemo("echo", "--json", f"udp:127.0.0.1:{udp}", "hé").stdout)
    assert record.pop("seconds") > 0
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
        (
            ["udp:127.0.0.1:1", "x"],
            3,
            "127.0.0.1:1: connection refused; nobody listens on that UDP port",
        ),
    ],
)
def test_a_server_that_is_not_there_is_one_line(arguments: list[str], code: int, line: str) -> None:
    """With the code that scripts look at."""
    ended = netdemo("echo", *arguments)
    assert (ended.returncode, ended.stderr.decode()) == (code, f"netdemo: {line}\n")


def test_a_server_that_does_not_answer_is_one_line_too() -> None:
    """With another code: somebody may be there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        ended = netdemo("echo", "--timeout", "0.2", f"udp:127.0.0.1:{port}", "x")
    line = f"netdemo: no answer from 127.0.0.1:{port} in 0.2 s\n"
    assert (ended.returncode, ended.stderr.decode()) == (4, line)


def test_many_clients_at_once_each_with_many_messages(bench: Start) -> None:
    """Fifty connections, a hundred messages each, all answered in order."""
    port = bench().port("echo-tcp")
    clients = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(50)]
    for number in range(100):
        for client in clients:
            client.sendall(b"message %d\n" % number)
    wanted = b"".join(b"message %d\n" % number for number in range(100))
    for client in clients:
        client.shutdown(socket.SHUT_WR)
        with client, client.makefile("rb") as answers:
            assert answers.read() == wanted


def test_a_refusal_is_no_echo(bench: Start) -> None:
    """A health check must not take ``ERR 503 BUSY`` for an answer."""
    port = bench("--max-conns-per-peer=1").port("echo-tcp")
    with socket.create_connection(("127.0.0.1", port), PATIENCE):
        ended = netdemo("echo", "-s", f"127.0.0.1:{port}", "hello")
    assert (ended.returncode, ended.stdout) == (5, b"")
    assert ended.stderr.startswith(f"netdemo: 127.0.0.1:{port} says: ERR 503 BUSY".encode())


def test_a_line_may_come_in_any_number_of_pieces(bench: Start) -> None:
    """Somebody types slowly, or a program writes byte by byte."""
    port = bench().port("echo-udp")
    asking = subprocess.Popen(
        [str(BIN / "netdemo"), "echo", f"udp:127.0.0.1:{port}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert asking.stdin is not None
    for _ in range(1500):
        asking.stdin.write(b"x")
        time.sleep(0.0005)
    answer, complaints = asking.communicate(b"\n", timeout=PATIENCE)
    assert (asking.returncode, answer, complaints) == (0, b"x" * 1500 + b"\n", b"")


@pytest.mark.parametrize(
    ("command", "code", "complaint"),
    [
        ("{netdemo} echo {tcp} <&-", 0, ""),
        ("{netdemo} echo {udp} <&-", 0, ""),
        ("{netdemo} echo {tcp} hello >&-", 0, ""),
        ("head -c 3000000 /dev/zero | {netdemo} echo {tcp} | head -c 10 >/dev/null", 141, ""),
        ("(yes | head -n 99999) | {netdemo} echo {udp} | head -n 1 >/dev/null", 141, ""),
        (
            "{netdemo} echo {tcp} hello >/dev/full",
            1,
            "netdemo: cannot write to standard output: no space left on device\n",
        ),
        (
            "head -c 3000000 /dev/zero | {netdemo} echo {tcp} >/dev/full",
            1,
            "netdemo: cannot write to standard output: no space left on device\n",
        ),
    ],
)
def test_whatever_a_shell_makes_of_its_input_and_output(
    command: str, code: int, complaint: str, bench: Start
) -> None:
    """Closed, cut short, or full: the usual code, and one line or none."""
    server = bench()
    filled = command.format(
        netdemo=BIN / "netdemo",
        tcp=f"tcp:127.0.0.1:{server.port('echo-tcp')}",
        udp=f"udp:127.0.0.1:{server.port('echo-udp')}",
    )
    ended = run("bash", "-c", f"set -o pipefail; {filled}")
    assert (ended.returncode, ended.stderr.decode()) == (code, complaint)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-s", "a..b", "x"], 2),
        (["-s", "x" * 70, "x"], 2),
        (["--udp", "-s", "127.0.0.1:0", "x"], 2),
        (["--udp", "-s", "255.255.255.255:17007", "x"], 3),
    ],
)
def test_a_host_that_cannot_be_reached_is_one_line(arguments: list[str], code: int) -> None:
    """At once, and never a traceback."""
    ended = netdemo("echo", *arguments)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (code, 1)
    assert b"should not have happened" not in ended.stderr


def test_a_terminal_is_not_at_the_servers_mercy() -> None:
    """What might move the cursor or name the window is shown, not obeyed."""
    with socket.create_server(("127.0.0.1", 0)) as hostile:
        hostile.settimeout(PATIENCE)
        where = f"127.0.0.1:{hostile.getsockname()[1]}"
        with Screen(str(BIN / "netdemo"), "echo", "-s", where, complains=False) as talking:
            connection, _ = hostile.accept()
            with connection:
                connection.sendall("\x1b]0;owned\x07\x1b[2J\nh\xe9\n".encode())
            shown = talking.rest()
    assert b"\x1b" not in shown
    assert b"\\x1b]0;owned\\x07\\x1b[2J\r\nh\xc3\xa9\r\n" in shown


def test_a_dialog_ends_with_ctrl_c(bench: Start) -> None:
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
    _, complaints = talking.communicate(timeout=PATIENCE)
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
    assert "echo-udp: 1 datagram in, 4 bytes in, dropped loop_port=1" in second.text
    assert "echo-udp: nothing yet" in first.text
