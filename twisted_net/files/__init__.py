"""Files over TCP and UDP: a line protocol and TFTP (RFC 1350) in front of one read-only folder."""

from twisted_net.files.doors import FileFactory, FileProtocol
from twisted_net.files.service import FilesService, FilesSettings
from twisted_net.files.store import Shelf
from twisted_net.files.tftp.doors import TftpDatagramProtocol

__all__ = [
    "FileFactory",
    "FileProtocol",
    "FilesService",
    "FilesSettings",
    "Shelf",
    "TftpDatagramProtocol",
]
