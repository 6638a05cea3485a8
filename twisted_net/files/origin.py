"""Of which state of which file a part is. Pure."""

import json
from dataclasses import asdict, dataclass

from twisted_net.net.errors import BadAnswerError


class StaleError(BadAnswerError):
    """What had come before is of another state of the file; it was forgotten."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the bytes of a part are from, and of which state of the file.

    :ivar source: the URL that it was asked for by; empty: nobody knows.
    :ivar size: of the whole file; None: not known.
    :ivar mtime: when it was changed, seconds since 1970; 0: not known.
    :ivar tag: what HTTP's If-Range takes, an entity tag or a date; empty: there is none.
    :ivar sha256: of the whole file, in hex; empty: not known.
    """

    source: str = ""
    size: int | None = None
    mtime: int = 0
    tag: str = ""
    sha256: str = ""

    @property
    def certain(self) -> bool:
        """Whether another state of the file would be noticed."""
        return bool(self.mtime or self.tag or self.sha256)

    def same(self, now: "Origin") -> bool:
        """Say whether nothing that is known of both tells them apart."""
        if None not in (self.size, now.size) and self.size != now.size:
            return False
        pairs = ((self.mtime, now.mtime), (self.tag, now.tag), (self.sha256, now.sha256))
        return all(was == told for was, told in pairs if was and told)


def render_origin(origin: Origin) -> bytes:
    """Return what is written beside a part."""
    return json.dumps(asdict(origin)).encode() + b"\n"


def parse_origin(data: bytes) -> Origin | None:
    """Read what was written beside a part; None: that is not what this is.

    >>> parse_origin(render_origin(Origin("tcp://a/b", 5, 1)))
    Origin(source='tcp://a/b', size=5, mtime=1, tag='', sha256='')
    """
    try:
        fields = json.loads(data)
        origin = Origin(**fields)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (origin.source, origin.tag, origin.sha256)
    numbers = (origin.size or 0, origin.mtime)
    if not all(isinstance(each, str) and "\n" not in each and "\r" not in each for each in texts):
        return None
    if not all(type(each) is int and each >= 0 for each in numbers):
        return None
    return origin
