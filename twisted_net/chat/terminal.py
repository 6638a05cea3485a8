"""Where a member types: lines of standard input, with editing on a terminal if there is a way."""

import signal
import sys
from abc import ABC, abstractmethod
from collections import deque
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from twisted_net.net.console import StandardInput
from twisted_net.net.errors import NetError, RemoteProtocolError, SettingError
from twisted_net.net.framing import LineReader

#: Longest line that is read at all; the chat refuses what is longer than its texts.
MAX_TYPED = 65536


class Typed(ABC):
    """Lines as they are typed, one when one is wanted."""

    @abstractmethod
    async def next(self) -> str | None:
        """Return the next line without its ending; None: there are no more.

        :raises SettingError: it is not text, or longer than any line can be.
        """

    @abstractmethod
    def fail(self, error: NetError) -> None:
        """Raise this for whoever waits for a line, now or later."""

    @abstractmethod
    def close(self) -> None:
        """Read no more."""


class PlainLines(Typed):
    """Standard input line by line: a pipe, a file, or a terminal that edits lines itself."""

    def __init__(self, reactor: Any) -> None:
        self._reader = LineReader(MAX_TYPED)
        self._lines: deque[bytes] = deque()
        self._ended_well = False
        self._error: NetError | None = None
        self._wanted: Deferred[None] | None = None
        self._input = StandardInput(reactor, self._received, self._ended)

    async def next(self) -> str | None:
        """Return the next line."""
        while not self._lines:
            if self._error is not None:
                raise self._error
            if self._ended_well:
                return None
            self._input.resumeProducing()
            self._wanted = Deferred()
            await self._wanted
        return _text(self._lines.popleft())

    def fail(self, error: NetError) -> None:
        """Fail, and forget what was not said yet."""
        self._lines.clear()
        self._stop(error)

    def close(self) -> None:
        """Read no more."""
        self._input.stop()

    def _received(self, data: bytes) -> None:
        self._input.pauseProducing()  # what is here is enough until it has been said
        try:
            self._lines.extend(self._reader.feed(data))
        except RemoteProtocolError as error:
            self._stop(SettingError(f"standard input has a {error}"))
        self._wake()

    def _ended(self) -> None:
        rest = self._reader.rest()
        if rest:
            self._lines.append(rest)
        self._ended_well = True
        self._wake()

    def _stop(self, error: NetError) -> None:
        self._input.stop()
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.called:
            self._wanted.callback(None)


class _Interrupted(Exception):  # noqa: N818 - what happened; nothing is in error
    """Ctrl-C was pressed."""


class EditedLines(Typed):
    """Lines of a terminal, with editing and history; what is printed meanwhile stays above them.

    Stands on prompt_toolkit, which stands on asyncio: `take_asyncio` goes first.
    """

    def __init__(self, prompt: str) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
        from prompt_toolkit.patch_stdout import patch_stdout

        keys = KeyBindings()

        @keys.add("c-c")
        def interrupt(pressed: KeyPressEvent) -> None:
            # Its own KeyboardInterrupt would go through asyncio's loop and break it.
            pressed.app.exit(exception=_Interrupted())

        self._prompt = prompt
        self._session: PromptSession[str] = PromptSession(key_bindings=keys)
        self._error: NetError | None = None
        self._waiting: Deferred[str] | None = None
        self._patched = ExitStack()
        self._patched.enter_context(patch_stdout(raw=True))

    async def next(self) -> str | None:
        """Return the next line; Ctrl-D ends them, Ctrl-C interrupts as everywhere."""
        import asyncio

        if self._error is not None:
            raise self._error
        typing = asyncio.ensure_future(
            self._session.prompt_async(self._prompt, handle_sigint=False)
        )
        self._waiting = Deferred.fromFuture(typing)
        try:
            return await self._waiting
        except EOFError:
            return None
        except _Interrupted:
            signal.raise_signal(signal.SIGINT)  # the reactor's own way to end
            await Deferred()
            return None
        except (CancelledError, asyncio.CancelledError) as cancelled:
            raise (self._error or cancelled) from None

    def fail(self, error: NetError) -> None:
        """Fail, and take the prompt away."""
        self._error = error
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        """Give the terminal back."""
        self._patched.close()


def can_edit() -> bool:
    """Say whether lines can be edited: on a terminal, with prompt_toolkit (extra ``pretty``)."""
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return at_terminal and find_spec("prompt_toolkit") is not None


def take_asyncio() -> None:
    """Choose Twisted's reactor on asyncio, unless one was chosen before."""
    if "twisted.internet.reactor" not in sys.modules:
        from twisted.internet import asyncioreactor

        asyncioreactor.install()


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise SettingError(f"standard input: {line[:40]!r} is not UTF-8") from None
