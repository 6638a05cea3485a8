"""The server that is measured, started as a user starts it: `netdemo serve`."""

import subprocess
import sys
from pathlib import Path

from bench.processes import MissingError
from twisted_net import registry
from twisted_net.settings import groups

#: The folder of the commands that were installed with this Python.
BIN = Path(sys.executable).parent

#: Limits that a bench does not reach. They are asked for each connection and datagram all the same.
_ROOM = ("--max-conns=50000", "--max-conns-per-peer=50000", "--udp-rate=100000000")

#: Seconds that a help text may take.
PATIENCE = 60.0


def serve(*options: str) -> list[str]:
    """Return the command that serves with every door on a port that the kernel chooses."""
    described = [each for group in groups(registry.BUILT_IN) for each in group]
    doors = [each for each in described if each.reading.metavar == "ENDPOINT" and each.default]
    ports = [f"--{each.option}={each.default.partition(':')[0]}:0" for each in doors]
    return [_netdemo(), "serve", "--quiet", *ports, *_ROOM, *options]


def serve_with(option: str, value: str) -> list[str]:
    """Return the same with an option.

    :raises MissingError: ``netdemo serve`` has no such option.
    """
    helped = subprocess.run(
        [_netdemo(), "serve", "--help"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    if option not in helped.stdout.split():
        raise MissingError(f"netdemo serve has no option {option}")
    return serve(f"{option}={value}")


def _netdemo() -> str:
    command = BIN / "netdemo"
    if not command.exists():
        raise MissingError(f"no netdemo beside {sys.executable}; make .venv/installed")
    return str(command)
