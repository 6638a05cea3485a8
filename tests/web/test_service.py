"""Tests of `twisted_net.web.service`: settings, and the door made from them."""

import platform

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from twisted_net.net.errors import SettingError
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import Group, load
from twisted_net.web import WebFactory, WebSettings
from twisted_net.web.core import is_ours
from twisted_net.web.service import web


def door(**settings: str | float) -> tuple[Door, WebFactory]:
    """Return the one door there is, and what answers behind it."""
    (made,) = web.doors(WebSettings(**settings), Runtime(Clock()))  # type: ignore[arg-type]
    assert isinstance(made.serve, WebFactory)
    return made, made.serve


def test_the_service_is_whole() -> None:
    """The registry would leave it out otherwise."""
    assert verifyObject(INetService, web)


def test_the_door_is_named_as_its_option_and_shows_its_url() -> None:
    """One can paste it; under TLS too."""
    made, _ = door()
    assert (made.name, made.kind, made.endpoint) == ("web", "stream", "tcp:7080")
    assert made.paste == "http://{address}/"
    assert door(tcp="ssl:7443:privateKey=x")[0].paste == "https://{address}/"


def test_one_too_many_is_told_so_in_http() -> None:
    """Browsers show nothing else."""
    made, _ = door()
    assert made.busy.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert made.busy.endswith(b"\r\n\r\n503 too many connections, try again later\n")


def test_names_are_this_host_s_own_and_those_that_were_given() -> None:
    """In any case of letters."""
    _, factory = door(names="Bench.lan, files.example.org")
    own = platform.node().lower()
    for name in ("bench.lan", "files.example.org", own, f"{own}.local", "localhost", "192.0.2.7"):
        assert is_ours(name, factory.names), name
    assert not is_ours("evil", factory.names)


@pytest.mark.parametrize("names", ["bench:7080", "http://bench", "a b", "*", "-x", "café.lan"])
def test_a_name_that_no_host_header_could_have_is_refused(names: str) -> None:
    """At the start, in one line."""
    with pytest.raises(SettingError, match=r"--web-names .*need host names without ports"):
        load([Group("web", WebSettings, "web-")], {"web-names": names}, {})


def test_the_deadline_reaches_the_door() -> None:
    """R7 is a setting."""
    assert door(request=7.0)[1].limits.request == 7.0
