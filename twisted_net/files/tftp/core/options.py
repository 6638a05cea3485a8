"""What both sides go by: the options of a request, accepted, lowered or left out (RFC 2347)."""

from dataclasses import dataclass

from twisted_net.files.tftp.codec import (
    BLKSIZE,
    LARGEST_BLKSIZE,
    SMALLEST_BLKSIZE,
    whole,
)

#: The widest window that RFC 7440 knows, and what is agreed to unless told otherwise: it keeps any
#: link busy, and boot loaders were never tried with more.
WIDEST = 65535
WINDOWSIZE = 64

#: Bytes of a window at most: more would only fill the peer's receive buffer, and our memory.
MOST_IN_FLIGHT = 1 << 20

#: Largest file that is talked of.
_LARGEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Terms:
    """What a server offers at most.

    :ivar blksize: the largest block; 1428 crosses Ethernet in one piece.
    :ivar windowsize: the widest window.
    :ivar rollover: the block number after 65535 where the request says nothing.
    """

    blksize: int = LARGEST_BLKSIZE
    windowsize: int = WINDOWSIZE
    rollover: int = 0


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides go by.

    :ivar timeout: seconds; None: it is learnt.
    :ivar size: what a write request says the file's size is.
    :ivar answer: the options to put in an OACK; None: none is sent.
    """

    blksize: int = BLKSIZE
    windowsize: int = 1
    timeout: float | None = None
    rollover: int = 0
    size: int | None = None
    answer: dict[str, str] | None = None


def agree(
    asked: dict[str, str],
    size: int | None,
    terms: Terms = Terms(),
    writing: bool = False,
) -> Agreed:
    """Accept what can be kept of a request's options; leave out the others (RFC 2347).

    A value is lowered, never raised; one that is no number, or out of range, is left out.

    :param size: what the answer says of the file's size; None: nothing.
    :param writing: the peer tells the size, and hears it again (RFC 2349).
    """
    blksize, block_answer = _blksize(asked, terms)
    windowsize, window_answer = _windowsize(asked, terms, blksize)
    timeout, timeout_answer = _timeout(asked)
    rollover = whole(asked.get("rollover", ""), 0, 1)
    told = whole(asked.get("tsize", ""), 0, _LARGEST)
    answers = block_answer | window_answer | timeout_answer
    if rollover is not None:
        answers["rollover"] = asked["rollover"]
    if told is not None and writing:
        answers["tsize"] = asked["tsize"]
    elif told is not None and size:
        # An empty file's is left out: curl takes "0" for an error, and would not fetch it.
        answers["tsize"] = str(size)
    return Agreed(
        blksize,
        windowsize,
        timeout,
        terms.rollover if rollover is None else rollover,
        (told or None) if writing else None,  # some say 0 where they do not know
        {name: answers[name] for name in asked if name in answers} or None,
    )


def _blksize(asked: dict[str, str], terms: Terms) -> tuple[int, dict[str, str]]:
    largest = max(terms.blksize, SMALLEST_BLKSIZE)
    wanted = whole(asked.get("blksize", ""), SMALLEST_BLKSIZE, LARGEST_BLKSIZE)
    if wanted is not None:  # RFC 2348
        return min(wanted, largest), {"blksize": str(min(wanted, largest))}
    wanted = whole(asked.get("blksize2", ""), SMALLEST_BLKSIZE, LARGEST_BLKSIZE)
    if wanted is not None:  # tftpd-hpa's: a power of two, for those who can do no other
        power = 1 << (min(wanted, largest).bit_length() - 1)
        return power, {"blksize2": str(power)}
    return BLKSIZE, {}


def _windowsize(asked: dict[str, str], terms: Terms, blksize: int) -> tuple[int, dict[str, str]]:
    wanted = whole(asked.get("windowsize", ""), 1, WIDEST)
    if wanted is None:  # RFC 7440
        return 1, {}
    granted = max(1, min(wanted, terms.windowsize, MOST_IN_FLIGHT // blksize))
    return granted, {"windowsize": str(granted)}


def _timeout(asked: dict[str, str]) -> tuple[float | None, dict[str, str]]:
    seconds = whole(asked.get("timeout", ""), 1, 255)
    if seconds is not None:
        return float(seconds), {"timeout": asked["timeout"]}  # unchanged (RFC 2349)
    micro = whole(asked.get("utimeout", ""), 10_000, 255_000_000)
    if micro is not None:  # tftpd-hpa's
        return micro / 1e6, {"utimeout": asked["utimeout"]}
    return None, {}
