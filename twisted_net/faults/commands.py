"""``netdemo break``: a proxy in front of any server, which breaks what it passes on."""

import secrets
import signal
from dataclasses import replace
from typing import Any

import click
from twisted.internet.defer import Deferred

from twisted_net.faults.console import Console
from twisted_net.faults.core.breakage import DATAGRAM_IDLE, MOST, ROOM, STREAM_IDLE, Breakage
from twisted_net.faults.proxy import Proxy, kind_of, parse_listen, parse_server
from twisted_net.faults.shown import Shown
from twisted_net.net import console, descriptors
from twisted_net.net.errors import NetError
from twisted_net.net.settings import seconds, size, whole

#: Seeds that are drawn are short enough to be typed again.
DRAWN_SEEDS = 1_000_000


@click.command("break")
@click.argument("listen")
@click.argument("target")
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@click.option(
    "--seed",
    type=console.Read(whole(0, 10**18)),
    metavar="N",
    help="What is left to chance; the same seed does the same again.  [default: drawn, and shown]",
)
@click.option(
    "--duration",
    type=console.Read(seconds(0.001, 10**8)),
    metavar="SECONDS",
    help="End after so long.",
)
@click.option(
    "--buffer",
    "room",
    type=console.Read(size(4096, 1 << 30)),
    default=ROOM,
    metavar="BYTES",
    help="How much may be under way in one direction of one connection.  [default: 1MiB]",
)
@click.option(
    "--max-conns",
    "most",
    type=console.Read(whole(1, 100_000)),
    default=MOST,
    show_default=True,
    metavar="N",
    help="Connections, or clients over UDP, at one time.",
)
@click.option(
    "--idle",
    type=console.Read(seconds(0.1, 86400)),
    metavar="SECONDS",
    help="Silence after which a connection is cut, or a client over UDP forgotten."
    f"  [default: {STREAM_IDLE:g}; UDP {DATAGRAM_IDLE:g}]",
)
@console.as_json
@console.patience
@console.debug
@click.option("--quiet", "-q", is_flag=True, help="Print the totals only.")
def break_(
    listen: str,
    target: str,
    rules: tuple[str, ...],
    seed: int | None,
    duration: float | None,
    room: int,
    most: int,
    idle: float | None,
    as_json: bool,
    patience: float,
    debug: bool,
    quiet: bool,
) -> None:
    """Pass everything on to a server, and break it on the way.

    LISTEN is an endpoint string, tcp:9000 or udp:9000 (on 127.0.0.1 unless it names another
    interface; port 0: any). TARGET is HOST:PORT, any server of the same kind. A RULE is a word and
    a value, loss=10%; to-server: or to-client: before it names the direction, else it is both.

    \b
      delay jitter              TIME   later; jitter by up to so much
      loss                      SHARE  lost; of a stream: late, as if TCP had sent it again
      corrupt                   SHARE  one bit is turned over
      bandwidth                 RATE   bytes a second
      blackhole                 AFTER  swallowed
      only                      SHARE  of the connections that suffer at all
    Streams:
      size gap                  BYTES, TIME  cut into pieces; between two of them
      split merge               SHARE, TIME  cut somewhere; wait, so that pieces stick together
      slow-reader               RATE   read from the sender no faster; without a value: never
      half-close close reset    AFTER  end one half, end both, break off
    Datagrams:
      duplicate reorder         SHARE  twice; held back by up to reorder-delay=TIME
      queue                     BYTES  that may wait for the bandwidth; the rest is dropped

    TIME is 50ms or 1.5s, SHARE 10% or 0.1, RATE and BYTES 512 or 64KiB; AFTER is bytes of that
    direction or a time, and nothing: at once.

    While it runs, standard input takes rules, one or more a line; a rule with the value off is
    taken back. So does clear with all of them. list shows them, totals the numbers, quit ends it.

    \b
      netdemo break tcp:9000 127.0.0.1:7007 delay=100ms to-client:size=1
      netdemo break udp:9000 127.0.0.1:7007 loss=10% jitter=20ms --seed 7
      netdemo break tcp:9000 example.org:80 to-client:reset=64KiB only=50%
    """
    seed = secrets.randbelow(DRAWN_SEEDS) if seed is None else seed
    show = Shown(as_json, quiet)
    try:
        endpoint = parse_listen(listen)
        kind = kind_of(listen)
        server = parse_server(target, kind)
        most = _fitting(most, 2 if kind == "stream" else 1)
        breakage = Breakage(kind, rules, seed, show.event, room=room, most=most, idle=idle)
    except NetError as error:
        console.fail(error)
    show.breakage = breakage

    async def main(reactor: Any) -> None:
        await _break(reactor, Proxy(reactor, endpoint, server, breakage), show, patience, duration)

    console.run(main, debug)


async def _break(
    reactor: Any, proxy: Proxy, show: Shown, patience: float, duration: float | None
) -> None:
    """Let a proxy work until it is told to end.

    :param patience: seconds in which the server's name has to be found.
    :param duration: seconds; None: until a person, or a signal, ends it.
    """
    show.seconds = reactor.seconds
    done: Deferred[None] = Deferred()

    def end(why: OSError | None = None) -> None:
        if not done.called and why is None:
            done.callback(None)
        elif not done.called:
            done.errback(why)

    show.gave_up = end
    await proxy.open(patience)
    # Typed at in the background, a terminal's program would be stopped.
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    typed = Console(show.breakage, show.said, show.totals, end)
    typed.follow(reactor)
    if duration is not None:
        reactor.callLater(duration, end)
    try:
        show.began(proxy.address, str(proxy.target))
        await done
    finally:
        typed.close()
        await proxy.close()
        show.totals()


def _fitting(most: int, each: int) -> int:
    """Return how many connections there can be, and have the descriptors that they need.

    :param each: descriptors that one takes.
    """
    found = descriptors.make_room(most * each)
    allowed = max(1, found.connections // each)
    if allowed < most:
        why = descriptors.capped(replace(found, connections=allowed))
        console.complain(NetError(f"--max-conns {most}: {why}"))
    return allowed
