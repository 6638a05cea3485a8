"""What echo answers: pure transforms of a stream, and of one datagram.

No answer is ever longer than its question, so that echo over UDP can be sent to an address that
nobody has proven: it gains an attacker nothing (RFC 8085, 3.1).
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted_net.net.framing import LineReader

#: What a dialog says first on a stream; a datagram door cannot speak first.
QUESTION = b"Ask me something, one line at a time.\n"

#: What makes a question, and what makes it an answer: the marks of English and of Chinese (of
#: full width), and the Chinese particle of asking, which an answer drops.
_ANSWERS = (
    (b"?", b"!"),
    ("\N{FULLWIDTH QUESTION MARK}".encode(), "\N{FULLWIDTH EXCLAMATION MARK}".encode()),
    ("吗".encode(), b""),
)


class Transform(Protocol):
    """What becomes of one peer's bytes; one object a connection."""

    def opened(self) -> bytes:
        """Return what is said before the peer has said anything."""

    def received(self, data: bytes) -> Iterable[bytes]:
        """Return the answers to the next piece of a stream.

        :raises RemoteProtocolError: the piece breaks the transform's rules; the answers to what
            came before the fault are given first.
        """

    def ended(self) -> bytes:
        """Return what is still owed when the peer has closed its half."""

    def datagram(self, question: bytes) -> bytes | None:
        """Return the answer to one datagram; None: no answer."""


class Identity:
    """Every byte as it came (RFC 862)."""

    def opened(self) -> bytes:
        """Say nothing first."""
        return b""

    def received(self, data: bytes) -> Iterable[bytes]:
        """Return the same bytes."""
        return (data,)

    def ended(self) -> bytes:
        """Owe nothing."""
        return b""

    def datagram(self, question: bytes) -> bytes | None:
        """Return the same datagram, an empty one too."""
        return question


class Upper(Identity):
    """ASCII letters in upper case, every other byte as it came.

    Other alphabets stay: their upper case may be longer (ß, ŉ), and a character may be cut by
    the border of a segment.
    """

    def received(self, data: bytes) -> Iterable[bytes]:
        """Return the bytes in upper case."""
        return (data.upper(),)

    def datagram(self, question: bytes) -> bytes | None:
        """Return the datagram in upper case."""
        return question.upper()


class Discard(Identity):
    """No answer at all (RFC 863)."""

    def received(self, data: bytes) -> Iterable[bytes]:
        """Throw the bytes away."""
        return ()

    def datagram(self, question: bytes) -> bytes | None:
        """Throw the datagram away."""
        return None


class Dialog(Identity):
    r"""Ask for a line, then answer each one: the question becomes its own answer.

    >>> list(Dialog().received(b"Are you there?\nAnd you?\n"))
    [b'Are you there!\n', b'And you!\n']
    >>> b"".join(Dialog().received("你好吗?\n".encode())).decode()
    '你好!\n'
    """

    def __init__(self) -> None:
        self._lines = LineReader()

    def opened(self) -> bytes:
        """Ask."""
        return QUESTION

    def received(self, data: bytes) -> Iterable[bytes]:
        """Answer every line that is complete."""
        return (self._answer(line) + b"\n" for line in self._lines.feed(data))

    def ended(self) -> bytes:
        """Answer the last line, though it has no ending."""
        line = self._lines.rest()
        return self._answer(line) + b"\n" if line else b""

    def datagram(self, question: bytes) -> bytes | None:
        """Answer one datagram as one line."""
        return self._answer(question)

    def _answer(self, line: bytes) -> bytes:
        for asked, answered in _ANSWERS:
            line = line.replace(asked, answered)
        return line


#: The values of ``--echo-mode``.
TRANSFORMS: dict[str, Callable[[], Transform]] = {
    "identity": Identity,
    "upper": Upper,
    "dialog": Dialog,
    "discard": Discard,
}
