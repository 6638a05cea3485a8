"""No search for cycles in what is being loaded: all of it stays."""

import gc

#: New objects between two searches for cycles. Python's 700 are soon made by a command that
#: still prepares, and next to none of them is garbage.
PATIENT = 20_000


def begin() -> None:
    """Load without a search: a tenth of the start of a command would be spent on them."""
    gc.set_threshold(PATIENT)
    gc.disable()


def end() -> None:
    """Search from now on, in what is new; without `begin` this changes nothing.

    Called when the reactor is about to run: what makes cycles comes and goes under it.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
