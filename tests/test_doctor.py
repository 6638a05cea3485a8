"""Tests of `twisted_net.doctor`, without a socket."""

import contextlib
import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import DatagramProtocol, Factory

from twisted_net import doctor
from twisted_net.net import endpoints
from twisted_net.net.errors import StartError
from twisted_net.net.service import Door, Runtime
from twisted_net.net.settings import setting
from twisted_net.settings import BenchSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """One door's address."""

    udp: str = setting("", "Where.", endpoints.reading("datagram"))


class Quote:
    """A service with a door of each kind."""

    name = "quote"
    summary = "One line of text."
    settings = Settings

    def __init__(self, *doors: Door, trouble: str = "") -> None:
        self._doors = doors
        self._trouble = trouble

    def doors(self, settings: Any, runtime: Runtime) -> list[Door]:
        """Make the doors, or say why not."""
        if self._trouble:
            raise StartError(self._trouble)
        return list(self._doors)


def found(service: Quote) -> dict[str, tuple[bool, str]]:
    """Return what is found, by what was looked at."""
    settings = {BenchSettings: BenchSettings(), Settings: Settings()}
    findings = doctor.examine(settings, [service])  # type: ignore[list-item]
    return {each.what: (each.ok, each.text) for each in findings}


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take UDP port 7018, and let every other port be free."""

    def bound(kind: str, host: str, port: int) -> Any:
        if (kind, port) == ("udp", 7018):
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return contextlib.nullcontext()

    monkeypatch.setattr(doctor, "_bound", bound)
    monkeypatch.setattr(doctor, "owner", lambda kind, port: "pid 42: other")


def test_each_door_is_looked_at() -> None:
    """Free, taken and by whom, closed, or no port at all."""
    seen = found(
        Quote(
            Door("quote-tcp", "stream", "tcp:7018", Factory()),
            Door("quote-udp", "datagram", "udp:7018", DatagramProtocol()),
            Door("quote-six", "stream", "tcp6:7018", Factory()),
            Door("quote-unix", "stream", "unix:/run/quote", Factory()),
            Door("quote-closed", "stream", "", Factory()),
        )
    )
    assert seen["quote"] == (True, "One line of text.")
    assert {what: each for what, each in seen.items() if what.startswith("quote-")} == {
        "quote-tcp": (True, "tcp 127.0.0.1:7018 is free"),
        "quote-udp": (False, "udp 127.0.0.1:7018: address already in use by pid 42: other"),
        "quote-six": (True, "tcp [::1]:7018 is free"),
        "quote-unix": (True, "unix:/run/quote: not a port, not looked at"),
        "quote-closed": (True, "closed"),
    }


def test_a_certificate_that_is_none_is_found(tmp_path: Path) -> None:
    """The demo's is made by the server; the port is looked at in any case."""
    pytest.importorskip("OpenSSL")
    (tmp_path / "junk.pem").write_bytes(b"junk")
    texts = {
        "junk": f"ssl:7017:privateKey={tmp_path}/junk.pem",
        "empty": f"tls:{tmp_path}/none:7017",
        "demo": f"ssl:7017:privateKey={tmp_path}/tls-demo.pem",
    }
    seen = found(Quote(*(Door(name, "stream", text, Factory()) for name, text in texts.items())))
    assert seen["junk"] == (
        False,
        f"{texts['junk']!r}: '{tmp_path}/junk.pem' holds no PEM private key",
    )
    assert seen["empty"][1].endswith("none': no such file or directory")
    assert seen["demo"] == (True, "tcp 127.0.0.1:7017 is free")


def test_two_doors_on_one_port_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone would be fine."""
    held: list[int] = []

    def bound(kind: str, host: str, port: int) -> Any:
        if port in held:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        held.append(port)
        return contextlib.nullcontext()

    monkeypatch.setattr(doctor, "_bound", bound)
    doors = [Door(name, "stream", "tcp:7018", Factory()) for name in ("one", "two")]
    seen = found(Quote(*doors))
    assert seen["one"] == (True, "tcp 127.0.0.1:7018 is free")
    assert seen["two"] == (False, "one and two both want 127.0.0.1:7018")


def test_an_address_that_is_nobodys_has_no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a port in use has one."""

    def bound(kind: str, host: str, port: int) -> Any:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(doctor, "_bound", bound)
    seen = found(Quote(Door("one", "stream", "tcp:7018", Factory())))
    assert seen["one"] == (False, "cannot listen on 127.0.0.1:7018: no such address on this host")


def test_a_door_that_was_not_even_made_is_closed() -> None:
    """A service makes none where all are closed, and people ask where they are."""
    assert found(Quote())["quote-udp"] == (True, "closed")


def test_a_server_that_runs_already_is_named_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    """Once, however many ports it has."""
    by = "address already in use by pid 42: twistd -n netdemo"
    doctor._advise([doctor.Finding(False, "a", by), doctor.Finding(False, "b", by)])
    doctor._advise([doctor.Finding(False, "a", "address already in use by pid 43: nginx")])
    assert capsys.readouterr().out == "netdemo is already running (pid 42)\n"


def test_a_service_that_cannot_serve_says_why() -> None:
    """The folder is not there, say; the other services are looked at all the same."""
    seen = found(Quote(trouble="--files-root '/nope': no such directory"))
    assert seen["quote"] == (False, "--files-root '/nope': no such directory")


def test_the_plug_in_and_the_versions_are_told() -> None:
    """What a report of a problem needs."""
    seen = found(Quote())
    assert seen["plug-in"][0]
    assert re.fullmatch(r"reactor: .+; stream transports: .+", seen["speed"][1])
    assert seen["versions"][1].startswith("Python 3.")


def test_a_plug_in_that_twistd_does_not_see_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most common trouble with an installation of one's own."""
    monkeypatch.setattr(doctor, "getPlugins", lambda _: [])
    ok, text = found(Quote())["plug-in"]
    assert not ok
    assert "does not see netdemo" in text
