"""What every command of ``netdemo`` shares: errors in one line, exit codes, JSON, the terminal."""

import contextlib
import errno
import functools
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

import click
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IPushProducer, IReadDescriptor
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.net import loading, signals, steady
from twisted_net.net.clients import PATIENCE, Trust
from twisted_net.net.errors import ClientError, NetError, SettingError
from twisted_net.net.log import LineObserver, text_line
from twisted_net.net.options import files
from twisted_net.net.printing import nowhere
from twisted_net.net.settings import Reading, seconds
from twisted_net.net.text import safe

F = TypeVar("F", bound=Callable[..., Any])

#: What a command exits with, beside the `exit_code` of a `ClientError`.
USAGE = 2
BROKEN_PIPE = 141  # as if SIGPIPE had ended it


class Read(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.4 on
    """A click type made of a setting's reading, so that both refuse the same texts."""

    def __init__(self, reading: Reading) -> None:
        self.name = reading.metavar
        self._read = reading.read

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the text."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


#: Options that every client command takes.
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
patience = click.option(
    "--timeout",
    "patience",
    type=Read(seconds(0.01, 86400)),
    default=PATIENCE,
    metavar="SECONDS",
    help=f"How long to wait for a connection, or for one answer.  [default: {PATIENCE:g}]",
)


def trust(command: F) -> F:
    """Give a command the options of TLS; it is called with ``trust``, a `Trust` or None."""

    @functools.wraps(command)
    def called(tls: bool, ca: str, insecure: bool, **arguments: Any) -> Any:
        if ca and insecure:
            raise click.UsageError("--ca and --insecure contradict each other; give one of them")
        wanted = Trust(ca, insecure) if tls or ca or insecure else None
        return command(trust=wanted, **arguments)

    decorated: Any = called
    for option in (
        click.option("--insecure", is_flag=True, help="Speak TLS, and take any certificate."),
        click.option(
            "--ca",
            default="",
            metavar="FILE",
            shell_complete=files,
            help="Speak TLS, and take what the certificates in FILE have signed, or are.",
        ),
        click.option("--tls", is_flag=True, help="Speak TLS; the certificate is checked."),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # what click returns is Any


debug = click.option("--debug", is_flag=True, help="Log to standard error, and show tracebacks.")


def fail(error: Exception) -> NoReturn:
    """Say what went wrong in one line, and exit with the error's code."""
    code = error.exit_code if isinstance(error, ClientError) else 1
    if isinstance(error, SettingError):
        code = USAGE
    complain(error)
    sys.exit(code)


def complain(error: Exception) -> None:
    """Say what went wrong in one line, and go on."""
    click.echo(f"netdemo: {safe(str(error), 1000)}", err=True)


def say(shown: str, record: dict[str, Any], as_json: bool) -> None:
    """Print a result: a line for people, or one JSON object on a line."""
    click.echo(json.dumps(record, ensure_ascii=True) if as_json else shown)


def run(
    main: Callable[[Any], Awaitable[None]],
    debug: bool = False,
    choose: Callable[[], None] = lambda: None,
) -> None:
    """Run a coroutine function in the reactor; return when it is done, or exit.

    On Ctrl-C the coroutine is cancelled at its ``await``, so that what it began is undone and its
    summary printed, and the command exits with 130; on SIGTERM with 143, and with 129 on SIGHUP,
    when the terminal goes. On a terminal Ctrl-C ends it by the signal itself: a shell shows 130
    then too, but knows that it was interrupted, and ends its loop.

    :param main: called with the reactor.
    :param choose: installs the reactor that the command wants, where none is installed yet.
    """
    _open_all_three()
    # Before logging has begun, Twisted keeps events, and a Failure in one holds its sockets open.
    observers = [LineObserver(sys.stderr, text_line)] if debug else []
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False)
    choose()
    from twisted.internet import reactor  # after the command had its say about which

    steady.keep(reactor)
    loading.end()
    runner = _Runner(reactor, main)
    runner.run()
    if runner.interrupted:
        _end_interrupted(runner.signal or signal.SIGINT)
    if isinstance(runner.outcome, Failure):
        if debug:
            runner.outcome.raiseException()
        _fail_with(runner.outcome.value)


def _end_interrupted(number: int) -> NoReturn:
    """End as a program does that a signal has ended."""
    if number == signal.SIGINT and any(os.isatty(descriptor) for descriptor in range(3)):
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    sys.exit(128 + number)


def _fail_with(error: BaseException | None) -> NoReturn:
    """Exit with what a coroutine raised; nobody but ``--debug`` gets a traceback."""
    if isinstance(error, NetError):
        fail(error)
    if isinstance(error, OSError):
        fail_to_print(error)
    what = f"{type(error).__name__}: {error}"
    fail(NetError(f"this should not have happened: {what}; --debug shows where"))


def _open_all_three() -> None:
    """Open what is closed of standard input, output and error.

    Whatever is opened next would take their numbers, and the reactor's own descriptors would be
    read from and printed to.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def fail_to_print(error: OSError) -> None:
    """Exit if the error is that of an output that cannot be written; else return.

    When whoever reads it has had enough, that is no more worth a word than for other programs.
    """
    if isinstance(error, BrokenPipeError):
        nowhere(sys.stdout)
        sys.exit(BROKEN_PIPE)
    if error.errno in (errno.ENOSPC, errno.EIO):
        nowhere(sys.stdout)
        why = os.strerror(error.errno).lower()
        fail(ClientError(f"cannot write to standard output: {why}"))


#: Signals that end a command: Ctrl-C, a polite kill, and the end of the terminal.
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Runner:
    """One coroutine, one reactor, one outcome.

    :ivar signal: the number of the signal that interrupted it, if one did.
    """

    def __init__(self, reactor: Any, main: Callable[[Any], Awaitable[None]]) -> None:
        self.outcome: object = None
        self.interrupted = False
        self.signal: int | None = None
        self._reactor = reactor
        self._main = main
        self._running: Deferred[Any] | None = None

    def run(self) -> None:
        """Run until the coroutine is done or the user has had enough."""
        self._reactor.callWhenRunning(self._start)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._cancel)
        before = {number: signal.getsignal(number) for number in _ENDINGS}
        try:
            self._reactor.run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start(self) -> None:
        for number in _ENDINGS:  # the reactor has taken some by now, and does not say which came
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._signalled)
        self._running = ensureDeferred(self._main(self._reactor))  # type: ignore[arg-type]
        self._running.addBoth(self._done)

    def _done(self, outcome: object) -> None:
        self.outcome = outcome
        self._running = None
        self._stop()  # interrupted: it is stopping already

    def _signalled(self, number: int, frame: object) -> None:
        self.signal = self.signal or number
        self._reactor.callFromThread(self._stop)

    def _stop(self) -> None:
        signals.stop(self._reactor)

    def _cancel(self) -> Deferred[Any] | None:
        running = self._running
        if running is not None:
            self.interrupted = True
            running.cancel()
        return running


@implementer(IReadDescriptor, IPushProducer)
class StandardInput:
    """Standard input as it comes, on any reactor that watches descriptors.

    Twisted's own ``stdio`` makes the descriptor non-blocking, which a terminal shares with every
    other program on it; reading only what is announced needs no such thing.

    :param received: called with what was read.
    :param ended: called once, at the end of the input.
    """

    def __init__(
        self, reactor: Any, received: Callable[[bytes], None], ended: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._received = received
        self._ended = ended
        self._over = False
        reactor.addReader(self)

    def fileno(self) -> int:
        """Return the descriptor of standard input."""
        return 0

    def logPrefix(self) -> str:
        """Return what log lines are marked with."""
        return "stdin"

    def doRead(self) -> None:
        """Read what is there."""
        data = os.read(0, 65536)
        if data:
            self._received(data)
        else:
            self._end()

    def connectionLost(self, reason: Failure) -> None:
        """End with the descriptor: a pipe whose writer is gone."""
        self._end()

    def pauseProducing(self) -> None:
        """Read no more for a while."""
        self._reactor.removeReader(self)

    def resumeProducing(self) -> None:
        """Read on."""
        if not self._over:
            self._reactor.addReader(self)

    def _end(self) -> None:
        self.stop()
        if not self._over:
            self._over = True
            self._ended()

    def stop(self) -> None:
        """Read no more."""
        self._reactor.removeReader(self)

    stopProducing = stop
