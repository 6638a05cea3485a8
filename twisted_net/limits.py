"""``netdemo limits``: what one peer, and all peers together, may have; said before it is felt."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from twisted.internet.task import Clock

from twisted_net import registry
from twisted_net.doors import doors_of
from twisted_net.net import console
from twisted_net.net.descriptors import capped, room_for
from twisted_net.net.errors import NetError
from twisted_net.net.guards import patience_of
from twisted_net.net.limits import LimitSettings, Room
from twisted_net.net.options import Sectioned, setting_options
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import Group, load
from twisted_net.net.table import columns
from twisted_net.settings import groups

_found = registry.services()


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the peers of one door may have; None: any amount, or it makes no sense there.

    :ivar first_message: seconds from the connection to the first message.
    :ivar idle: seconds without a byte.
    :ivar send_queue: bytes that may wait for one peer.
    :ivar datagrams: a second and source.
    """

    door: str
    endpoint: str
    connections: int | None = None
    connections_per_peer: int | None = None
    first_message: float | None = None
    idle: float | None = None
    send_queue: int | None = None
    datagrams: int | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """A limit that one service has beside these."""

    option: str
    value: Any
    meaning: str


@click.command(cls=Sectioned)
@setting_options(groups(_found))
@console.as_json
def limits(config: Path | None, given: Mapping[str, str], as_json: bool) -> None:
    """Show the limits of every door, as they would hold.

    Takes the same options as serve, and serves nothing. Connections are what the descriptors
    of this process leave room for: a server that is started elsewhere may have more or fewer.

    \b
      netdemo limits
      netdemo limits --max-conns 5000 --first-message 10
    """
    try:
        settings = load(groups(_found), given, os.environ, config)
        room = room_for(settings[LimitSettings].max_conns)
        doors = list(allowed(settings, room))
    except NetError as error:
        console.fail(error)
    others = list(own(settings))
    if as_json:
        for record in [asdict(each) for each in doors] + [asdict(each) for each in others]:
            console.say("", record, True)
    else:
        click.echo("\n".join([*_table(doors), "", *_rows(others)]))
        if room.connections < settings[LimitSettings].max_conns:
            click.echo(f"\nconnections are {capped(room)}")


def allowed(
    settings: Mapping[type[Any], Any], room: Room, found: Sequence[INetService] = _found
) -> Iterator[Allowed]:
    """Yield what the assembly allows at each door that is open."""
    runtime = Runtime(Clock())  # the doors stay closed
    for service in found:
        for door in doors_of(service, settings, runtime):
            if door.endpoint:
                yield _at(door, settings[LimitSettings], room)


def _at(door: Door, limits: LimitSettings, room: Room) -> Allowed:
    if door.kind == "datagram":
        return Allowed(door.name, door.endpoint, datagrams=limits.udp_rate or None)
    return Allowed(
        door.name,
        door.endpoint,
        room.connections,
        min(limits.max_conns_per_peer, room.connections),
        None if door.first is None else patience_of(door, limits.first_message or None).first,
        door.idle,
        limits.max_send_queue,
    )


def own(
    settings: Mapping[type[Any], Any], described: Sequence[Group] | None = None
) -> Iterator[Own]:
    """Yield the limits that services have of their own."""
    for group in groups(_found) if described is None else described:
        for each in group:
            if each.limit:
                value = getattr(settings[group.settings], each.key)
                yield Own(f"--{each.option}", value, each.help)


def _table(doors: Sequence[Allowed]) -> list[str]:
    heads = ("door", "connections", "of one peer", "first message", "idle", "unsent", "datagrams")
    return columns([heads, *map(_row, doors)])


def _row(each: Allowed) -> tuple[str, ...]:
    return (
        each.door,
        _shown(each.connections),
        _shown(each.connections_per_peer),
        _shown(each.first_message, " s"),
        _shown(each.idle, " s"),
        "-" if each.send_queue is None else _bytes(each.send_queue),
        _shown(each.datagrams, "/s"),
    )


def _rows(others: Sequence[Own]) -> list[str]:
    return columns([(each.option, str(each.value), each.meaning) for each in others])


def _shown(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:g}{unit}" if value < 1e6 else f"{value:.0f}{unit}"


def _bytes(count: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} B"
