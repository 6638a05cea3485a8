"""Tests of `twisted_net.announce`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import DatagramProtocol, Factory

from twisted_net import announce
from twisted_net.assembly import OpenDoor
from twisted_net.net import endpoints
from twisted_net.net.service import Door
from twisted_net.net.settings import setting


def opened(address: Any, paste: str = "", kind: Any = "stream") -> OpenDoor:
    """Return a door that listens on this address."""
    port = type("Port", (), {"getHost": lambda _: address})()
    return OpenDoor(Door("quote-tcp", kind, "tcp:1", Factory(), paste=paste), port, None)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shell find netdemo."""
    monkeypatch.setattr("shutil.which", lambda _: "/bin/netdemo")


@pytest.mark.parametrize(
    ("address", "paste", "row"),
    [
        (IPv4Address("TCP", "127.0.0.1", 7), "", "127.0.0.1:7  nc 127.0.0.1 7"),
        (IPv4Address("TCP", "0.0.0.0", 7), "", "0.0.0.0:7  nc 127.0.0.1 7"),  # noqa: S104
        (IPv6Address("TCP", "::", 7), "curl tftp://{address}/x", "[::]:7  curl tftp://[::1]:7/x"),
        (
            IPv4Address("TCP", "127.0.0.1", 7),
            "curl -d '{}' {host}",
            "127.0.0.1:7  curl -d '{}' 127.0.0.1",
        ),
        (UNIXAddress(b"/run/x"), "nc {host} {port}", "unix:/run/x  nc -U /run/x"),
        (
            IPv4Address("TCP", "192.0.2.1", 7),
            "netdemo echo -s {address} x",
            "192.0.2.1:7  netdemo echo -s 192.0.2.1:7 x",
        ),
    ],
)
def test_the_line_to_paste_goes_to_where_the_door_listens(
    address: Any, paste: str, row: str
) -> None:
    """An address that means "everywhere" becomes one that a client can be given."""
    assert announce.table([opened(address, paste)])[1].split() == ["quote-tcp", *row.split()]


@pytest.mark.parametrize(
    ("endpoint", "paste", "shown"),
    [
        ("ssl:7", "", "openssl s_client -quiet -connect 127.0.0.1:7"),
        ("tls:/etc/keys:7", "nc -N {host} {port}", "openssl s_client -quiet -connect 127.0.0.1:7"),
        ("ssl:7", "http://{address}/x", "https://127.0.0.1:7/x"),
        ("ssl:7", "netdemo get -s {address} x", "netdemo get --tls -s 127.0.0.1:7 x"),
        (
            "ssl:7:privateKey=/d r/tls-demo.pem",
            "netdemo chat {address}",
            "netdemo chat --tls --ca '/d r/tls-demo.crt' 127.0.0.1:7",
        ),
    ],
)
def test_the_line_to_paste_speaks_tls_where_the_door_does(
    endpoint: str, paste: str, shown: str
) -> None:
    """And takes the demo certificate where that is what will be shown."""
    door = opened(IPv4Address("TCP", "127.0.0.1", 7), paste)
    door = replace(door, door=replace(door.door, endpoint=endpoint))
    assert announce.table([door])[1].partition("127.0.0.1:7  ")[2] == shown


def test_what_there_is_to_know_beside_the_doors_is_shown() -> None:
    """A fingerprint, say."""
    shown = announce.show([opened(IPv4Address("TCP", "127.0.0.1", 7))], notes=["SHA-256 AB:CD"])
    assert "\n  SHA-256 AB:CD\n" in shown


@dataclass(frozen=True, slots=True)
class ClosedByDefault:
    """Settings of a door that is there for whoever wants it."""

    tcp: str = setting("", "Where it listens.", endpoints.reading("stream"))


def test_a_door_that_is_closed_by_default_is_shown_when_it_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has no port where clients would ask without being told."""
    service = type("Service", (), {"name": "quote", "settings": ClosedByDefault})()
    monkeypatch.setattr(announce, "BUILT_IN", (service,))
    door = opened(IPv4Address("TCP", "127.0.0.1", 7), "netdemo quote --server {address}")
    assert announce.table([door])[1].endswith("netdemo quote --server 127.0.0.1:7")


def test_a_datagram_door_without_a_line_of_its_own_gets_one() -> None:
    """Nc speaks UDP too."""
    door = opened(IPv4Address("UDP", "127.0.0.1", 7), kind="datagram")
    assert announce.table([door])[1].endswith("nc -u 127.0.0.1 7")


def test_where_the_shell_would_not_find_netdemo_its_path_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A checkout's own environment is not on anybody's PATH; once is enough to say so."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "netdemo").touch()
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin" / "python"))
    door = opened(IPv4Address("TCP", "127.0.0.1", 7), "netdemo echo x")
    assert "netdemo is /" not in announce.show([door])
    monkeypatch.setattr("shutil.which", lambda _: None)
    shown = announce.show([door]).splitlines()
    assert shown[-3].endswith("  netdemo echo x")
    assert shown[-2:] == ["", f"  netdemo is {tmp_path}/bin/netdemo"]
    plain = opened(IPv4Address("TCP", "127.0.0.1", 7), "nc {host} {port}")
    assert "netdemo is /" not in announce.show([plain])


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        (IPv4Address("TCP", "127.0.0.1", 7009), ""),
        (IPv4Address("TCP", "0.0.0.0", 7009), ""),  # noqa: S104
        (IPv4Address("TCP", "127.0.0.1", 7010), " --server 127.0.0.1:7010"),
        (IPv4Address("TCP", "192.0.2.1", 7009), " --server 192.0.2.1:7009"),
        (IPv6Address("TCP", "::1", 7009), " --server [::1]:7009"),
    ],
)
def test_a_client_is_not_told_what_it_knows(address: Any, asked: str) -> None:
    """A line without the default address fits a terminal."""
    port = type("Port", (), {"getHost": lambda _: address})()
    paste = "netdemo get --server {address} hello.txt"
    door = OpenDoor(Door("files-tcp", "stream", "tcp:1", Factory(), paste=paste), port, None)  # type: ignore[arg-type]
    assert announce.table([door])[1].endswith(f"  netdemo get{asked} hello.txt")


def test_a_door_that_is_closed_by_default_is_shown_where_it_was_opened() -> None:
    """It has no default address that a client would ask at."""
    port = type("Port", (), {"getHost": lambda _: IPv4Address("UDP", "127.0.0.1", 2425)})()
    door = Door("ipmsg", "datagram", "udp:2425", DatagramProtocol(), paste="iptux")
    shown = announce.table([OpenDoor(door, port, None)])  # type: ignore[arg-type]
    assert shown[1] == "  ipmsg  127.0.0.1:2425  iptux"


def test_a_bench_without_a_door_says_so() -> None:
    """It runs, but nobody can use it."""
    assert announce.show([]) == "netdemo listens nowhere: every door is closed"
