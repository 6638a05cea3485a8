"""A small file as it was when it was read: it can be sent again as long as it is what it was."""

import hashlib

from twisted_net.files.http.sending import Fields
from twisted_net.files.shelf import Content
from twisted_net.files.store import OpenFile


class Small(Content):
    """All the bytes of a file in one of its states.

    :ivar fields: what an answer with all of it says, but for its digest.
    """

    def __init__(self, file: OpenFile, content: bytes) -> None:
        super().__init__(file.name, content, file.mtime)
        self.version = file.version
        self.content = content
        self.fields: Fields = []

    @classmethod
    def of(cls, file: OpenFile) -> "Small | None":
        """Read a file; None: it cannot be read just now, or changed meanwhile."""
        try:
            content = file.read(0, file.size)
            whole = len(content) == file.size and not file.changed()
        except OSError:
            return None  # whoever reads on will say so
        return cls(file, content) if whole else None

    def sha256(self) -> str:
        """Return its digest in hex."""
        return hashlib.sha256(self.content).hexdigest()
