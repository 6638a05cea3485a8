"""Tests of `twisted_net.net.loading`."""

import gc
from collections.abc import Iterator

import pytest

from twisted_net.net import loading


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave the collector as it was."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.enable()


def test_a_command_that_runs_searches_for_cycles_again() -> None:
    """A server that never did would grow until it is killed."""
    loading.begin()
    assert not gc.isenabled()
    loading.end()
    assert gc.isenabled()


def test_what_was_loaded_is_searched_no_more() -> None:
    """All of it stays; the search would only find that out again and again."""
    loading.begin()
    loaded: list[object] = []
    loading.end()
    assert not any(each is loaded for each in gc.get_objects())


def test_a_program_that_searches_is_left_alone() -> None:
    """Somebody else's program may use our commands, and has its own mind about its memory."""
    kept: list[object] = []
    loading.end()
    assert any(each is kept for each in gc.get_objects())
