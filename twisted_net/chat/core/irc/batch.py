"""What a client sends as one message of several lines, while it is sent. Pure.

Of a batch that is wrong everything more is passed over, up to its end: its lines are not to be said
one by one.
"""

from twisted_net.chat.codec.irc.render import CONCAT
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.multiline import Piece
from twisted_net.chat.codec.requests import Tags
from twisted_net.chat.core.ident import MAX_LINES, MAX_LINES_BYTES, folded

#: Seconds from the beginning of a batch to its end.
PATIENCE = 60.0

_CTCP = "\x01"

#: What is told of a batch that is wrong: the code, and the words behind it.
Wrong = tuple[str, ...]


def invalid(why: str = "") -> Wrong:
    """Return what is told of a batch that is wrong in no way that has a code of its own."""
    return "MULTILINE_INVALID", f"Invalid multiline batch{why}"


class Batch:
    """The lines of one message, as they come.

    :param name: what the client calls it.
    :param target: whom it is for.
    :param tags: that the client has given to it for others.
    :param began: when it did, in seconds.
    :param wrong: whether all of it is passed over.
    :ivar command: of all its lines; empty: there is none yet.
    :ivar pieces: what they say.
    """

    def __init__(
        self, name: str, target: str, tags: Tags, began: float, *, wrong: bool = False
    ) -> None:
        self.name = name
        self.target = target
        self.tags = tags
        self.wrong = wrong
        self.command = ""
        self.pieces: list[Piece] = []
        self._began = began
        self._size = 0

    def add(self, message: Message, now: float) -> Wrong | None:
        """Take a line; return what is wrong, the first time that something is."""
        if self.wrong:
            return None
        wrong = self._late(now) or self._wrong_of(message)
        if wrong is None:
            self._take(message)
            wrong = self._too_long()
        return self._judged(wrong)

    def spoil(self) -> Wrong | None:
        """Take note that something could not be read, which may have been a line."""
        return None if self.wrong else self._judged(invalid(": a line could not be read"))

    def end(self, now: float) -> Wrong | None:
        """Take no more lines; return what is wrong with them, if nothing was before."""
        if self.wrong:
            return None
        blank = not any(text for text, _ in self.pieces)
        wrong = invalid(" with blank lines only") if blank else None
        return self._judged(self._late(now) or wrong)

    def _judged(self, wrong: Wrong | None) -> Wrong | None:
        if wrong is not None:
            self.wrong = True
            self.pieces = []
        return wrong

    def _take(self, message: Message) -> None:
        joined, text = CONCAT in message.tags, message.params[1]
        between = 1 if self.pieces and not joined else 0
        self._size += between + len(text.encode())
        self.pieces.append((text, joined))
        self.command = message.command

    def _late(self, now: float) -> Wrong | None:
        if now - self._began <= PATIENCE:
            return None
        return "TIMEOUT", self.name, f"Batch open for more than {PATIENCE:g} seconds"

    def _too_long(self) -> Wrong | None:
        if len(self.pieces) > MAX_LINES:
            return "MULTILINE_MAX_LINES", str(MAX_LINES), "Multiline batch max-lines exceeded"
        if self._size > MAX_LINES_BYTES:
            return "MULTILINE_MAX_BYTES", str(MAX_LINES_BYTES), "Multiline batch max-bytes exceeded"
        return None

    def _wrong_of(self, message: Message) -> Wrong | None:
        if message.command not in ("PRIVMSG", "NOTICE") or len(message.params) < 2:
            return invalid(": need PRIVMSG or NOTICE")
        target, text = message.params[:2]
        if folded(target) != folded(self.target):
            shown = target or "*"
            return "MULTILINE_INVALID_TARGET", self.target, shown, "Invalid multiline target"
        if message.command != (self.command or message.command):
            return invalid(": PRIVMSG and NOTICE")
        if CONCAT in message.tags and not text:
            return invalid(" with concatenated blank line")
        return invalid(" with CTCP") if _CTCP in text else None
