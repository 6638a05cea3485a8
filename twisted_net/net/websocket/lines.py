"""Lines as messages: each its own, without the ending that a stream needs."""

from twisted_net.net.errors import NetError

_ENDING = b"\r\n"


class NotALineError(NetError):
    """A message is more than one line."""


def line_in(message: bytes) -> bytes:
    """Return a message as a line of a stream.

    :raises NotALineError: there is an ending within it. One at its end is passed over: clients
        from before there was a specification send it.
    """
    line = message.removesuffix(b"\n").removesuffix(b"\r")
    if b"\n" in line or b"\r" in line:
        raise NotALineError("one line a message")
    return line + _ENDING


class LineCutter:
    """Cut what a protocol writes into the lines that it is made of.

    :param longest: bytes that may be held of a line without an end; more goes out as it is.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = b""

    def cut(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete, without their endings; empty ones are left out."""
        *lines, self._begun = (self._begun + data).split(b"\n")
        if len(self._begun) > self._longest:
            lines.append(self.rest())
        return [line for each in lines if (line := each.removesuffix(b"\r"))]

    def rest(self) -> bytes:
        """Return what no ending followed; nothing of it is left."""
        rest, self._begun = self._begun, b""
        return rest
