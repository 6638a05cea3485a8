"""Files over UDP: TFTP (RFC 1350) with options (RFC 2347, 2348, 2349)."""

from twisted_net.files.tftp.doors import TftpDatagramProtocol

__all__ = ["TftpDatagramProtocol"]
