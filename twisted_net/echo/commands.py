"""``netdemo echo``: ask an echo server, once or line by line."""

import codecs
import re
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import click
from twisted.internet.defer import Deferred

from twisted_net.echo.client import DatagramAsker, EchoClient, ask_stream
from twisted_net.echo.service import EchoSettings
from twisted_net.net import console, endpoints
from twisted_net.net.clients import Target, Trust, connect, has_scheme, parse_target, trusting
from twisted_net.net.errors import BadAnswerError, NetError, RemoteProtocolError, SettingError
from twisted_net.net.framing import LineReader
from twisted_net.net.text import safe

PORT = endpoints.parse(EchoSettings().tcp, "stream").port
UDP_PORT = endpoints.parse(EchoSettings().udp, "datagram").port

#: What a door says that takes nobody in, or had to give up: no echo, whatever was asked.
_REFUSAL = re.compile(rb"ERR [0-9]{3} [^\n]*")

#: Longest UDP payload over IPv4: 65,535 less the headers of IP and UDP.
LONGEST_DATAGRAM = 65507


@click.command()
@click.argument("text", nargs=-1)
@click.option("--udp", is_flag=True, help="Ask over UDP, one datagram a line.")
@click.option(
    "--server",
    "-s",
    metavar="HOST[:PORT]",
    help=f"Whom to ask.  [default: 127.0.0.1:{PORT}]",
)
@console.trust
@console.as_json
@console.patience
@console.debug
def echo(
    text: tuple[str, ...],
    udp: bool,
    server: str | None,
    trust: Trust | None,
    as_json: bool,
    patience: float,
    debug: bool,
) -> None:
    """Send TEXT to an echo server and print what comes back.

    Where nothing comes back, as from a discard server over TCP, that is said, and the exit code is
    0 all the same.

    Without TEXT, standard input is sent: as it is over TCP, a datagram for each line over UDP. On
    a terminal that makes a dialog; Ctrl-D ends it.

    \b
      netdemo echo hello
      netdemo echo --udp --server 192.0.2.1:7 hello
      netdemo echo < picture.png > same.png
    """
    try:
        target, words = _target(server, text, udp)
        target = trusting(target, trust)
    except NetError as error:
        console.fail(error)
    question = " ".join(words).encode("utf-8", "surrogateescape")
    if words and target.scheme == "udp":
        console.run(lambda r: _one_datagram(r, target, question, as_json, patience), debug)
    elif words:
        console.run(lambda r: _one_stream(r, target, question, as_json, patience), debug)
    elif target.scheme == "udp":
        console.run(lambda r: _datagrams(r, target, as_json, patience), debug)
    else:
        console.run(lambda r: _stream(r, target, as_json, patience), debug)


def _target(server: str | None, text: tuple[str, ...], udp: bool) -> tuple[Target, tuple[str, ...]]:
    """Return whom to ask, and what is left of the words."""
    if server is None and text and has_scheme(text[0]):
        server, text = text[0], text[1:]
    if server is None:
        server = "127.0.0.1"
    udp = udp or server.startswith("udp:")
    target = parse_target(server, UDP_PORT if udp else PORT, "udp" if udp else "tcp")
    if udp != (target.scheme == "udp"):
        raise SettingError(f"{server!r} is not reached over UDP; leave out --udp")
    return target, text


async def _one_stream(
    reactor: Any, target: Target, question: bytes, as_json: bool, patience: float
) -> None:
    began = time.monotonic()
    answer = await ask_stream(reactor, target, question + b"\n", patience)
    took = time.monotonic() - began
    answer = answer.removesuffix(b"\n")
    if _REFUSAL.fullmatch(answer) and answer != question:
        raise BadAnswerError(f"{target} says: {safe(answer)}")
    _show(target, question, answer, took, as_json)


async def _one_datagram(
    reactor: Any, target: Target, question: bytes, as_json: bool, patience: float
) -> None:
    _check_length(question)
    asker = DatagramAsker(reactor, target, patience)
    await asker.open()
    try:
        began = time.monotonic()
        answer = await asker.ask(question)
        _show(target, question, answer, time.monotonic() - began, as_json)
    finally:
        await asker.close()


