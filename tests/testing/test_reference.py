"""The reference names what there is, and nothing else."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twisted_net import testing
from twisted_net.testing import Host, SimNetwork, Trace, explore, hypothesis, pytest_plugin

PAGE = (Path(__file__).parents[2] / "docs/reference/testing.md").read_text(encoding="utf-8")


def rows(title: str) -> list[tuple[str, list[str]]]:
    """Return what the tables of a section name, each with its parameters."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (text,) = [each for each in section if each.startswith(f"{title}\n")]
    named = re.findall(r"^\| `(\w+)(?:\((.*?)\))?` \|", text, re.MULTILINE)
    return [(name, [each for each in re.split(r"[*, ]+", given) if each]) for name, given in named]


def parameters(value: Callable[..., Any]) -> list[str]:
    """Return the names of what a function takes."""
    return [name for name in inspect.signature(value).parameters if name != "self"]


def test_every_public_name_is_in_the_reference() -> None:
    """A name that is added gets a line."""
    assert [name for name, _ in rows("Names")] == testing.__all__


def test_every_option_of_a_network_is_in_the_reference() -> None:
    """In the order in which the class has them."""
    named = [name for name, _ in rows("SimNetwork") if not hasattr(SimNetwork, name)]
    options = [name for name in parameters(SimNetwork) if name not in ("seed", "link")]
    assert named == options
    assert "| `link` | " in PAGE


@pytest.mark.parametrize(
    ("title", "where"),
    [
        ("SimNetwork", SimNetwork),
        ("Host", Host),
        ("Trace", Trace),
        ("twisted_net.testing.hypothesis", hypothesis),
    ],
)
def test_what_the_reference_says_can_be_called(title: str, where: object) -> None:
    """With the parameters that it names, and no others."""
    for name, given in rows(title):
        value = getattr(where, name, None)
        if inspect.isfunction(value) and not (value is SimNetwork.link and not given):
            assert given == parameters(value), name


def test_no_attribute_in_the_reference_is_made_up() -> None:
    """Every line about a host is about something that a host has."""
    host = SimNetwork().host("a")
    assert [name for name, _ in rows("Host") if not hasattr(host, name)] == []


def test_the_reference_has_the_markers_and_the_environment() -> None:
    """They are what people look up."""
    for marker in pytest_plugin.MARKERS:
        assert f"marker `{marker.partition(':')[0]}`" in PAGE
    variables = [name for name, _ in rows("Environment")]
    module = inspect.getmodule(explore)
    assert variables == [getattr(module, name) for name in ("SEED", "SEEDS", "CAPTURES")]
