"""Every IRC command with any parameters, in any state: an answer, and nobody is cut (R26)."""

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.core.irc.every import COMMANDS
from twisted_net.chat.core.irc.offered import OFFERED

#: What the answer to nearly anything may be: those never answered, and those that are obeyed.
QUIET = {"CAP", "NICK", "PASS", "PONG", "USER"}

#: Those that end a connection: the latter is believed of known gateways alone.
ENDING = {"QUIT", "WEBIRC"}

WORDS = ["", "é", "#room", "red", "*", "0", ",", "#", ":", "+o-b", "@#room", "x" * 30]
WORDS += ["PLAIN", "LATEST", "TARGETS", "timestamp=2026-01-01T00:00:00.000Z", "msgid=1-1", "9"]


def still_here(member: OnIrc) -> None:
    """Check that the connection lives and answers."""
    assert not member.transport.disconnecting
    assert member.says("PING :still here")[-1].endswith("PONG irc.example :still here")


@pytest.mark.parametrize("name", ["", "red"])
@pytest.mark.parametrize("command", [*COMMANDS, "X", "001", "é"])
def test_any_number_of_parameters_gets_an_answer(command: str, name: str) -> None:
    """0, 1, 2 and 50 of them, before and after registration."""
    server = IrcChat(keep=True, accounts=True)
    for number, word in itertools.product((0, 1, 2, 50), ("é", "#room", "red", "x")):
        member = server.on_irc(name)
        member.hears()
        replies = member.says(" ".join([command, *[word] * number]))
        if command == "QUIT" or (command == "WEBIRC" and number >= 4 and not name):
            assert member.transport.disconnecting
            assert replies[-1].startswith("ERROR :")
            member.protocol.connectionLost()
            continue
        assert replies or command in QUIET or name
        still_here(member)
        member.says("QUIT")


class AnyCommands(RuleBasedStateMachine):
    """Members who send what they like, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.server = IrcChat(keep=True, accounts=True)
        self.members = [
            self.server.on_irc("red", "labeled-response", "batch", "message-tags", "sasl"),
            self.server.on_irc("blue", *OFFERED, "draft/read-marker", "draft/event-playback"),
            self.server.on_irc(),
        ]

    @rule(
        who=st.integers(0, 2),
        command=st.sampled_from([each for each in COMMANDS if each not in ENDING]),
        words=st.lists(st.sampled_from(WORDS), max_size=4),
        last=st.none() | st.text(max_size=12).filter(lambda text: not set("\r\n") & set(text)),
        label=st.sampled_from(["", "@label=x "]),
    )
    def say(self, who: int, command: str, words: list[str], last: str | None, label: str) -> None:
        """Send a line."""
        line = " ".join([label + command, *words])
        self.members[who].says(line if last is None else f"{line} :{last}")

    @rule(who=st.integers(0, 2), data=st.binary(max_size=40))
    def send(self, who: int, data: bytes) -> None:
        """Send any bytes, and end the line."""
        if not any(each.encode() in data.upper() for each in ENDING):
            self.members[who].sends(data + b"\n")

    @invariant()
    def everybody_is_answered(self) -> None:
        """Nobody has been thrown out, and all that comes are whole lines."""
        for member in self.members:
            self.server.clock.advance(0.5)
            still_here(member)


TestAnyCommands = AnyCommands.TestCase
TestAnyCommands.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
