"""What the kernel does for many datagrams at once, found out when first asked for.

* segmentation (``UDP_SEGMENT``, Linux 4.18): one system call sends a train of datagrams;
* ``recvmmsg(2)`` (Linux 2.6.33): one system call receives up to `MOST` of them.

Where either is missing there is a portable way beside it. Other systems spell these things
differently or not at all, so only Linux is looked at.
"""

import ctypes
import errno
import mmap
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from twisted_net.net.fast.addresses import Address, address_of

#: ``UDP_SEGMENT`` of ``linux/udp.h``; Python has no name for it, and `socket.SOL_UDP` not
#: everywhere.
SOL_UDP = 17
UDP_SEGMENT = 103

#: Datagrams in one system call: what the kernel cuts one train into at most (UDP_MAX_SEGMENTS
#: was 64 until Linux 6.9), and a good size for a batch.
MOST = 64

#: Bytes in one train: a little less than the longest datagram, whatever its headers are.
LONGEST_TRAIN = 65_000

#: What sending a train fails with where single datagrams would go: a segment longer than the path
#: takes, a device that computes no checksums, a kernel that knows nothing of trains.
NO_TRAINS = frozenset({errno.EINVAL, errno.EMSGSIZE, errno.EIO, errno.ENOPROTOOPT})

#: Longest datagram that is received in the small buffers. The long rest of each has a place of its
#: own: memory that nobody touches before somebody sends such datagrams.
SLOT = 2048

#: Bytes that may wait to be received, and be under way out. Linux's usual 208 KiB are full after
#: 270 small datagrams, as it counts them; it gives at most net.core.rmem_max.
BUFFER = 1 << 20

#: Addresses that are remembered in their readable form.
ADDRESSES = 4096


