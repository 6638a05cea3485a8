"""How to run the whole: the settings of the bench, beside those of its services."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from twisted_net.net import endpoints
from twisted_net.net.limits import LimitSettings
from twisted_net.net.proxied.doors import NOBODY, READING, Believed
from twisted_net.net.service import INetService
from twisted_net.net.settings import YES_NO, Group, Reading, one_of, seconds, setting, whole
from twisted_net.net.transports import KeepAlive
from twisted_net.registry import group

_SPIN = re.compile(r"([0-9]{1,6}(?:[.][0-9]{1,6})?)(us|ms|s)", re.ASCII)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def _keepalive(text: str) -> KeepAlive | None:
    if text == "off":
        return None
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise ValueError("need IDLE:INTERVAL:COUNT, as 60:10:3, or off")
    if not all(1 <= int(part) <= 32767 for part in parts):
        raise ValueError("need three numbers 1-32767, or off")
    return KeepAlive(*(int(part) for part in parts))


def _spin(text: str) -> float:
    match = _SPIN.fullmatch(text)
    value = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not (text == "0" or (match and value <= 1)):
        raise ValueError("need a time up to 1s, as 50us or 1ms, or 0")
    return value


def _as_spin(value: float) -> str:
    return f"{value * 1e6:g}us" if value else "0"


@dataclass(frozen=True, slots=True)
class BenchSettings:
    """How to run the whole, whatever its services are."""

    interface: str = setting(
        "127.0.0.1",
        "Every door that names no address of its own listens on this one.",
        Reading("ADDRESS", endpoints.address),
    )
    grace: float = setting(5.0, "How long a stop waits for what is in flight.", seconds(0, 86400))
    transports: str = setting(
        "fast",
        "What doors run on: our fast transports, where they can be, or Twisted's own.",
        one_of("fast", "stock"),
    )
    spin: float = setting(
        0.0,
        "Look for events so long before sleeping: faster, and a core is always busy.",
        Reading("TIME", _spin, _as_spin),
    )
    workers: int = setting(1, "Processes that serve; each has the limits to itself.", whole(1, 64))
    proxy_from: Believed = setting(
        NOBODY,
        "Proxies that say with a PROXY header for whom they connect; all limits count that peer.",
        READING,
    )
    tls_demo: bool = setting(
        False, "Speak TLS at every TCP door, with a certificate that nobody has signed.", YES_NO
    )
    data: str = setting(
        "",
        "The folder for what the server keeps; empty: that of systemd's, or one of the user's.",
        Reading("FOLDER", os.path.expanduser),
    )
    keepalive: KeepAlive | None = setting(
        KeepAlive(60, 10, 3),
        "Ask silent TCP peers if they live, after IDLE s, every INTERVAL s, COUNT times; or off.",
        Reading("IDLE:INTERVAL:COUNT", _keepalive),
    )


def groups(found: Sequence[INetService]) -> list[Group]:
    """Return all settings there are: the bench's own, then each service's."""
    own = [Group("", BenchSettings), Group("limits", LimitSettings)]
    return own + [group(service) for service in found]


def data_folder(bench: BenchSettings) -> Path:
    """Return the folder for what the server keeps; it need not be there yet."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if bench.data or given:
        return Path(bench.data or given)
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "netdemo"
