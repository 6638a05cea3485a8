r"""Netascii, which old devices still speak: lines end with CR LF, and CR alone is CR NUL.

The converted stream is what is cut into blocks (RFC 1350, 2 and RFC 764): a pair may lie across a
border between two of them.
"""

from twisted_net.files.shelf import Source

#: Bytes of a file that are converted at a time.
CHUNK = 1 << 16


def encoded(data: bytes) -> bytes:
    r"""Return text as it is sent.

    >>> encoded(b"one\ntwo\rthree\r\n")
    b'one\r\ntwo\r\x00three\r\x00\r\n'
    """
    return data.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


class Decoder:
    """Turn what comes into text again, piece by piece."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return what the next piece stands for; a CR at its end is held back."""
        data = self._held + data
        self._held = b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        return data.replace(b"\r\n", b"\n").replace(b"\r\0", b"\r")

    def end(self) -> bytes:
        """Return what is still held back: a CR that nothing follows."""
        held, self._held = self._held, b""
        return held


class Netascii(Source):
    """A source as it is sent in netascii.

    Where a byte of the one is in the other is known from the beginning only, so a little of what
    was converted is kept, for blocks that are sent again; who goes back farther begins anew.

    :param keep: bytes to keep behind the last that were read.
    """

    def __init__(self, source: Source, keep: int) -> None:
        self.name = source.name
        self._source = source
        self._keep = keep
        self._begin()

    def read(self, offset: int, count: int) -> bytes:
        """Return a part of the converted stream; raises as the source does."""
        if offset < self._kept_at:
            self._begin()
        while self._kept_at + len(self._kept) < offset + count and self._convert():
            self._forget_before(offset - self._keep)
        start = offset - self._kept_at
        return bytes(self._kept[start : start + count])

    def changed(self) -> bool:
        """Say whether what is converted is no longer what it was, or not all of it came."""
        short = self._source.size is not None and self._ended and self._read != self._source.size
        return short or self._source.changed()

    def close(self) -> None:
        """Close what is converted."""
        self._source.close()

    def _begin(self) -> None:
        self._read = 0
        self._kept = bytearray()
        self._kept_at = 0
        self._ended = False

    def _convert(self) -> bool:
        data = self._source.read(self._read, CHUNK)
        self._read += len(data)
        self._kept += encoded(data)
        self._ended = not data
        return not self._ended

    def _forget_before(self, offset: int) -> None:
        gone = min(max(0, offset - self._kept_at), len(self._kept))
        del self._kept[:gone]
        self._kept_at += gone
