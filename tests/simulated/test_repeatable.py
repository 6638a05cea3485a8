"""One seed, one course of events: in this process, in others, and wherever things lie in memory."""

from functools import partial

from tests.net.fast.kinds import FAST
from tests.simulated.fetching import shelf
from tests.simulated.scenarios import CUT, NARROW, STORM, Chat, Files
from twisted_net.testing import SimNetwork, check_determinism


def test_a_conversation_with_disasters_is_the_same_in_every_process() -> None:
    """Whatever seed Python's hashes have: no door iterates over a set, or asks the real clock."""
    chat = Chat(("tcp", "udp", "tcp", "udp"), disasters=("power_off", "kill", "stall", "cut"))
    check_determinism(
        chat,
        7,
        make=partial(SimNetwork, transports=FAST, link=STORM, chunking=CUT, order="shuffle"),
    )


def test_files_with_disasters_are_the_same_in_every_process() -> None:
    """Their digests are made in threads, which are simulated too."""
    files = Files(shelf(), (("note", "page"),), (("blocks",),), disasters=("kill", "cut"))
    check_determinism(
        files, 7, make=partial(SimNetwork, transports=FAST, link=NARROW, chunking=CUT)
    )
