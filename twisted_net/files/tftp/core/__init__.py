"""TFTP transfers as pure objects: packets and the time in, datagrams out (RFC 1350, RFC 7440).

A window of blocks, its acknowledgement, the next window. Whoever waits sends what it waits for an
answer to again when its `deadline` has passed, and both sides ignore what they did not wait for.
That is all it takes to survive loss, duplication and reordering.
"""

from twisted_net.files.tftp.core.asking import Getter, Putter
from twisted_net.files.tftp.core.blocks import (
    NOTHING,
    Blocks,
    Buffer,
    ChangedError,
    Layout,
    Stretch,
)
from twisted_net.files.tftp.core.netascii import Decoder, Netascii
from twisted_net.files.tftp.core.options import Agreed, Terms, agree
from twisted_net.files.tftp.core.receiver import Receiver
from twisted_net.files.tftp.core.sender import Sender
from twisted_net.files.tftp.core.timing import CEILING, FIRST_GUESS, FLOOR, Timeout
from twisted_net.files.tftp.core.transfer import RETRIES, State, Transfer

__all__ = [
    "CEILING",
    "FIRST_GUESS",
    "FLOOR",
    "NOTHING",
    "RETRIES",
    "Agreed",
    "Blocks",
    "Buffer",
    "ChangedError",
    "Decoder",
    "Getter",
    "Layout",
    "Netascii",
    "Putter",
    "Receiver",
    "Sender",
    "State",
    "Stretch",
    "Terms",
    "Timeout",
    "Transfer",
    "agree",
]
