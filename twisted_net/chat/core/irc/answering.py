"""How a session answers: what it says, and what an answer may have to wait for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted_net.chat.codec.irc.numerics import TEXTS, Numeric
from twisted_net.chat.codec.irc.wire import MAX_MESSAGE, fitting, write
from twisted_net.chat.codec.refusals import Refusal
from twisted_net.chat.core.irc.answers import Answer
from twisted_net.chat.core.irc.capabilities import lines_of
from twisted_net.chat.core.irc.connection import Line
from twisted_net.chat.core.irc.refusals import refused, sentence
from twisted_net.chat.core.irc.server import IrcServer


class Answering(ABC):
    """Answers one message after the other, each by what belongs to it."""

    def __init__(self, server: IrcServer, line: Line) -> None:
        self.server = server
        self.line = line
        self._command = "*"
        self._answer = Answer("", line.put, server.name)
        self._postponed = self._answer, self._command
        self._waits = 0

    @property
    @abstractmethod
    def nick(self) -> str:
        """How the client is addressed: ``*`` as long as it has no name."""

    def answer_to(self, command: str, label: str) -> None:
        """Answer this command from now on, under a label if there is one, until `end`."""
        self._command = command
        self._answer = Answer(label, self.line.put, self.server.name)
        self._answer.hold()

    def end(self) -> None:
        """All has been said about the message but what is still asked for."""
        self._answer.release()
        self._answer = Answer("", self.line.put, self.server.name)

    # What is said.

    @property
    def is_long(self) -> bool:
        """Whether the answer has become as long as answers may be."""
        return self._answer.size >= self.server.longest

    def put(self, lines: bytes) -> None:
        """Say lines as they are."""
        self._answer.add(lines)

    def say(self, command: str, *params: str) -> None:
        """Say something in the server's name."""
        self.put(fitting(write(self.server.name, command, *params)))

    def reply(self, numeric: Numeric, *params: str) -> None:
        """Give a numeric reply, with its text behind the parameters if it has one."""
        text = TEXTS.get(numeric)
        words = params if text is None else (*params, text)
        self.say(f"{numeric:03}", self.nick, *words)

    def fail(self, code: str, *words: str) -> None:
        """Refuse the command by a standard reply (IRCv3 standard-replies).

        :param words: what it is about, if anything, and a sentence.
        """
        self.say("FAIL", self._command, code, *words[:-1], sentence(words[-1]))

    def in_lines(
        self, numeric: Numeric, start: tuple[str, ...], words: list[str], between: str = " "
    ) -> None:
        """Give a reply whose last parameter are words, over as many lines as they need."""
        before, room = self.heading(numeric, start)
        self.under(before, lines_of(words, room, between))

    def heading(self, numeric: Numeric, start: tuple[str, ...]) -> tuple[str, int]:
        """Return what each line of such a reply begins with, and the bytes that are left in it."""
        before = " ".join([f":{self.server.name}", f"{numeric:03}", self.nick, *start, ":"])
        return before, MAX_MESSAGE - 2 - len(before.encode())

    def under(self, heading: str, lines: list[str]) -> None:
        """Give such a reply, whose lines are made."""
        self.put("".join([f"{heading}{line}\r\n" for line in lines]).encode())

    def tell(self, numeric: Numeric, *params: str) -> None:
        """Give a reply that belongs to no question."""
        self.line.put(fitting(write(self.server.name, f"{numeric:03}", self.nick, *params)))

    def refuse(self, refusal: Refusal, *about: str) -> None:
        """Say why something was not done."""
        lines = refused(refusal, self.server.name, self.nick, self._command, about)
        self.put(fitting(lines))

    # What is waited for.

    def later(self, told: Callable[[Any], None]) -> Callable[[Any], None]:
        """Let the answer wait for what is not the hub's to say, and may come at any time."""
        answer, command = self._answer, self._command
        self._hold(answer)

        def answered(outcome: Any) -> None:
            with self._going_on(answer, command):
                told(outcome)

        return answered

    def postpone(self) -> None:
        """Let the answer wait for what the client says next, which is obeyed meanwhile."""
        self._answer.hold()
        self._postponed = self._answer, self._command

    def go_on(self, work: Callable[[], None]) -> None:
        """Do what belongs to the answer that waited."""
        self._waits += 1
        with self._going_on(*self._postponed):
            work()

    @property
    def busy(self) -> bool:
        """Whether something is waited for; what the client says next is not read before."""
        return self._waits > 0

    def _hold(self, answer: Answer) -> None:
        self._waits += 1
        answer.hold()

    @contextmanager
    def _going_on(self, answer: Answer, command: str) -> Iterator[None]:
        """Go on with an answer that was held."""
        here = self._answer, self._command
        self._answer, self._command = answer, command
        try:
            yield
        finally:
            self._answer, self._command = here
            answer.release()
            self._waits -= 1
            if not self._waits:
                self.line.ready()
