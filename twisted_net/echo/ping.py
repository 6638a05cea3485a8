"""``netdemo ping``: latency and loss, measured with any echo server."""

import json
import re
import secrets
import shutil
import sys
import time
from typing import Any

import click

from twisted_net.echo import shown
from twisted_net.echo.codec import LARGEST, SMALLEST, ProbeCodec
from twisted_net.echo.pace import World
from twisted_net.echo.probe import Plan
from twisted_net.echo.probing import Run
from twisted_net.echo.service import EchoSettings
from twisted_net.echo.tally import Event, Kind
from twisted_net.net import console, endpoints
from twisted_net.net.clients import Target, Trust, parse_target, trusting
from twisted_net.net.errors import NetError, SettingError
from twisted_net.net.settings import Reading, seconds, size, whole

PORT = endpoints.parse(EchoSettings().udp, "datagram").port
TCP_PORT = endpoints.parse(EchoSettings().tcp, "stream").port

#: Bytes of a probe, as of ``ping``.
SIZE = 56

#: Seconds between probes, as of ``ping``.
INTERVAL = 1.0

#: Seconds before a probe is due in which the reactor does not sleep: ``select`` wakes up to 0.2 ms
#: late, for the kernel gathers timers (50 us) and the process has to get its core back.
SPIN = 0.0003

#: Seconds between two looks at the terminal, and between two writes: often enough to watch.
EVERY = 0.1

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


