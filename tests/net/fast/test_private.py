"""Tests of `twisted_net.net.fast.private` and of what is done where something is missing."""

from collections.abc import Iterator

import pytest
from twisted.internet.posixbase import PosixReactorBase
from twisted.logger import capturedLogs, formatEvent

from twisted_net.net.fast import opening, private


@pytest.fixture
def asked_anew() -> Iterator[None]:
    """Forget what was found out, before and after."""
    for each in (opening.unfit, private.need_for_transports):
        each.cache_clear()
    yield
    for each in (opening.unfit, private.need_for_transports):
        each.cache_clear()


class Bare(PosixReactorBase):
    """A reactor that was never started."""

    def __init__(self) -> None:
        """Open nothing."""


@pytest.mark.usefixtures("asked_anew")
def test_this_twisted_has_what_is_leaned_on() -> None:
    """Else everything would work, on Twisted's own transports, and nobody would notice."""
    assert opening.unfit() == ""
    assert isinstance(opening.fast(Bare()), opening.Fast)


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("CONNECTION", ("offset", "_tomorrow")), "no _tomorrow in Twisted's FileDescriptor"),
        (
            ("CLASSES", {"twisted.internet.tcp.Port": ("_buildAddr", "_other")}),
            "no _other in Twisted's Port",
        ),
    ],
)
def test_another_twisted_keeps_its_own_transports(
    names: tuple[str, object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said once, in one line."""
    monkeypatch.setattr(private, *names)
    reactor = Bare()
    with capturedLogs() as events:
        assert opening.fast(reactor) is reactor
        assert opening.fast(reactor) is reactor
    assert [formatEvent(each) for each in events] == [
        f"no fast transports here, Twisted's own are used: {why}"
    ]
