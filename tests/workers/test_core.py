"""Tests of `twisted_net.workers.core`."""

from twisted_net.workers.core import PAUSES, SETTLED, Crew


def serving(size: int = 2, now: float = 100.0) -> Crew:
    """Return a crew whose processes all serve."""
    crew = Crew.of(size)
    for index in range(size):
        crew.started(index, now)
        crew.ready(index)
    return crew


def test_the_crew_is_ready_once_when_all_of_it_are() -> None:
    """A process that takes the place of another announces nothing again."""
    crew = Crew.of(2)
    for index in (0, 1):
        crew.started(index, 100.0)
    assert not crew.ready(1)
    assert crew.ready(0)
    crew.ended(0, 200.0)
    crew.started(0, 200.0)
    assert not crew.ready(0)


def test_a_process_that_had_served_for_a_while_is_replaced_at_once() -> None:
    """Nobody waits for what happens once a day."""
    crew = serving(now=100.0)
    assert crew.ended(1, 100.0 + SETTLED) == 0.0
    assert crew.restarts == 1


def test_processes_that_fail_in_a_row_are_replaced_more_and_more_slowly() -> None:
    """Each takes some time of a processor to start; and none is the last."""
    crew = Crew.of(1)
    pauses = []
    for start in range(len(PAUSES) + 2):
        crew.started(0, float(start))
        crew.ready(0)
        pauses.append(crew.ended(0, start + 0.5))
    assert pauses == [*PAUSES, PAUSES[-1], PAUSES[-1]]


def test_a_process_that_settles_ends_the_row_of_failures() -> None:
    """What failed yesterday does not slow down today."""
    crew = Crew.of(1)
    for start in (0.0, 1.0, 2.0):
        crew.started(0, start)
        crew.ended(0, start)
    crew.started(0, 3.0)
    crew.ready(0)
    assert crew.ended(0, 3.0 + SETTLED) == 0.0


def test_a_process_that_never_served_has_failed_however_long_it_took() -> None:
    """A start that hangs for an hour is no success."""
    crew = Crew.of(1)
    crew.started(0, 0.0)
    assert crew.ended(0, 3600.0) == PAUSES[0]


def test_nobody_is_replaced_while_all_stop() -> None:
    """Their end is what was asked for."""
    crew = serving()
    crew.stopping = True
    assert crew.ended(0, 200.0) is None
    assert crew.restarts == 0
