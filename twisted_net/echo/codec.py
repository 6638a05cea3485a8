"""The probe: what ``netdemo ping`` sends to an echo server, and knows again when it comes back.

A probe is made of lower-case letters as far as it can be, so that a server that answers in upper
case is found out, and has one size in a run, so that a stream of probes is cut by counting. All
numbers are big-endian::

    0      4      8               16              24                 size
    | ping | run  | number        | nanoseconds   | abc...zabc...    |

``run`` is drawn anew by each run: an answer to a run before, or to another program, is told apart.
``nanoseconds`` is when the probe was to be sent, since the start of the run.
"""

import struct
from dataclasses import dataclass

from twisted_net.net.errors import RemoteProtocolError

MARK = b"ping"

_HEAD = struct.Struct("!4sIQQ")

#: Bytes of the smallest probe: one without a filler.
SMALLEST = _HEAD.size

#: Bytes of the largest: the longest UDP payload over IPv4, 65,535 less the headers of IP and UDP.
LARGEST = 65507

_LETTERS = bytes(range(ord("a"), ord("z") + 1))


@dataclass(frozen=True, slots=True)
class Probe:
    """What one probe says.

    :ivar run: of which run, 0 to 2^32 - 1.
    :ivar number: which one of that, from 0.
    :ivar nanoseconds: when it was to be sent, since the start of the run.
    """

    run: int
    number: int
    nanoseconds: int


class ProbeCodec:
    """Probes of one run to bytes and back.

    :param size: bytes of each, `SMALLEST` to `LARGEST`.
    """

    def __init__(self, run: int, size: int) -> None:
        if not SMALLEST <= size <= LARGEST:
            raise ValueError(f"a probe has {SMALLEST} to {LARGEST} bytes, not {size}")
        self.run = run
        self.size = size
        filler = size - SMALLEST
        self._filler = (_LETTERS * (filler // len(_LETTERS) + 1))[:filler]

    def encode(self, number: int, nanoseconds: int) -> bytes:
        """Return a probe as it is sent."""
        return _HEAD.pack(MARK, self.run, number, nanoseconds) + self._filler

    def decode(self, answer: bytes) -> Probe:
        """Return the probe that came back.

        :raises RemoteProtocolError: it is not what was sent: cut, made longer, or altered.
        """
        if len(answer) != self.size or answer[:4] != MARK or answer[SMALLEST:] != self._filler:
            raise RemoteProtocolError("an answer is not what was sent")
        _, run, number, nanoseconds = _HEAD.unpack_from(answer)
        return Probe(run, number, nanoseconds)


class AnswerReader:
    """Answers cut from a stream, which has no borders: each is as long as a probe.

    It holds less than one answer.

    :ivar wrong: what came where an answer should have begun, as far as it has come; empty: nothing.
    """

    def __init__(self, codec: ProbeCodec) -> None:
        self.wrong = b""
        self._codec = codec
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Probe]:
        """Return the probes that this piece of the stream completes.

        What begins otherwise than a probe is `wrong` at once: a server that says other things
        might never say as many bytes as a probe has. Whatever comes after is wrong too.
        """
        self._buffer += data
        size, at, probes = self._codec.size, 0, list[Probe]()
        try:
            while len(self._buffer) - at >= size:
                probes.append(self._codec.decode(bytes(self._buffer[at : at + size])))
                at += size
        except RemoteProtocolError:
            self.wrong = bytes(self._buffer[at:])
        if not MARK.startswith(self._buffer[at : at + len(MARK)]):
            self.wrong = bytes(self._buffer[at:])
        del self._buffer[:at]
        return probes
