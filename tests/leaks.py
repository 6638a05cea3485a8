"""What is left behind by what is done over and over."""

import tracemalloc
from collections.abc import Callable

#: Bytes that four more rounds may leave: Python's own tables grow now and then.
SLACK = 20_000


def left_by(play: Callable[[], object]) -> int:
    """Return how many bytes four more rounds leave behind, once the first ones have.

    :param play: one round; collects its own garbage.
    """
    play()
    tracemalloc.start()
    try:
        play()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(4):
            play()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before
