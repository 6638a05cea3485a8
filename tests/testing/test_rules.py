"""The words of a rule say no nonsense."""

import pytest

from twisted_net.testing.rules import Delay, Duplicate


def test_a_delay_is_not_negative() -> None:
    """Nothing arrives before it was sent."""
    with pytest.raises(ValueError, match="0 seconds or more, not -1"):
        Delay(-1)


def test_a_duplicate_comes_at_least_once_more() -> None:
    """Duplicating no times would be passing, which is None."""
    with pytest.raises(ValueError, match="at least once, not 0"):
        Duplicate(0)
