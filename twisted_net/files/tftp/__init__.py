"""Files over UDP: TFTP (RFC 1350) with options (RFC 2347, 2348, 2349)."""

from typing import TYPE_CHECKING

from twisted_net.net.lazy import lazily

if TYPE_CHECKING:
    from twisted_net.files.tftp.doors import TftpDatagramProtocol

__all__ = ["TftpDatagramProtocol"]

__getattr__ = lazily(
    __name__,
    {
        "TftpDatagramProtocol": "doors",
    },
)
