"""KLINE, UNKLINE and STATS k on the IRC door, and who is thrown out of all doors by them."""

import pytest

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.core.ident import hidden_host


@pytest.fixture
def server() -> IrcChat:
    """Return a server with operators."""
    return IrcChat(
        operators=lambda name, password, told: told((name, password) == ("root", "secret")),
        secret=b"secret",
    )


@pytest.fixture
def boss(server: IrcChat) -> OnIrc:
    """Return an operator, from another address than all others."""
    boss = server.on_irc("boss", host="192.0.2.1")
    boss.says("OPER root secret")
    return boss


def test_who_is_banned_is_thrown_out_and_stays_out(server: IrcChat, boss: OnIrc) -> None:
    """Of every door, and told why: 465 (RFC 2812, 5.2)."""
    red, line = server.on_irc("red"), server.on_line("lines")
    packets = server.on_datagrams("packets")
    boss.says("JOIN #lobby")
    red.says("JOIN #lobby")
    boss.hears()
    host = server.hub.find("red").host
    answer = boss.says("KLINE 2h red :too loud")
    told = f":irc.example NOTICE boss :*!*@{host} is banned until Thu, 01 Jan 2026 02:00:00 UTC"
    assert told in answer
    assert sum(each.endswith(" QUIT :banned") for each in answer) == 2
    text = "ERROR :Closing link: 192.168.1.1 (banned from this server: too loud)"
    assert red.hears()[-1] == text
    assert red.transport.disconnecting
    assert line.transport.disconnecting  # from the same address
    boss.says("KLINE packets")
    packets.pump()
    assert [member.name for member in server.hub.members()] == ["boss"]
    assert server.on_irc("").says("NICK pink", "USER p 0 * :P") == [
        ":irc.example 465 pink :You are banned from this server",
        text,
    ]
    assert "ERR 403 banned from this server: too loud" in server.on_line().says("NICK new")
    server.clock.advance(7201)
    assert server.on_irc("").numerics("NICK pink", "USER p 0 * :P")[0] == "001"


def test_a_ban_is_of_a_mask_a_member_or_an_address(server: IrcChat, boss: OnIrc) -> None:
    """STATS k lists those that hold, for operators."""
    for who in ("KLINE 7d ugly*!*@* :Names!", "KLINE 198.51.100.7", "KLINE 2001:db8::0:1 x"):
        boss.says(who)
    boss.says("KLINE 1m brief")
    server.clock.advance(61)
    boss.hears()
    hosts = [hidden_host(each, b"secret") for each in ("198.51.100.7", "2001:db8::1")]
    assert boss.says("STATS k") == [
        ":irc.example 216 boss K ugly*!*@* * boss :until Thu, 08 Jan 2026 00:00:00 UTC Names!",
        f":irc.example 216 boss K *!*@{hosts[0]} * boss :for ever no reason",
        f":irc.example 216 boss K *!*@{hosts[1]} * boss :for ever x",
        ":irc.example 219 boss k :End of STATS",
    ]
    assert boss.says("UNKLINE 198.51.100.7") == [
        f":irc.example NOTICE boss :*!*@{hosts[0]} is banned no more"
    ]
    assert server.on_irc("red", host="198.51.100.7").numerics("PING x") == ["PONG"]
    assert boss.says("UNKLINE 198.51.100.7") == [
        f":irc.example FAIL UNKLINE REFUSED :No ban of '*!*@{hosts[0]}'"
    ]


def test_nobody_else_may(server: IrcChat, boss: OnIrc) -> None:
    """481; and an operator not everything."""
    red = server.on_irc("red")
    assert red.numerics("KLINE boss", "UNKLINE x", "STATS k") == ["481", "481", "481", "219"]
    assert boss.numerics("KLINE", "UNKLINE") == ["461", "461"]
    assert boss.says("KLINE boss") == [
        f":irc.example FAIL KLINE REFUSED :'*!*@{server.hub.find('boss').host}' is you"
    ]
    assert boss.says("KLINE 99999d red")[0].startswith(":irc.example FAIL KLINE REFUSED :Time")


def test_a_name_that_is_banned_is_not_taken(server: IrcChat, boss: OnIrc) -> None:
    """465, and the client stays under the name that it has."""
    boss.says("KLINE bad*")
    red = server.on_irc("red")
    assert red.numerics("NICK badger", "PING x") == ["465", "PONG"]


def test_an_operator_lets_a_room_be_kept_no_more_from_outside() -> None:
    """A secret one too; of all else there it is told nothing."""
    chat = IrcChat(
        accounts=True,
        operators=lambda name, password, told: told((name, password) == ("root", "secret")),
    )
    red = chat.on_irc("red", host="127.0.0.1")
    red.says("REGISTER * * pencil", "JOIN #tea", "MODE #tea +Ps", "PART #tea")
    root = chat.on_irc("root")
    assert root.numerics("MODE #tea -P", "OPER root secret", "MODE #tea", "MODE #tea +P") == [
        "403", "MODE", "381", "403", "403"
    ]  # fmt: skip
    assert root.numerics("MODE #tea -P", "MODE #tea -P") == ["MODE", "403"]
    assert chat.hub.rooms() == []
