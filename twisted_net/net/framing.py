"""Lines cut from a stream, with a limit: a stream gives bytes, not messages (RFC 9293, 3.7)."""

from collections.abc import Iterator

from twisted_net.net.errors import RemoteProtocolError

#: Longest line accepted, in bytes without its ending. RFC 2812, 2.3 stops at 512; twice that
#: spares people with long names and still bounds what one silent peer can make us hold.
MAX_LINE = 1024


class LineReader:
    """Cut a stream into lines ended by LF or CR LF.

    Holds at most ``limit`` + 1 bytes between two calls, however the stream was cut.
    """

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._data = b""
        self._at = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that ``data`` completes, without their endings.

        A generator, so that what came before a bad line is dealt with before the error: one
        stream gives one sequence of events, however it was cut.

        :raises RemoteProtocolError: a line is longer than the limit, complete or not.
        """
        self._data, self._at = self._data[self._at :] + data, 0
        while (end := self._data.find(b"\n", self._at)) >= 0:
            line = self._data[self._at : end].removesuffix(b"\r")
            self._at = end + 1
            yield self._checked(line)
        self._data, self._at = self._data[self._at :], 0
        self._checked(self._data.removesuffix(b"\r"))

    @property
    def empty(self) -> bool:
        """Whether nothing waits for its end, or to be cut."""
        return self._at >= len(self._data)

    def alone(self, data: bytes) -> bytes | None:
        """Return the line that ``data`` is, no more and no less; None: `feed` has to cut it.

        Most peers send a line and wait for its answer. May be called while `feed` is being
        iterated, as often as all it was given is cut.

        :raises RemoteProtocolError: as `feed`.
        """
        end = data.find(b"\n")
        if end < 0 or end + 1 < len(data) or self._at < len(self._data):
            return None
        self._data, self._at = b"", 0
        return self._checked(data[:end].removesuffix(b"\r"))

    def rest(self) -> bytes:
        """Take all that no line has taken: an unfinished line, or raw bytes that follow one.

        May be called while `feed` is being iterated; the iteration then ends.
        """
        rest, self._data, self._at = self._data[self._at :], b"", 0
        return rest

    def _checked(self, line: bytes) -> bytes:
        if len(line) > self._limit:
            self._data, self._at = b"", 0
            reply = b"ERR 413 line longer than %d bytes\n" % self._limit
            raise RemoteProtocolError(f"line longer than {self._limit} bytes", reply)
        return line