def _rate(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not 0.001 <= float(text) <= 100_000:
        raise ValueError("need probes a second, 0.001-100000")
    return float(text)


@click.command()
@click.argument("server", default="127.0.0.1", metavar="[SERVER]")
@click.option("--udp/--tcp", "udp", default=None, help="Over which; UDP unless SERVER says it.")
@click.option(
    "--count", "-c", type=console.Read(whole(1, 10**15)), metavar="N", help="Send N probes."
)
@click.option(
    "--duration",
    type=console.Read(seconds(0.001, 10**8)),
    metavar="SECONDS",
    help="Send for so long.",
)
@click.option(
    "--interval",
    "-i",
    type=console.Read(seconds(0.00001, 86400)),
    metavar="SECONDS",
    help=f"From one probe to the next.  [default: {INTERVAL:g}]",
)
@click.option(
    "--rate",
    type=console.Read(Reading("N", _rate)),
    metavar="N",
    help="Probes a second, instead of --interval.",
)
@click.option(
    "--size",
    "size_",
    type=console.Read(size(SMALLEST, LARGEST)),
    default=SIZE,
    show_default=True,
    metavar="BYTES",
    help=f"Of each probe, {SMALLEST}-{LARGEST}.",
)
@click.option(
    "--flood",
    "-f",
    count=True,
    help="Send as fast as answers come; to another machine only if given twice.",
)
@console.as_json
@console.trust
@console.patience
@console.debug
@click.option("--quiet", "-q", is_flag=True, help="Print the summary only.")
def ping(
    server: str,
    udp: bool | None,
    count: int | None,
    duration: float | None,
    interval: float | None,
    rate: float | None,
    size_: int,
    flood: int,
    trust: Trust | None,
    as_json: bool,
    patience: float,
    debug: bool,
    quiet: bool,
) -> None:
    """Measure latency and loss with an echo server.

    Probes go to any RFC 862 server until Ctrl-C, unless --count or --duration ends them. SERVER is
    HOST[:PORT], udp:HOST[:PORT], tcp:HOST[:PORT] or unix:/PATH; without one it is this machine. A
    probe that is not answered within --timeout is lost; all is counted on this side.

    Latency counts from the time at which a probe was due, so that a server that stalls, or this
    side, does not hide its stall by delaying the probes that would have met it.

    A summary is printed in any case. The exit code is 0 if one answer came in time, 4 if none did,
    3 if there was no way or the server refused or hung up, 5 if it is no echo server, 130 after
    Ctrl-C.

    \b
      netdemo ping
      netdemo ping 192.0.2.1:7 --count 10 --interval 0.2
      netdemo ping tcp:192.0.2.1 --rate 100 --duration 60 --quiet
      netdemo ping --json --count 5 | jq .seconds
      netdemo ping --flood --duration 5
    """
    try:
        target = _target(server, False if udp is None and trust is not None else udp)
        target = trusting(target, trust)
        plan = Plan(_interval(interval, rate, flood), patience, count, duration)
    except NetError as error:
        console.fail(error)
    codec = ProbeCodec(secrets.randbits(32), size_)

    async def main(reactor: Any) -> None:
        screen = Screen(reactor, as_json, quiet, flood > 0)
        world = World(reactor, time.monotonic, SPIN)
        run = Run(world, target, plan, codec, screen.show, far=flood > 1)
        screen.follow(run)
        began = time.monotonic()
        try:
            await run.run(patience)
        finally:
            screen.close()
            if run.prober is not None:
                _summarize(run, target, time.monotonic() - began, as_json, screen.live)

    console.run(main, debug, _install_reactor)


def _target(server: str, udp: bool | None) -> Target:
    if udp is None:
        udp = not server.startswith(("tcp:", "unix:"))
    target = parse_target(server, PORT if udp else TCP_PORT, "udp" if udp else "tcp")
    if udp != (target.scheme == "udp") or target.scheme == "tftp":
        asked = "--udp" if udp else "--tcp"
        raise SettingError(f"{server!r} is not reached over {asked[2:].upper()}; leave out {asked}")
    return target


def _interval(interval: float | None, rate: float | None, flood: int) -> float:
    given = {"--interval": interval, "--rate": rate, "--flood": flood or None}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise SettingError(f"{named[0]} and {named[1]} contradict each other; give one of them")
    if flood:
        return 0.0
    return 1 / rate if rate is not None else INTERVAL if interval is None else interval


def _install_reactor() -> None:
    """Take the reactor whose timers are fine: ``epoll`` and ``poll`` count milliseconds."""
    if "twisted.internet.reactor" not in sys.modules:
        from twisted.internet import selectreactor

        selectreactor.install()


def _summarize(run: Run, target: Target, took: float, as_json: bool, live: bool) -> None:
    assert run.prober is not None  # noqa: S101 - the caller has looked
    tally = run.prober.tally
    peer = {"event": "summary", "peer": str(target), "transport": target.scheme}
    measured = {"size": run.codec.size, "seconds": round(took, 6), "counted_by": "client"}
    if as_json:
        console.say("", {**peer, **measured, **shown.summary_record(tally)}, True)
        return
    if live:
        columns = shutil.get_terminal_size().columns
        for row in shown.histogram(tally, _is_plain(sys.stdout.encoding), columns):
            click.echo(row)
    over = "a UNIX socket" if target.scheme == "unix" else target.scheme.upper()
    click.echo(f"--- {target} over {over}, {run.codec.size} bytes a probe, {took:.1f} s ---")
    for line in shown.summary(tally, run.plan.timeout, run.plan.interval > 0):
        click.echo(line)


class Screen:
    """What is printed while a run goes on.

    A line or an object a probe on standard output, gathered for `EVERY` seconds so that printing
    does not delay probes; on a terminal what went wrong only, above a live line.

    :ivar live: whether there is a live line.
    """

    def __init__(self, reactor: Any, as_json: bool, quiet: bool, flood: bool) -> None:
        terminal = sys.stdout.isatty() and sys.stderr.isatty()
        self.live = terminal and not as_json and not quiet
        self._silent = quiet or (flood and not as_json)
        self._as_json = as_json
        self._reactor = reactor
        self._waiting: list[str] = []
        self._timer: Any = None
        self._spark = shown.Sparkline(_is_plain(sys.stderr.encoding))
        self._run: Run

    def follow(self, run: Run) -> None:
        """Show where this run stands."""
        self._run = run

    def show(self, events: list[Event], why: str) -> None:
        """Take what became of probes."""
        for event in events:
            if self.live:
                self._spark.add(event)
            if self._as_json and not self._silent:
                self._waiting.append(json.dumps(shown.record(event, why)))
            elif not self._silent and not (self.live and _is_as_usual(event)):
                self._waiting.append(shown.line(event, why))
        if self._timer is None and (self._waiting or self.live):
            self._timer = self._reactor.callLater(EVERY, self._write)

    def close(self) -> None:
        """Print what is left, and wipe the live line."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._flush()
        self._wipe()

    def _write(self) -> None:
        self._timer = None
        try:
            self._flush()
        except OSError as error:
            self._run.fail(error)
            return
        if self.live and self._run.prober is not None:
            columns = shutil.get_terminal_size().columns - 1
            self._say_on_terminal(shown.live(self._run.prober.tally, self._spark)[:columns])

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._wipe()
            click.echo("\n".join(waiting))

    def _wipe(self) -> None:
        if self.live:
            self._say_on_terminal("")

    def _say_on_terminal(self, text: str) -> None:
        sys.stderr.write(f"\r{text}\x1b[K")
        sys.stderr.flush()


def _is_as_usual(event: Event) -> bool:
    return event.kind is Kind.ANSWER and not event.reordered


def _is_plain(encoding: str) -> bool:
    """Say whether only ASCII is sure to be shown."""
    return "utf" not in encoding.lower()
