"""Tests of `twisted_net.limits`, without a socket."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner
from twisted.internet.protocol import DatagramProtocol, Factory

from twisted_net.limits import Allowed, Own, allowed, limits, own
from twisted_net.net.descriptors import capped, room_for
from twisted_net.net.limits import LimitSettings, Room
from twisted_net.net.service import Door, Runtime
from twisted_net.net.settings import Group, setting, whole


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service of a third party bounds."""

    words: int = setting(3, "Words a day.", whole(1, 9), limit=True)
    colour: str = setting("red", "Bounds nothing.")


class Quote:
    """A service of a third party."""

    name = "quote"
    settings = Settings

    def doors(self, settings: Any, runtime: Runtime) -> list[Door]:
        """Make doors that leave all to the bench, or nothing, and one that is closed."""
        return [
            Door("quote-tcp", "stream", "tcp:7017", Factory()),
            Door("own-tcp", "stream", "tcp:7018", Factory(), first=None, idle=None),
            Door("quote-udp", "datagram", "udp:7017", DatagramProtocol()),
            Door("closed", "stream", "", Factory()),
        ]


def test_what_holds_at_a_third_partys_door_is_shown_too() -> None:
    """The assembly sees to it; a closed door has no limits."""
    bounds = LimitSettings(max_conns=99, first_message=7.0, max_send_queue=65536, udp_rate=5)
    settings = {LimitSettings: bounds, Settings: Settings()}
    found: Any = [Quote()]
    assert list(allowed(settings, Room(40, 104), found)) == [
        Allowed("quote-tcp", "tcp:7017", 40, 40, 7.0, 300.0, 65536),
        Allowed("own-tcp", "tcp:7018", 40, 40, None, None, 65536),
        Allowed("quote-udp", "udp:7017", datagrams=5),
    ]


def test_a_limit_of_0_is_none() -> None:
    """It is shown as none, too."""
    bounds = LimitSettings(first_message=0.0, udp_rate=0)
    found: Any = [Quote()]
    settings = {LimitSettings: bounds, Settings: Settings()}
    shown = list(allowed(settings, Room(1024, None), found))
    assert [(each.first_message, each.datagrams) for each in shown] == [(None, None)] * 3


def test_a_services_own_limits_are_shown_under_the_names_of_their_options() -> None:
    """And nothing that is no limit."""
    groups = [Group("quote", Settings, "quote-")]
    assert list(own({Settings: Settings(words=5)}, groups)) == [
        Own("--quote-words", 5, "Words a day.")
    ]


def test_people_see_a_table_and_programs_an_object_a_line() -> None:
    """Of the same."""
    shown = CliRunner().invoke(limits, ["--max-conns-per-peer", "7", "--udp-rate", "0"])
    assert shown.exit_code == 0
    rows = [line.split() for line in shown.output.splitlines()]
    assert rows[0][:2] == ["door", "connections"]
    assert [row[2] for row in rows if row and row[0] == "echo-tcp"] == ["7"]
    lines = CliRunner().invoke(limits, ["--json", "--echo-udp", ""]).output.splitlines()
    doors = [json.loads(line) for line in lines]
    assert "echo-udp" not in [each.get("door") for each in doors]
    assert doors[0]["door"] == "echo-tcp"
    assert {tuple(each) for each in doors} == {
        tuple(Allowed.__dataclass_fields__),
        tuple(Own.__dataclass_fields__),
    }


def test_too_few_descriptors_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the start of the server."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 1024))
    assert capped(room_for(5000)) == "capped to 960 (RLIMIT_NOFILE 1024)"
    shown = CliRunner().invoke(limits, ["--max-conns", "5000"])
    assert shown.output.endswith("\nconnections are capped to 960 (RLIMIT_NOFILE 1024)\n")


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--max-conns", "-1", "need a whole number 1-100000"),
        ("--max-conns", "1e3", "need a whole number 1-100000"),
        ("--max-conns", "١٢", "need a whole number 1-100000"),
        ("--first-message", "nan", "need seconds, 0-86400"),
        ("--files-root", "/nope/nowhere", "no such directory"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_line(option: str, value: str, why: str) -> None:
    """With the option, the value and what would make sense."""
    shown = CliRunner().invoke(limits, [option, value])
    assert shown.exit_code
    assert shown.output.startswith(f"netdemo: {option} {value!r}: ")
    assert why in shown.output
    assert len(shown.output.splitlines()) == 1
