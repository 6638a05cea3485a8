"""The table of TCP states: every way is one that RFC 9293 has."""

import pytest

from twisted_net.testing.kernel.tcp.states import NEXT, Event, ImpossibleMove, State, move

POSSIBLE = list(NEXT)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_an_event_moves_on_or_is_impossible(state: State, event: Event) -> None:
    """No event is ignored silently."""
    if (state, event) in NEXT:
        assert isinstance(move(state, event), State)
    else:
        with pytest.raises(ImpossibleMove, match=f"{event.name} in {state.name}"):
            move(state, event)


def test_every_state_can_be_reached_and_left() -> None:
    """No connection gets stuck for want of a way."""
    reached = {State.CLOSED}
    for _ in State:
        reached |= {NEXT[way] for way in NEXT if way[0] in reached}
    assert reached == set(State)
    assert {state for state, _ in NEXT} == set(State)
