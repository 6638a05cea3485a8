"""The demo certificate as users meet it: real clients against doors that speak TLS."""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import (
    BIN,
    PATIENCE,
    Bench,
    free_ports,
    netdemo,
    peer,
    run,
    serving,
    until,
)

pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the server keeps what it keeps."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Bench]:
    """Serve over TLS."""
    options = ["--tls-demo", "--data", str(folder), "--proxy-from", "127.0.0.9"]
    command = [str(BIN / "netdemo"), "serve", *free_ports(), *options]
    with serving(*command, ready="SHA-256 ([0-9A-F]{2}:){31}") as server:
        yield server


def test_curl_checks_the_certificate(server: Bench, folder: Path) -> None:
    """By its file, for the name and for the address; and behind a proxy's header."""
    curl = [peer("curl", "curl"), "--silent", "--show-error", "--output", "/dev/null"]
    believing = [*curl, "--cacert", str(folder / "tls-demo.crt")]
    port = server.port("web")
    for host in ("localhost", "127.0.0.1"):
        assert run(*believing, f"https://{host}:{port}/").returncode == 0
    refused = run(*curl, f"https://localhost:{port}/")
    assert b"certificate" in refused.stderr
    proxied = ("--haproxy-protocol", "--interface", "127.0.0.9", f"https://localhost:{port}/")
    assert run(*believing, *proxied).returncode == 0


@pytest.mark.slow
def test_our_clients_check_the_certificate(server: Bench, folder: Path) -> None:
    """With --ca the server's own, with --tls alone those of the system."""
    where = f"127.0.0.1:{server.port('echo-tcp')}"
    asked = netdemo("echo", "--ca", str(folder / "tls-demo.crt"), "-s", where, "hello")
    assert (asked.stdout, asked.returncode) == (b"hello\n", 0)
    refused = netdemo("echo", "--tls", "-s", where, "hello")
    assert (refused.stdout, refused.returncode) == (b"", 3)
    assert (
        refused.stderr
        == (
            f"netdemo: no TLS with {where}: nobody whom we trust has signed its certificate;"
            " --ca FILE names who has, --insecure takes any\n"
        ).encode()
    )


@pytest.mark.slow
def test_every_client_speaks_tls(server: Bench, tmp_path: Path, folder: Path) -> None:
    """Chat, files over lines and over HTTPS, and the probe."""
    trust = ("--ca", str(folder / "tls-demo.crt"))
    files, web = (f"127.0.0.1:{server.port(door)}" for door in ("files-tcp", "web"))
    got = netdemo("get", *trust, "-s", files, "hello.txt", "-o", "-")
    again = netdemo("get", *trust, f"https://{web}/files/hello.txt", "-o", "-")
    assert got.stdout.startswith(b"Hello!")
    assert got.stdout == again.stdout
    assert b"hello.txt" in netdemo("ls", *trust, "-s", files).stdout
    assert b"hello.txt" in netdemo("ls", *trust, f"https://{web}/files/").stdout
    chat = f"localhost:{server.port('chat-tcp')}"
    said = netdemo("chat", "--insecure", "--nick", "red", chat, "--json", stdin=b"/who\n")
    assert (said.returncode, b"red" in said.stdout) == (0, True)
    probed = f"localhost:{server.port('echo-tcp')}"
    ping = netdemo("ping", *trust, "-c", "3", "-i", "0.01", probed)
    assert (ping.returncode, b"3 sent, 3 answered" in ping.stdout) == (0, True)
    for words in (["ping", "--udp", "--tls"], ["get", "--tftp", "--tls", "x"]):
        assert netdemo(*words).stderr == b"netdemo: --tls: there is none over UDP; leave it out\n"


@pytest.mark.slow
def test_a_new_certificate_is_shown_to_who_comes_then(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    """Without a restart, and the connections that there are go on."""
    from twisted_net.net.tls.demo import demo

    path = tmp_path / "tls-demo.pem"
    demo(tmp_path, "127.0.0.1", 1_790_000_000.0)
    server = bench("--echo-tcp", f"ssl:0:privateKey={path}")
    number = int(server.wait_for(r"echo-tcp\s+127.0.0.1:(\d+)")[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with _connected(context, number) as old:
        old.sendall(b"first words")  # or it would be cut for having said nothing
        assert old.recv(11) == b"first words"
        demo(tmp_path / "new", "127.0.0.1", 1_790_000_000.0).private.replace(path)
        server.wait_for("listening")
        seen = old.getpeercert(True)
        until(lambda: _shown(context, number) != seen, "another is shown")
        server.wait_for("echo-tcp: new certificate, SHA-256 ")
        old.sendall(b"still here")
        assert old.recv(10) == b"still here"


def _shown(context: ssl.SSLContext, port: int) -> bytes | None:
    with _connected(context, port) as made:
        return made.getpeercert(True)


def _connected(context: ssl.SSLContext, port: int) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    return context.wrap_socket(plain)
