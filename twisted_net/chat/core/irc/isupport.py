"""What the server supports, in the words of ISUPPORT (RFC 2812, 5.1; Modern)."""

from twisted_net.chat.core.books import MAX_ROOMS_EACH
from twisted_net.chat.core.ident import MAX_NAME, MAX_REASON, MAX_ROOM
from twisted_net.chat.core.masks import MAX_LIST
from twisted_net.chat.core.modes import FLAGS, MAX_CHANGES

#: Tokens on one line: RFC 2812 knows 15 words, of which the name and the text take two.
TOKENS_A_LINE = 13

#: Targets of one message, of one KICK, and members named in one WHOIS.
MAX_TARGETS = 4

#: Names that one client may have watched.
MAX_MONITORED = 100

#: Messages in one answer of CHATHISTORY.
MAX_HISTORY = 100

#: Letters of modes: flags, those with a value, and those of members.
ROOM_MODES = "".join(sorted(FLAGS + "beIklWov"))
WITH_VALUE = "IWbeklov"


def tokens(network: str, history: bool = False) -> list[str]:
    """Return the tokens; each of them holds because a test does.

    :param history: whether what was said is kept.
    """
    past = [f"CHATHISTORY={MAX_HISTORY}", "MSGREFTYPES=msgid,timestamp"] if history else []
    return [
        f"NETWORK={network}",
        "CASEMAPPING=ascii",
        "CHANTYPES=#",
        "PREFIX=(ov)@+",
        "STATUSMSG=@+",
        f"CHANMODES=beI,k,lW,{FLAGS}",
        f"MODES={MAX_CHANGES}",
        f"MAXLIST=beI:{MAX_LIST}",
        "EXCEPTS=e",
        "INVEX=I",
        "EXTBAN=,m",
        f"CHANLIMIT=#:{MAX_ROOMS_EACH}",
        f"CHANNELLEN={MAX_ROOM + 1}",
        f"NICKLEN={MAX_NAME}",
        f"TOPICLEN={MAX_REASON}",
        f"KICKLEN={MAX_REASON}",
        f"AWAYLEN={MAX_REASON}",
        f"NAMELEN={MAX_REASON}",
        f"TARGMAX=PRIVMSG:{MAX_TARGETS},NOTICE:{MAX_TARGETS},TAGMSG:{MAX_TARGETS},"
        f"KICK:{MAX_TARGETS},JOIN:,PART:,NAMES:1,WHOIS:1",
        "ELIST=CMNTU",
        "SAFELIST",
        "WHOX",
        f"MONITOR={MAX_MONITORED}",
        "BOT=B",
        "UTF8ONLY",
        *past,
    ]
