"""Content and sinks that may be anybody's: what goes wrong in them ends one transfer, in words."""

import contextlib
import errno
from collections.abc import Iterator

from twisted.logger import Logger

from twisted_net.files.codec import RefusedError
from twisted_net.files.shelf import Source

#: What a client is told when a shelf, which may be anybody's, breaks.
BUG = "this is a bug of the server's; its log says more"

_log = Logger()


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Let whatever breaks be an OSError, which a transfer knows how to end with."""
    try:
        yield
    except (OSError, RefusedError):
        raise
    except Exception as error:
        _log.failure("tftp: a transfer broke")
        raise OSError(errno.EIO, BUG) from error


class Guarded(Source):
    """Content that is made by whatever a shelf comes up with."""

    def __init__(self, source: Source) -> None:
        self.name, self.size, self.mtime = source.name, source.size, source.mtime
        self.version = source.version
        self._source = source

    def read(self, offset: int, count: int) -> bytes:
        """Return a part of it; raises OSError, if nothing else."""
        with told():
            return self._source.read(offset, count)

    def changed(self) -> bool:
        """Say whether it is no longer what it was; raises OSError."""
        with told():
            return self._source.changed()

    def close(self) -> None:
        """Close it."""
        self._source.close()
