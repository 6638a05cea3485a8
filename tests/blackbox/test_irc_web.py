"""IRC over WebSocket as a user meets it: clients that others wrote, TLS, a stop, one that hangs."""

import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.blackbox.conftest import BIN, PATIENCE, Bench, free_ports, peer, run, serving
from tests.blackbox.talkers import Talker
from tests.blackbox.test_chat import Start
from tests.blackbox.test_chat_store import Member
from tests.net.websocket.clients import Client, asking

pytestmark = pytest.mark.slow  # each starts programs; `make test-slow` runs them

#: Lines of the standard input become messages, and messages lines, without where they come from.
NODE = """
const [url, protocol] = process.argv.slice(1);
const socket = new WebSocket(url, protocol ? [protocol] : []);
socket.binaryType = "arraybuffer";
const [encode, decode] = [new TextEncoder(), new TextDecoder()];
const binary = protocol.startsWith("binary");
let rest = "";
socket.onopen = () => {
  console.log("open " + socket.protocol);
  process.stdin.on("data", (data) => {
    const lines = (rest + data).split("\\n");
    rest = lines.pop();
    for (const line of lines) socket.send(binary ? encode.encode(line) : line);
  });
};
socket.onmessage = ({ data }) => {
  const line = typeof data === "string" ? data : decode.decode(data);
  console.log(line.replace(/^:\\S+ /, ""));
};
socket.onclose = ({ code }) => { console.log("closed " + code); process.exit(0); };
"""

PYTHON = """
import sys, threading
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

url, protocol = sys.argv[1:]
with connect(url, subprotocols=[protocol], compression="deflate") as socket:
    print("open", socket.subprotocol, flush=True)
    def hear():
        try:
            for line in socket:
                line = line if isinstance(line, str) else line.decode()
                print(line.partition(" ")[2] if line[0] == ":" else line, flush=True)
        except ConnectionClosed:
            pass
        print("closed", socket.close_code, flush=True)
    hearing = threading.Thread(target=hear)
    hearing.start()
    for line in sys.stdin:
        line = line.rstrip("\\n")
        socket.send(line.encode() if protocol[:6] == "binary" else line)
    hearing.join()
"""


def client(program: str, url: str, protocol: str) -> list[str]:
    """Return the command of a client, or skip the test where it is missing."""
    if program == "node":
        node = peer("node", "nodejs")
        probe = run(node, "--experimental-websocket", "-e", "WebSocket")
        if probe.returncode:
            pytest.skip("this node has no WebSocket (need 20.10)")
        return [node, "--experimental-websocket", "-e", NODE, url, protocol]
    if importlib.util.find_spec("websockets") is None:
        pytest.skip("the Python package websockets is not installed")
    return [sys.executable, "-c", PYTHON, url, protocol]


@pytest.mark.parametrize("protocol", ["text.ircv3.net", "binary.ircv3.net"])
@pytest.mark.parametrize("program", ["node", "websockets"])
def test_clients_of_others_talk_and_hear_that_the_server_stops(
    bench: Start, talker: Callable[..., Talker], program: str, protocol: str
) -> None:
    """With a member on the line door, both ways."""
    server = bench()
    port = server.port("web")
    browser = talker(*client(program, f"ws://127.0.0.1:{port}/irc", protocol))
    browser.hears(f"open {protocol}")
    browser.says("NICK red", "USER red 0 * :Red", "JOIN #lobby")
    browser.hears("366 red #lobby :End of NAMES")
    blue = Member(server.port("chat-tcp"))
    blue.says("NICK blue", "grüße")
    browser.hears("PRIVMSG #lobby :grüße")
    browser.says("PRIVMSG #lobby :hello from a browser")
    blue.hears("SAID lobby red hello from a browser")
    server.process.send_signal(signal.SIGTERM)
    browser.hears("ERROR :Closing link: 127.0.0.1 (server stopping)")
    browser.hears("closed 1001")
    server.wait()
    blue.close()


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Bench]:
    """Serve over TLS, with a certificate of its own."""
    pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")
    options = ["--tls-demo", "--data", str(tmp_path)]
    command = [str(BIN / "netdemo"), "serve", *free_ports(), *options]
    with serving(*command, ready="SHA-256 ([0-9A-F]{2}:){31}") as server:
        yield server


@pytest.mark.parametrize("program", ["node", "websockets"])
def test_over_tls_it_is_the_same(
    secure: Bench,
    talker: Callable[..., Talker],
    tmp_path: Path,
    program: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``wss://``; with text enough to fill some TLS records."""
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        monkeypatch.setitem(os.environ, name, str(tmp_path / "tls-demo.crt"))
    url = f"wss://localhost:{secure.port('web')}/irc"
    browser = talker(*client(program, url, "text.ircv3.net"))
    browser.hears("open text.ircv3.net")
    browser.says("NICK red", "USER red 0 * :Red", "CAP REQ :echo-message", "JOIN #room")
    browser.hears("366 red #room :End of NAMES")
    for n in range(60):
        browser.says(f"PRIVMSG #room :{n} {'x' * 400}")
    browser.hears(f"PRIVMSG #room :59 {'x' * 400}")
    browser.says("QUIT :done")
    browser.hears("closed 1000")
    said = [line for line in browser.heard if line.startswith("PRIVMSG")]
    assert said == [f"PRIVMSG #room :{n} {'x' * 400}" for n in range(60)]


def test_browsers_that_do_not_read_cost_nobody_anything(bench: Start) -> None:
    """They are dropped with a reason that the room hears; the server grows by a bounded amount."""
    server = bench("--chat-queue", "65536", "--chat-rate", "0")
    silent: list[socket.socket] = []
    talkers = [Member(server.port("chat-tcp")) for _ in range(2)]
    for n, each in enumerate(talkers):
        each.says(f"NICK t{n}")
    for n in range(10):
        browser = Client()
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(PATIENCE)
        made.connect(("127.0.0.1", server.port("web")))
        lines = (f"NICK s{n}", f"USER s{n} 0 * :s", "JOIN #lobby")
        made.sendall(asking("/irc", "text.ircv3.net") + browser.says(*lines))
        silent.append(made)
    for n in range(10):
        talkers[0].hears(rf"JOINED lobby s{n}")
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    heard = talkers[0].heard
    for n in range(2000):
        talkers[1].says(f"{n} {'x' * 900}")
        talkers[0].hears(rf"SAID lobby t1 {n} x+")
        if sum(line.endswith("send queue full") for line in heard) == len(silent):
            break
    else:
        raise AssertionError("those who do not read are still there")
    assert process.memory_info().rss - before < 8 << 20
    for each_socket in silent:
        each_socket.close()
    for each in talkers:
        each.close()
    server.stop()
