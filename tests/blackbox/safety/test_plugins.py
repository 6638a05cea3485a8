"""Services of others that are broken, in every way that there is."""

import os
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.conftest import BIN, Bench, free_ports, run
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.watching import connected, counted, to_the_end, until

pytestmark = pytest.mark.slow

SERVICE = """
    from dataclasses import dataclass
    from twisted.internet.protocol import Factory, Protocol
    from twisted.plugin import IPlugin
    from zope.interface import implementer
    from twisted_net.net.endpoints import reading
    from twisted_net.net.service import Door, INetService
    from twisted_net.net.settings import setting

    @dataclass(frozen=True, slots=True)
    class Settings:
        tcp: str = setting("tcp:0", "Where.", reading("stream"))

    class Asked(Protocol):
        def dataReceived(self, data):
            {received}

    @implementer(IPlugin, INetService)
    class Service:
        name = "{name}"
        summary = "One of others."
        settings = Settings
        commands = {{}}

        def doors(self, settings, runtime):
            {made}
            return [Door("{name}-tcp", "stream", settings.tcp, Factory.forProtocol(Asked))]

    service = Service()
"""

FINE = {"received": "self.transport.write(data)", "made": "pass"}


def install(folder: Path, distribution: str, source: str) -> None:
    """Put a distribution with one service into a folder of modules."""
    module = distribution.replace("-", "_")
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[twisted_net.services]\n{module} = {module}:service\n")


def service(name: str, **parts: str) -> str:
    """Return the source of a service."""
    return textwrap.dedent(SERVICE.format(name=name, **{**FINE, **parts}))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Start a server where six distributions of others are installed; one of them is sound."""
    folder = tmp_path_factory.mktemp("others")
    install(folder, "cannot-import", "import no_such_module")
    install(folder, "cannot-make", service("maker", made="raise RuntimeError('no door today')"))
    install(folder, "cannot-receive", service("boom", received="raise RuntimeError('boom')"))
    install(folder, "one-of-two", service("twin"))
    install(folder, "two-of-two", service("twin"))
    install(folder, "takes-echo", service("echo"))
    install(folder, "sound", service("sound"))
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    command = [str(BIN / "twistd"), "-n", "--pidfile=", "netdemo", *free_ports()]
    made = Bench(
        [*command, "--max-conns-per-peer=4"], cwd=folder, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        made.wait_for("netdemo is listening")
        yield made
    finally:
        made.stop()


def lines_about(server: Bench, words: str) -> list[str]:
    """Return the lines of the log that contain some words."""
    return [line for line in server.output if words in line]


TROUBLES = {
    "cannot-import 1.0": "ModuleNotFoundError",
    "'maker'": "no door today",
    "'twin'": "using none",
    "takes-echo 1.0": "netdemo's own",
}


@pytest.mark.parametrize("who", TROUBLES)
def test_what_is_broken_is_one_line(who: str, server: Bench, shows: Shows) -> None:
    """R30: It says who, and why; nothing of it is there, and the server is."""
    said = lines_about(server, who)
    shows("the server starts; one line that names it", f"{who}: {len(said)}")
    assert len(said) == 1
    assert TROUBLES[who] in said[0]
    assert "maker-tcp" not in server.text
    assert "twin-tcp" not in server.text


def test_both_of_two_with_one_name_are_told(server: Bench, shows: Shows) -> None:
    """R30: Whoever installed them has to choose; neither is used."""
    (said,) = lines_about(server, "duplicate name")
    both = [each for each in ("one-of-two", "two-of-two") if each in said]
    shows("a duplicate name: both named, none used", both)
    assert len(both) == 2


def test_one_that_raises_loses_its_connection_only(server: Bench, shows: Shows) -> None:
    """R30, R22: It is cut; all others go on, and no stranger fills the log with that."""
    began = time.monotonic()
    for _ in range(20):
        with connected(server.port("boom-tcp")) as asker:
            asker.sendall(b"hello")
            assert to_the_end(asker) == b""
    for door in ("echo-tcp", "sound-tcp"):
        with connected(server.port(door)) as asker:
            asker.sendall(b"hello")
            assert asker.recv(5) == b"hello"
    until(lambda: not counted(server, "boom-tcp").get("open"), "all are cut")
    took = time.monotonic() - began
    dropped = counted(server, "boom-tcp").get("dropped crashed")
    told = server.text.count("RuntimeError: boom")
    shows("raises in dataReceived: cut, others unaffected", f"{dropped} cut")
    shows("a traceback a second at most, and the first", f"{told} in {took:.1f} s")
    assert dropped == 20
    assert 1 <= told <= took + 2


def test_a_door_of_others_is_under_the_same_limits(server: Bench, shows: Shows) -> None:
    """R30, R12: It has done nothing for that."""
    held = [connected(server.port("sound-tcp")) for _ in range(4)]
    with connected(server.port("sound-tcp")) as one_more:
        said = to_the_end(one_more)
    for each in held:
        each.close()
    shows("a third party's door: BUSY too", said.decode().strip())
    assert said.startswith(b"ERR 503 BUSY")


def test_the_help_is_not_broken_by_it(server: Bench, shows: Shows) -> None:
    """R30: Nor are the commands; who is sound is in it."""
    environment = {
        name: value.decode()
        for name, _, value in (
            each.partition(b"=")
            for each in Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")
        )
        if name == b"PYTHONPATH"
    }
    path = next(iter(environment.values()))
    done = run("env", f"PYTHONPATH={path}", str(BIN / "twistd"), "netdemo", "--help")
    shows("twistd netdemo --help: whole, no traceback", f"exit {done.returncode}")
    assert done.returncode == 0
    assert b"--sound-tcp=" in done.stdout
    assert b"Traceback" not in done.stdout + done.stderr
