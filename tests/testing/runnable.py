"""Simulated tests that every runner can run; `test_runners` has each of them do so.

Each writes its digests into the file that the variable ``DIGESTS`` names.
"""

import os
import unittest
from pathlib import Path

from tests.testing.chats import STORM, chat
from tests.testing.parties import Party, call, serve
from twisted_net.testing import Chunking, Link, SimNetwork, simulate


def tell(net: SimNetwork, name: str) -> None:
    """Write down what became of a run."""
    with Path(os.environ["DIGESTS"]).open("a", encoding="utf-8") as digests:
        digests.write(f"{name} {net.seed} {net.digest()}\n")


class Simulated(unittest.TestCase):
    """A stream and some datagrams, under three seeds each."""

    @simulate(seeds=3, link=Link(loss=0.2), chunking=Chunking(split=0.5))
    async def test_a_stream_comes_back(self, net: SimNetwork) -> None:
        """What was sent comes back."""
        serve(net.host("server"))
        party = await call(net.host("client"), "server", Party(b"hello" * 2000))
        await net.sleep(600)
        self.assertEqual(party.text, b"hello" * 2000)
        tell(net, "stream")

    @simulate(seeds=3, link=STORM)
    def test_words_are_heard_once(self, net: SimNetwork) -> None:
        """What was said is heard."""
        room = chat(net)
        net.settle()
        self.assertEqual(len(room.heard), 15)
        tell(net, "words")
