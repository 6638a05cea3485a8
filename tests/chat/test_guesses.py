"""Passwords of all kinds are guessed by one address a few times, at whatever door."""

from tests.chat.irc import IrcChat, OnIrc
from twisted_net.chat.accounts.penalties import EVERY, TRIES

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"

RIGHT = "AUTHENTICATE AHJlZABwZW5jaWw="  # NUL red NUL pencil
LATE = "Too many wrong passwords: wait 30 s"


def chat(**settings: object) -> IrcChat:
    """Return a chat with an account and an operator."""
    made = IrcChat(
        accounts=True,
        operators=lambda name, password, told: told((name, password) == ("root", "secret")),
        **settings,  # type: ignore[arg-type]
    )
    founder = made.on_irc(host=ELSEWHERE)
    founder.says("PASS sesame", "NICK red", "USER red 0 * :Red", "REGISTER * * pencil", "QUIT")
    founder.protocol.connectionLost()
    return made


def guessing(server: IrcChat, name: str = "blue", host: str = HERE) -> OnIrc:
    """Return a member who has guessed wrong as often as one may."""
    member = server.on_irc(name, host=host)
    member.hears()
    assert member.numerics(*["OPER root guess"] * TRIES) == ["464"] * TRIES
    return member


def test_who_guesses_an_operators_password_has_to_wait() -> None:
    """However right the next one is; others at other addresses need not."""
    server = chat()
    member = guessing(server)
    assert member.says("OPER root secret") == [f":irc.example FAIL OPER RATE_LIMITED :{LATE}"]
    assert server.on_irc("green", host=ELSEWHERE).numerics("OPER root secret")[-1] == "381"
    server.clock.advance(EVERY)
    assert member.numerics("OPER root secret") == ["MODE", "381"]


def test_a_wrong_password_of_an_operator_is_one_of_an_account() -> None:
    """And the other way round: there is one count for an address."""
    server = chat()
    guessing(server)
    other = server.on_irc(host=HERE)
    other.says("CAP REQ sasl")
    assert other.numerics("AUTHENTICATE PLAIN")[-1] == "904"
    server.clock.advance(EVERY)
    assert other.numerics("AUTHENTICATE PLAIN", RIGHT)[-2:] == ["900", "903"]


def test_who_knows_the_password_may_say_it_as_often_as_they_like() -> None:
    """Only what is wrong counts."""
    server = chat()
    member = server.on_irc("blue")
    for _ in range(3 * TRIES):
        assert "381" in member.numerics("OPER root secret")
        server.clock.advance(10)


def test_the_password_of_the_server_is_guessed_no_more_often() -> None:
    """Who says none has guessed none; the right one is not even looked at in the end."""
    server = chat(password="sesame")  # noqa: S106

    def enters(*first: str, host: str = HERE) -> str:
        peer = server.on_irc(host=host)
        last = peer.says(*first, "NICK blue", "USER blue 0 * :Blue")[-1]
        peer.says("QUIT")
        peer.protocol.connectionLost()
        return last

    wrong = "ERROR :Closing link: 127.0.0.1 (password incorrect)"
    assert [enters() for _ in range(2 * TRIES)] == [wrong] * 2 * TRIES
    assert [enters("PASS guess") for _ in range(TRIES)] == [wrong] * TRIES
    assert LATE.lower() in enters("PASS sesame").lower()
    assert not enters("PASS sesame", host=ELSEWHERE).startswith("ERROR")
