"""Tests of `twisted_net.net.unfragmented`."""

import socket
import sys

import pytest
from twisted.internet.testing import FakeDatagramTransport

from twisted_net.net.unfragmented import forbid_fragments


class Handle:
    """A socket that writes down what is asked of it."""

    def __init__(self, family: int, *, refuses: bool = False) -> None:
        self.family = family
        self.options: list[tuple[int, int, int]] = []
        self._refuses = refuses

    def getHandle(self) -> "Handle":  # noqa: N802 - Twisted's name
        """Be the transport, too."""
        return self

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Set an option, or know none of that kind."""
        if self._refuses:
            raise OSError(92, "Protocol not available")
        self.options.append((level, option, value))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has these options")
@pytest.mark.parametrize(
    ("family", "levels"),
    [
        (socket.AF_INET, [socket.IPPROTO_IP]),
        (socket.AF_INET6, [socket.IPPROTO_IPV6, socket.IPPROTO_IP]),
    ],
)
def test_the_kernel_is_told_not_to_fragment(family: int, levels: list[int]) -> None:
    """For IPv6 twice: such a socket may send IPv4 as well."""
    handle = Handle(family)
    forbid_fragments(handle)
    assert [level for level, _, _ in handle.options] == levels
    assert all(value == 2 for _, _, value in handle.options)


def test_where_it_cannot_be_told_all_else_works() -> None:
    """On another system, with an older kernel, without a socket."""
    forbid_fragments(Handle(socket.AF_INET, refuses=True))
    forbid_fragments(Handle(-1))
    forbid_fragments(FakeDatagramTransport())