def trains(datagrams: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Part datagrams to one peer into what one system call can send, in their order.

    A train is at most `MOST` datagrams and `LONGEST_TRAIN` bytes, all of one size but for the
    last, which may be shorter. One that fits no train comes alone.
    """
    start = 0
    sizes = set(map(len, datagrams))
    count = len(datagrams)
    if len(sizes) == 1 and count <= MOST and 0 < count * max(sizes) <= LONGEST_TRAIN:
        yield datagrams  # the usual answers to a burst
        return
    while start < count:
        size = len(datagrams[start])
        longest = min(MOST, LONGEST_TRAIN // size) if size else 1
        end = start + 1
        while end < count and end - start < longest:
            length = len(datagrams[end])
            if not 0 < length <= size:
                break
            end += 1
            if length < size:
                break
        yield datagrams[start:end]
        start = end


def send_train(sock: socket.socket, datagrams: Sequence[bytes], address: tuple[Any, ...]) -> int:
    """Send one train, as `trains` makes them, of two datagrams or more; return its bytes.

    :raises OSError: none of it was sent; see `NO_TRAINS`.
    """
    size = struct.pack("=H", len(datagrams[0]))
    return sock.sendmsg([b"".join(datagrams)], [(SOL_UDP, UDP_SEGMENT, size)], 0, address)


@cache
def sends_trains() -> bool:
    """Say whether this kernel cuts trains into datagrams."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.getsockopt(SOL_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return True


@cache
def receives_batches() -> bool:
    """Say whether this system has ``recvmmsg``, laid out as we know it."""
    return _recvmmsg() is not None


def enlarge(sock: socket.socket) -> None:
    """Give a datagram socket room for a burst, as far as the system allows."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        # Linux tells twice what it was asked for: half of it is for its own records.
        if sock.getsockopt(socket.SOL_SOCKET, option) < 2 * BUFFER:
            try:
                sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
            except OSError:  # BSDs refuse more than they allow instead of giving less
                return


class _Piece(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """``struct msghdr``."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("pieces", ctypes.c_void_p),
        ("pieces_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """``struct mmsghdr``."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


@cache
def _recvmmsg() -> Any:
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None  # a 32-bit kernel's times have two sizes, and nobody asks for speed there
    try:
        call = ctypes.CDLL(None, use_errno=True).recvmmsg
    except (AttributeError, OSError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    call.restype = ctypes.c_int
    return call


class Batch:
    """Buffers for up to `MOST` datagrams, and the call that fills them.

    :param family: ``AF_INET`` or ``AF_INET6``.
    :param largest: what is longer is cut, as ``recvfrom(largest)`` does.
    """

    def __init__(self, family: int, largest: int) -> None:
        self._call = _recvmmsg()
        self._slot = min(SLOT, largest)
        self._rest = largest - self._slot
        self._name_size = 16 if family == socket.AF_INET else 28
        self._addresses: dict[bytes, Address] = {}
        self._cut_length = -1
        self._cuts: list[slice] = []
        # Anonymous memory: pages come into being when they are first written to, and a slice of
        # it is `bytes`, made in one step.
        self._slots = mmap.mmap(-1, MOST * self._slot)
        self._rests = mmap.mmap(-1, MOST * self._rest) if self._rest else None
        self._names = mmap.mmap(-1, MOST * self._name_size)
        self._pieces = (_Piece * (2 * MOST))()
        self._messages = (_Message * MOST)()
        self._lay_out()
        self._at = ctypes.addressof(self._messages)
        words = memoryview(self._messages).cast("B").cast("I")
        self._lengths = words[_Message.length.offset // 4 :: ctypes.sizeof(_Message) // 4]

    def _lay_out(self) -> None:
        slots, names = _address_of(self._slots), _address_of(self._names)
        rests = _address_of(self._rests) if self._rests else 0
        for number, message in enumerate(self._messages):
            first, second = self._pieces[2 * number], self._pieces[2 * number + 1]
            first.base, first.length = slots + number * self._slot, self._slot
            second.base, second.length = rests + number * self._rest, self._rest
            header = message.header
            header.name, header.name_length = names + number * self._name_size, self._name_size
            header.pieces, header.pieces_count = ctypes.addressof(first), 2 if self._rest else 1

    def receive(self, descriptor: int) -> tuple[list[bytes], list[Address]]:
        """Return the datagrams that wait, and who sent each.

        :param descriptor: a socket that does not block.
        :raises OSError: nothing was received; why, as `socket.socket.recvfrom` says it.
        """
        count = self._call(descriptor, self._at, MOST, 0, None)
        if count < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        lengths = self._lengths[:count].tolist()
        if lengths.count(lengths[0]) == count and lengths[0] <= self._slot:
            datagrams = list(map(self._slots.__getitem__, self._equal_cuts(lengths[0])[:count]))
        else:
            datagrams = [self._datagram(*each) for each in enumerate(lengths)]
        return datagrams, self._senders(count)

    def _equal_cuts(self, length: int) -> list[slice]:
        """Return where datagrams of one length lie: kept, for the next are as long, mostly."""
        if length != self._cut_length:
            self._cut_length = length
            starts = range(0, MOST * self._slot, self._slot)
            self._cuts = [slice(start, start + length) for start in starts]
        return self._cuts

    def _datagram(self, number: int, length: int) -> bytes:
        at = number * self._slot
        first = self._slots[at : at + min(length, self._slot)]
        if self._rests is None or length <= self._slot:
            return first
        at = number * self._rest
        return first + self._rests[at : at + length - self._slot]

    def _senders(self, count: int) -> list[Address]:
        size = self._name_size
        names = self._names[: count * size]
        first = names[:size]
        if names == first * count:
            return [self._address(first)] * count
        return [self._address(names[at : at + size]) for at in range(0, count * size, size)]

    def _address(self, name: bytes) -> Address:
        address = self._addresses.get(name)
        if address is None:
            if len(self._addresses) >= ADDRESSES:
                self._addresses.clear()
            address = self._addresses[name] = address_of(name)
        return address


def _address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