async def _datagrams(reactor: Any, target: Target, as_json: bool, patience: float) -> None:
    asker = DatagramAsker(reactor, target, patience)
    await asker.open()
    lines = _Lines(reactor)
    _invite(target)
    try:
        while (line := await lines.next()) is not None:
            _check_length(line)
            began = time.monotonic()
            answer = await asker.ask(line)
            _show(target, line, answer, time.monotonic() - began, as_json)
    finally:
        lines.close()
        await asker.close()


def _check_length(datagram: bytes) -> None:
    if len(datagram) > LONGEST_DATAGRAM:
        raise SettingError(
            f"{len(datagram)} bytes do not fit one datagram, which holds {LONGEST_DATAGRAM};"
            " leave out --udp"
        )


class _Lines:
    """The lines of standard input, one when one is wanted."""

    def __init__(self, reactor: Any) -> None:
        self._reader = LineReader(LONGEST_DATAGRAM)
        self._lines: deque[bytes | None] = deque()
        self._wanted: Deferred[None] | None = None
        self._failed: Exception | None = None
        self._input = console.StandardInput(reactor, self._received, self._ended)

    async def next(self) -> bytes | None:
        """Return the next line; None at the end.

        :raises SettingError: a line is too long for a datagram.
        """
        while not self._lines:
            if self._failed is not None:
                raise self._failed
            self._input.resumeProducing()
            self._wanted = Deferred()
            await self._wanted
        return self._lines.popleft()

    def close(self) -> None:
        """Read no more."""
        self._input.stop()

    def _received(self, data: bytes) -> None:
        try:
            self._lines.extend(self._reader.feed(data))
        except RemoteProtocolError as error:
            self._failed = SettingError(f"a {error}; leave out --udp")
        self._input.pauseProducing()  # what is here is enough until it has been sent
        self._wake()

    def _ended(self) -> None:
        last = self._reader.rest()
        self._lines.extend([last, None] if last else [None])
        self._wake()

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.called:
            self._wanted.callback(None)


async def _stream(reactor: Any, target: Target, as_json: bool, patience: float) -> None:
    counted = _Counted(as_json)
    client = EchoClient(counted.heard)
    counted.gave_up = client.give_up
    await connect(reactor, target, client, patience)
    _invite(target)
    began = time.monotonic()

    def send(data: bytes) -> None:
        counted.sent += len(data)
        client.transport.write(data)

    source = console.StandardInput(reactor, send, client.close_half)
    client.transport.registerProducer(source, True)  # read no faster than the server takes it
    try:
        await client.ended
    finally:
        source.stop()
        client.transport.abortConnection()
        counted.report(target, time.monotonic() - began)


class _Counted:
    """What went out and what came back, in bytes; prints what comes back.

    :ivar gave_up: called with the error when nothing more can be printed.
    """

    gave_up: Callable[[OSError], None]

    def __init__(self, as_json: bool) -> None:
        self.sent = 0
        self.received = 0
        self._as_json = as_json
        # A terminal would obey what a server says; a file or a pipe gets every byte as it came.
        made = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._decoder = made if sys.stdout.isatty() else None

    def heard(self, data: bytes) -> None:
        """Print a piece of the answer."""
        self.received += len(data)
        if self._as_json:
            return
        if self._decoder is not None:
            lines = self._decoder.decode(data).split("\n")
            data = "\n".join(safe(line, len(line)) for line in lines).encode()
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            self.gave_up(error)

    def report(self, target: Target, took: float) -> None:
        """Print the numbers, where they were asked for."""
        if self._as_json:
            record = {"peer": str(target), "transport": target.scheme, "sent": self.sent}
            console.say("", {**record, "received": self.received, "seconds": round(took, 6)}, True)


def _invite(target: Target) -> None:
    if sys.stdin.isatty():
        click.echo(f"{target} repeats what you type; Ctrl-D ends it.", err=True)


def _show(target: Target, question: bytes, answer: bytes, took: float, as_json: bool) -> None:
    shown = answer.decode("utf-8", "backslashreplace")
    record = {
        "peer": str(target),
        "transport": target.scheme,
        "sent": len(question),
        "received": len(answer),
        "same": answer == question,
        "text": shown,
        "seconds": round(took, 6),
    }
    if as_json:
        console.say("", record, True)
    elif not answer and question:
        click.echo("nothing came back", err=True)
    elif sys.stdout.isatty():
        click.echo("\n".join(safe(line, 65535) for line in shown.split("\n")))
    else:
        sys.stdout.buffer.write(answer + b"\n")
