"""A link or a chunking that makes no sense is refused where it is written."""

from typing import Any

import pytest

from twisted_net.testing import Chunking, Link


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ({"loss": 1.5}, "loss is a probability, not 1.5"),
        ({"reorder": -0.1}, "reorder is a probability"),
        ({"latency": -1.0}, "latency is 0 seconds or more"),
        ({"mtu": 60}, "68 bytes or more"),
    ],
)
def test_a_link_is_checked(what: dict[str, Any], complaint: str) -> None:
    """A typing error is told from a lossy network."""
    with pytest.raises(ValueError, match=complaint):
        Link(**what)


@pytest.mark.parametrize(
    ("what", "complaint"),
    [({"split": 2.0}, "split is a probability"), ({"size": 0}, "a byte at least")],
)
def test_a_chunking_is_checked(what: dict[str, Any], complaint: str) -> None:
    """A read of no bytes would be the end of the stream."""
    with pytest.raises(ValueError, match=complaint):
        Chunking(**what)


def test_a_link_that_only_takes_time_is_harmless() -> None:
    """Latency is no fault; jitter is."""
    assert Link(latency=3).harmless
    assert not Link(jitter=0.001).harmless
