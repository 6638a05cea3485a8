"""Files over TCP, UDP and HTTP: a line protocol, TFTP (RFC 1350) and pages, before one folder."""

from typing import TYPE_CHECKING

from twisted_net.net.lazy import lazily

if TYPE_CHECKING:
    from twisted_net.files.codec import RefusedError
    from twisted_net.files.doors import FileFactory, FileProtocol
    from twisted_net.files.http import ShelfResource
    from twisted_net.files.service import FilesService
    from twisted_net.files.settings import FilesSettings
    from twisted_net.files.shelf import Content, Shelf, Sink, Source
    from twisted_net.files.store import Folder
    from twisted_net.files.tftp.doors import TftpDatagramProtocol
    from twisted_net.files.uploads import Writes

__all__ = [
    "Content",
    "FileFactory",
    "FileProtocol",
    "FilesService",
    "FilesSettings",
    "Folder",
    "RefusedError",
    "Shelf",
    "ShelfResource",
    "Sink",
    "Source",
    "TftpDatagramProtocol",
    "Writes",
]

__getattr__ = lazily(
    __name__,
    {
        "Content": "shelf",
        "FileFactory": "doors",
        "FileProtocol": "doors",
        "FilesService": "service",
        "FilesSettings": "settings",
        "Folder": "store",
        "RefusedError": "codec",
        "Shelf": "shelf",
        "ShelfResource": "http",
        "Sink": "shelf",
        "Source": "shelf",
        "TftpDatagramProtocol": "tftp.doors",
        "Writes": "uploads",
    },
)
