"""Strict transport security (IRCv3 sts)."""

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from tests.chat.irc import IrcChat, OnIrc
from tests.chat.members import dice
from twisted_net.chat import ChatService, ChatSettings
from twisted_net.chat.core.irc.offered import OFFERED
from twisted_net.chat.core.irc.security import Policy
from twisted_net.chat.settings import policy_in
from twisted_net.net.errors import SettingError, StartError
from twisted_net.net.service import Runtime
from twisted_net.net.settings import Group, load

MONTH = 30 * 86400
POLICY = Policy(MONTH, 6697, "irc.example")


@implementer(ISSLTransport)
class Tls(StringTransport):  # type: ignore[misc]  # as far as these tests go
    """A transport whose client has asked for a host, and was shown a certificate."""

    asked: bytes | None = b"IRC.example"
    issuer = "somebody else"

    def getHandle(self) -> Any:  # noqa: N802 - Twisted's
        """Return what OpenSSL would say."""
        own = SimpleNamespace(issuer=self.issuer, subject="irc.example")
        return SimpleNamespace(
            get_servername=lambda: self.asked,
            get_certificate=lambda: SimpleNamespace(to_cryptography=lambda: own),
        )

    def getPeerCertificate(self) -> None:  # noqa: N802 - Twisted's
        """Return none."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's
        """Be complete."""


class Elsewhere(Tls):
    """The client has asked for another host."""

    asked = b"chat.example"


class Nowhere(Tls):
    """The client has asked for none."""

    asked = None


class Demo(Tls):
    """The certificate signs itself."""

    issuer = "irc.example"


def told(policy: Policy, transport: type[StringTransport], version: str = "302") -> list[str]:
    """Return what a client is told of the policy."""
    client = OnIrc(IrcChat(policy=policy), transport=transport)
    if transport is not StringTransport:
        client.protocol.handshakeCompleted()
    words = client.says(f"CAP LS {version}".rstrip())[0].rpartition(":")[2].split(" ")
    assert {*OFFERED} <= {word.partition("=")[0] for word in words}
    return [word for word in words if word.partition("=")[0] == "sts"]


@pytest.mark.parametrize(
    ("transport", "wanted"),
    [
        (StringTransport, [f"sts=port=6697,duration={MONTH}"]),
        (Tls, [f"sts=duration={MONTH}"]),
        (Elsewhere, []),
        (Nowhere, []),
        (Demo, []),
    ],
)
def test_how_to_come_is_told_by_the_way_that_a_client_came(
    transport: type[StringTransport], wanted: list[str]
) -> None:
    """The port to those without TLS; how long, to those with TLS who asked for this very host."""
    assert told(POLICY, transport) == wanted


def test_a_policy_is_taken_back_from_whoever_comes_over_tls() -> None:
    """And nobody is sent there any more."""
    over = Policy(0, 6697, "irc.example")
    assert [told(over, each) for each in (StringTransport, Tls, Nowhere, Demo)] == [
        [], ["sts=duration=0"], ["sts=duration=0"], ["sts=duration=0"],
    ]  # fmt: skip


def test_who_does_not_understand_values_is_told_nothing() -> None:
    """The value is required."""
    assert told(POLICY, StringTransport, "") == []
    assert told(POLICY, StringTransport, "301") == []


def test_it_cannot_be_asked_for() -> None:
    """NAK, with all that was asked for beside it; and LIST has it never."""
    client = OnIrc(IrcChat(policy=POLICY))
    client.says("CAP LS 302")
    assert client.says("CAP REQ sts", "CAP REQ :batch sts", "CAP REQ -sts", "CAP LIST") == [
        ":irc.example CAP * NAK sts",
        ":irc.example CAP * NAK :batch sts",
        ":irc.example CAP * NAK -sts",
        ":irc.example CAP * LIST cap-notify",
    ]


def test_without_a_policy_there_is_none() -> None:
    """It is for whoever runs the server to want one."""
    assert "sts" not in " ".join(OnIrc(IrcChat()).says("CAP LS 302"))


# How it is set.

SSL = "ssl:6697:privateKey=x.pem"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("30d", (MONTH, 0)), ("12h:6697", (43200, 6697)), ("0", (0, 0)), ("0:7000", (0, 7000))],
)
def test_a_time_and_a_port_are_read(text: str, wanted: tuple[int, int]) -> None:
    """The port may be left out."""
    assert policy_in(text) == wanted


@pytest.mark.parametrize("text", ["30", "30d:", "30d:0", "30d:65536", "-1d", "٣d", "d", "30d:x"])
def test_what_is_no_policy_is_refused(text: str) -> None:
    """In one line."""
    with pytest.raises(SettingError, match=r"^--irc-sts '.*': need a time, as 30d or 12h, or 0"):
        load([Group("chat", ChatSettings, "chat-")], {"irc-sts": text}, {})


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, "open a door that speaks TLS, as --irc-tls ssl:6697:..."),
        ({"irc_tls": "tcp:6697"}, "open a door that speaks TLS, as --irc-tls ssl:6697:..."),
        ({"irc_tls": SSL}, "say for which host, with --irc-name"),
        (
            {"irc_tls": "ssl:0:privateKey=x.pem", "irc_name": "irc.example"},
            "--irc-tls takes any port; say which one, as 30d:6697",
        ),
    ],
)
def test_a_policy_that_nobody_could_keep_is_refused_at_the_start(
    settings: dict[str, Any], error: str
) -> None:
    """With the option, the value, and what is wanted."""
    with pytest.raises(StartError) as raised:
        ChatService().doors(ChatSettings(irc_sts="30d", **settings), Runtime(Clock(), dice(1)))
    assert str(raised.value) == f"--irc-sts '30d': {error}"


def test_the_port_is_that_of_the_door_unless_another_one_is_named() -> None:
    """A router may show another one."""
    for sts, port in (("30d", 6697), ("30d:7000", 7000)):
        settings = ChatSettings(irc_tls=SSL, irc_name="irc.example", irc_sts=sts)
        doors: Any = ChatService().doors(settings, Runtime(Clock(), dice(1)))
        irc = next(each for each in doors if each.name == "irc")
        assert irc.serve.server.policy == Policy(MONTH, port, "irc.example")
