"""Tests of `twisted_net.registry` and `twisted_net.offers`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent
from zope.interface import implementer

from twisted_net import offers, registry
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import setting


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a third party's service."""

    tcp: str = setting("tcp:7017", "Where it listens.")


@dataclass(frozen=True, slots=True)
class Clashing:
    """Settings that take an option of echo's."""

    tcp: str = setting("tcp:7017", "Where it listens.", option="echo-tcp")


@implementer(INetService)
class Service:
    """A third party's service."""

    summary = "Somebody else's."

    def __init__(
        self, name: str = "quote", settings: type[Any] = Settings, commands: Any = None
    ) -> None:
        self.name = name
        self.settings = settings
        self.commands: Any = {} if commands is None else commands

    def doors(self, settings: Any, runtime: Runtime) -> list[Door]:
        """Make none."""
        return []


@implementer(INetService)
class Partial:  # type: ignore[misc]  # that is the point
    """Says it is a service, and is not."""

    name = "partial"


Found = list[tuple[str, Callable[[], Any]]]


def names(
    monkeypatch: pytest.MonkeyPatch, drop_ins: Found, points: Found
) -> tuple[list[str], list[str]]:
    """Return the services found and what was logged, with these of third parties about."""
    monkeypatch.setattr(offers, "drop_ins", lambda: iter(drop_ins))
    monkeypatch.setattr(offers, "entry_points", lambda: iter(points))
    monkeypatch.setattr(registry, "services", registry.services.__wrapped__)
    with capturedLogs() as events:
        found = [service.name for service in registry.services()]
    lines = [formatEvent(event) for event in events]
    own = [service.name for service in registry.BUILT_IN]
    assert found[: len(own)] == own
    return found[len(own) :], lines


def fails() -> Any:
    """Be a module that cannot be imported."""
    raise ModuleNotFoundError("No module named 'x'")


def test_a_service_is_found_in_both_ways_and_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution may offer one object as drop-in and as entry point."""
    service = Service()
    found = names(monkeypatch, [("drop-in", lambda: service)], [("point", lambda: service)])
    assert found == (["quote"], [])


def test_two_services_of_one_name_are_both_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can say which of them was meant."""
    points: Found = [("A 1", Service), ("B 2", Service), ("C 3", Service)]
    found, lines = names(monkeypatch, [], points)
    assert found == []
    assert lines[0] == "duplicate name 'quote' from A 1 and B 2: using none"


def test_a_name_of_ours_stays_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third party cannot take echo's place."""
    found = names(monkeypatch, [], [("other-net 0.1", lambda: Service("echo"))])
    assert found == (
        [],
        ["service ignored: 'echo' from other-net 0.1: the name is one of netdemo's own"],
    )


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (fails, "ModuleNotFoundError: No module named 'x'"),
        (lambda: Service("Quote 2"), "ValueError: its name 'Quote 2' is not one word of a-z"),
        (lambda: Service(settings=int), "TypeError: "),
        (lambda: Service(commands="x"), "TypeError: its commands 'x' are no mapping"),
        (Partial, "not a whole INetService: "),
        (object, "not a whole INetService: "),
    ],
)
def test_a_broken_service_is_one_line_and_the_others_go_on(
    load: Callable[[], Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its origin, and what is wrong with it."""
    found, lines = names(monkeypatch, [], [("other-net 0.1 (x:Y)", load), ("fine", Service)])
    assert found == ["quote"]
    assert len(lines) == 1
    assert lines[0].startswith(f"service ignored: other-net 0.1 (x:Y): {why}")
    assert "\n" not in lines[0]


def test_a_drop_in_that_cannot_be_imported_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the file; Twisted would log a page."""
    folder = tmp_path / "twisted" / "plugins"
    folder.mkdir(parents=True)
    (folder / "broken_net_plugin.py").write_text("import no_such_module_of_theirs\n")
    (folder / "worse_net_plugin.py").write_text("def\n")
    monkeypatch.setattr("twisted.plugins.__path__", [str(folder)])
    with capturedLogs() as events:
        assert list(offers.drop_ins()) == []
    lines = sorted(formatEvent(event) for event in events)
    assert len(lines) == 2
    assert lines[0].startswith(
        f"service ignored: a drop-in in {folder}/broken_net_plugin.py: Module"
    )
    assert lines[1].startswith(
        f"service ignored: a drop-in in {folder}/worse_net_plugin.py: Syntax"
    )


def test_a_service_cannot_take_an_option_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options of all services live in one command line."""
    found = names(monkeypatch, [], [("other 1", lambda: Service(settings=Clashing))])
    assert found == ([], ["service ignored: 'quote' from other 1: option --echo-tcp is taken"])


def test_ours_are_whole() -> None:
    """Each provides what it says it does."""
    with capturedLogs() as events:
        assert [registry._loaded("ours", lambda s=s: s) for s in registry.BUILT_IN] == [  # type: ignore[misc]
            *registry.BUILT_IN
        ]
    assert events == []
