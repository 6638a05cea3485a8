"""The client side of the files service: fetch, send and list, over lines, TFTP and HTTP."""

from typing import TYPE_CHECKING

from twisted_net.net.lazy import lazily

if TYPE_CHECKING:
    from twisted_net.files.client.line import FileClient, get, ls, open_client, put
    from twisted_net.files.client.told import Fetched, Progress, Stored, ignore

__all__ = [
    "Fetched",
    "FileClient",
    "Progress",
    "Stored",
    "get",
    "ignore",
    "ls",
    "open_client",
    "put",
]

__getattr__ = lazily(
    __name__,
    {
        "Fetched": "told",
        "FileClient": "line",
        "Progress": "told",
        "Stored": "told",
        "get": "line",
        "ignore": "told",
        "ls": "line",
        "open_client": "line",
        "put": "line",
    },
)
