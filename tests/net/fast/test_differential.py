"""What parties see on fast transports is what they see on Twisted's own: random scripts on both.

``make fuzz`` plays thousands of them; see `fuzz`.
"""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.fast.fuzz import compare, compare_on_real_sockets
from tests.net.fast.scripts import draw_play

#: What Twisted hands to pyOpenSSL is Twisted's affair.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")

#: How many scripts are played on the simulated network here.
SAMPLE = 80


@pytest.fixture(scope="module")
def little_garbage() -> Iterator[None]:
    """Let each play search for garbage only in what is new, which is most of its time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("little_garbage")
@pytest.mark.logs("ZeroDivisionError", "AttributeError")
@pytest.mark.parametrize("part", range(4))
def test_every_script_is_seen_alike_by_all_parties(part: int) -> None:
    """Bytes, half-closes, ends and their reasons, what producers are told, and what is logged."""
    for seed in range(part, SAMPLE, 4):
        assert compare(seed).wrong == "", f"seed {seed}"


def test_the_sample_holds_what_it_should() -> None:
    """TLS from the start and later, many connections in one process, and every action."""
    plays = [draw_play(seed) for seed in range(SAMPLE)]
    assert {each.tls for each in plays} == {"never", "at once", "later"}
    assert {len(each.pairs) for each in plays} == {1, 2, 3}
    scripts = [script for each in plays for pair in each.pairs for script in pair]
    actions = {step.action for script in scripts for step in script.steps}
    assert len(actions) == 21
    assert len({script.fails for script in scripts}) == 7


@pytest.mark.real_sockets
def test_every_script_without_a_race_is_seen_alike_on_real_sockets(tmp_path: Path) -> None:
    """Two dozen at one time, half of them on UNIX sockets."""
    assert compare_on_real_sockets(range(24), tmp_path) == ""
