"""Refusals of the hub in the numerics of IRC."""

from twisted_net.chat.codec.irc.numerics import TEXTS, Numeric
from twisted_net.chat.codec.irc.wire import write
from twisted_net.chat.codec.refusals import Refusal, Why

#: What refuses a message to a room, whose reason is told in words.
_SILENCED = frozenset(
    {
        Why.ACCOUNTS_ONLY,
        Why.BANNED,
        Why.MODERATED,
        Why.MUTED,
        Why.NOT_INSIDE,
        Why.NO_CTCP,
        Why.SLOW,
    }
)

_NUMERICS = {
    Why.NAMELESS: Numeric.ERR_NOTREGISTERED,
    Why.REGISTERED: Numeric.ERR_NICKNAMEINUSE,
    Why.NOT_INSIDE: Numeric.ERR_NOTONCHANNEL,
    Why.BANNED: Numeric.ERR_BANNEDFROMCHAN,
    Why.BANISHED: Numeric.ERR_YOUREBANNEDCREEP,
    Why.INVITE_ONLY: Numeric.ERR_INVITEONLYCHAN,
    Why.WRONG_KEY: Numeric.ERR_BADCHANNELKEY,
    Why.FULL: Numeric.ERR_CHANNELISFULL,
    Why.ACCOUNTS_ONLY: Numeric.ERR_NEEDREGGEDNICK,
    Why.NOT_OPERATOR: Numeric.ERR_CHANOPRIVSNEEDED,
    Why.NO_ROOM: Numeric.ERR_NOSUCHCHANNEL,
    Why.MOVED: Numeric.ERR_LINKCHANNEL,
    Why.NO_MEMBER: Numeric.ERR_NOSUCHNICK,
    Why.NOT_THERE: Numeric.ERR_USERNOTINCHANNEL,
    Why.ALREADY_INSIDE: Numeric.ERR_USERONCHANNEL,
    Why.UNKNOWN_MODE: Numeric.ERR_UNKNOWNMODE,
    Why.LIST_FULL: Numeric.ERR_BANLISTFULL,
    Why.TAKEN: Numeric.ERR_NICKNAMEINUSE,
    Why.BAD_NAME: Numeric.ERR_ERRONEUSNICKNAME,
    Why.BAD_ROOM: Numeric.ERR_BADCHANMASK,
    Why.TOO_MANY_ROOMS: Numeric.ERR_TOOMANYCHANNELS,
}

#: What has no numeric: the code of a standard reply (IRCv3 standard-replies).
_CODES = {
    Why.NOT_TEXT: "INVALID_PARAMS",
    Why.BAD_TEXT: "INVALID_PARAMS",
    Why.NO_MESSAGE: "UNKNOWN_MSGID",
    Why.UNREACHABLE: "UNREACHABLE",
    Why.WRONG_PASSWORD: "INVALID_CREDENTIALS",
    Why.NEEDS_TLS: "NEEDS_TLS",
}

#: Refusals whose own words say more than the numeric's.
_IN_WORDS = frozenset({Why.BAD_NAME, Why.BAD_ROOM})

#: What a door of lines says otherwise.
_INSTEAD = {Why.REGISTERED: "Nickname is registered: authenticate by SASL, or take another one"}


def refused(
    refusal: Refusal, server: str, nick: str, command: str, about: tuple[str, ...] = ()
) -> bytes:
    """Write a refusal.

    :param about: the words that the numeric names before its text: a channel, a member, both.
    """
    numeric = _NUMERICS.get(refusal.why)
    if numeric is None:
        code = _CODES.get(refusal.why, "REFUSED")
        return write(server, "FAIL", command, code, *about, sentence(refusal.text))
    text = _INSTEAD.get(refusal.why, TEXTS[numeric])
    if refusal.why in _IN_WORDS:
        text = sentence(refusal.text)
    return write(server, f"{numeric:03}", nick, *about, text)


def silenced(refusal: Refusal, server: str, nick: str, about: tuple[str, ...]) -> bytes | None:
    """Write why a text was not said to a channel; None: for no such reason."""
    if refusal.why not in _SILENCED:
        return None
    numeric = Numeric.ERR_CANNOTSENDTOCHAN
    reason = TEXTS[_NUMERICS[refusal.why]] if refusal.why is Why.NOT_INSIDE else refusal.text
    text = f"{TEXTS[numeric]}: {reason}"
    return write(server, f"{numeric:03}", nick, *about, text)


def sentence(text: str) -> str:
    """Return words as a sentence begins."""
    return text[:1].upper() + text[1:]
