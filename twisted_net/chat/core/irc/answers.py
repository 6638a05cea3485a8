"""The answer to one message of a client: its lines, and the label that joins them to the question.

An answer may take its time: a broker is asked, or an account's password is checked. It is whole
when nobody holds it any more (IRCv3 labeled-response).
"""

from collections.abc import Callable

from twisted_net.chat.codec.irc.wire import write, write_tags

#: Longest label (IRCv3 labeled-response).
MAX_LABEL = 64


class Answer:
    """Lines for one client, on their way at once or, with a label, when they are complete.

    :param label: the client's; empty: none.
    :param put: takes the lines of the answer.
    :param server: in whose name batches and acknowledgements are sent.
    :ivar size: bytes that it has so far.
    """

    def __init__(self, label: str, put: Callable[[bytes], None], server: str) -> None:
        self._label = label
        self._put = put
        self._server = server
        self._lines: list[bytes] = []
        self._held = 0
        self.size = 0

    @property
    def labelled(self) -> bool:
        """Whether what belongs to it has to be gathered."""
        return bool(self._label)

    def add(self, lines: bytes) -> None:
        """Take one line or more."""
        self.size += len(lines)
        if not self._label:
            self._put(lines)
            return
        self._lines += lines.splitlines(keepends=True)

    def hold(self) -> None:
        """Wait: something more will come."""
        self._held += 1

    def release(self) -> None:
        """Wait no more for something; the last one to say so completes the answer."""
        self._held -= 1
        if not self._held and self._label:
            self._put(self._whole())
            self._label = ""  # what still comes belongs to nothing

    def _whole(self) -> bytes:
        tag = write_tags([("label", self._label)]).encode()
        if not self._lines:
            return tag + write(self._server, "ACK")
        if len(self._lines) == 1 or _is_one_batch(self._lines):
            return tagged(self._lines[0], tag) + b"".join(self._lines[1:])
        name = f"l{self._label}"
        reference = "".join(letter for letter in name if letter.isascii() and letter.isalnum())
        inner = write_tags([("batch", reference)]).encode()
        return b"".join(
            [
                tag + write(self._server, "BATCH", f"+{reference}", "labeled-response"),
                *(tagged_within(line, inner) for line in self._lines),
                write(self._server, "BATCH", f"-{reference}"),
            ]
        )


def tagged(line: bytes, tags: bytes) -> bytes:
    """Put tags before a line, which may have some."""
    return tags.removesuffix(b" ") + b";" + line[1:] if line[:1] == b"@" else tags + line


def tagged_within(line: bytes, tags: bytes) -> bytes:
    """Put the tag of a batch before a line, but not before one of a batch within that."""
    return line if line[:7] == b"@batch=" else tagged(line, tags)


def _is_one_batch(lines: list[bytes]) -> bool:
    """Return whether the lines are a batch of their own, which then carries the label."""
    first, last = _said(lines[0]), _said(lines[-1])
    return (
        len(first) == len(last) == 2
        and first[0] == last[0] == b"BATCH"
        and first[1][:1] == b"+"
        and last[1].rstrip() == b"-" + first[1][1:]
    )


def _said(line: bytes) -> list[bytes]:
    """Return the command of a line, and its first parameter."""
    words = line.split(b" ", 4)
    return words[2:4] if line[:1] == b"@" else words[1:3]
