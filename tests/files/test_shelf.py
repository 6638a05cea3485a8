"""Tests of `twisted_net.files.shelf`: what a program of one's own may put behind the doors."""

import pytest

from twisted_net.files.codec import Entry, List, RefusedError
from twisted_net.files.shelf import Content, Shelf, Source


class Greetings(Shelf):
    """A shelf that greets who asks."""

    def open(self, name: bytes, peer: str = "") -> Source:
        """Make a greeting."""
        if name != b"hello":
            raise RefusedError(404, "no such file")
        return Content(name, f"Hello, {peer}!\n".encode(), mtime=1700000000)


def test_content_may_depend_on_who_asks() -> None:
    """By name and by address; no file is needed."""
    source = Greetings().open(b"hello", "192.0.2.7")
    assert source.size == 18
    assert source.read(7, 9) == b"192.0.2.7"
    assert source.read(18, 9) == b""
    assert (source.fileno(), source.version, source.changed()) == (-1, None, False)


def test_a_shelf_that_only_opens_can_be_asked_everything_else() -> None:
    """It tells of one name, lists none, and stores nothing."""
    shelf = Greetings()
    assert shelf.stat(b"hello", "me") == Entry("file", 11, 1700000000, b"hello")
    assert shelf.list(List()) == ([], False)
    for ask in (shelf.stat, shelf.receive):
        with pytest.raises(RefusedError) as caught:
            ask(b"other")
        assert caught.value.code in (403, 404)
