"""The client side of the files service: fetch, send and list, over lines, TFTP and HTTP."""

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
