"""Chat: one hub; what is said on one door, lines, IRC or UDP, is heard on all others.

Beside the folders, each of which says what is in it:

* made from settings: `service`, `settings`, `founding`, `irc`, `keeping`
* between doors and hub: `post`, `login`, `remembering`
* what outlives a connection: `owning`, `banning`; files of people: `opers`, `gateways`, `hashing`
* ``netdemo chat``: `commands`, `conversation`, `typed`, `terminal`, `screen`, `forget`
* chat without a server: `peer`, `links`, `acquaintance`, `keyring`
"""

from typing import TYPE_CHECKING

from twisted_net.net.lazy import lazily

if TYPE_CHECKING:
    from twisted_net.chat.core.hub import Hub
    from twisted_net.chat.doors.datagram import ChatDatagramProtocol
    from twisted_net.chat.doors.ipmsg import IpmsgDatagramProtocol
    from twisted_net.chat.doors.irc import ChatIrcFactory, ChatIrcProtocol
    from twisted_net.chat.doors.line import ChatLineFactory, ChatLineProtocol
    from twisted_net.chat.service import ChatService
    from twisted_net.chat.settings import ChatSettings

__all__ = [
    "ChatDatagramProtocol",
    "ChatIrcFactory",
    "ChatIrcProtocol",
    "ChatLineFactory",
    "ChatLineProtocol",
    "ChatService",
    "ChatSettings",
    "Hub",
    "IpmsgDatagramProtocol",
]

__getattr__ = lazily(
    __name__,
    {
        "ChatDatagramProtocol": "doors.datagram",
        "ChatIrcFactory": "doors.irc",
        "ChatIrcProtocol": "doors.irc",
        "ChatLineFactory": "doors.line",
        "ChatLineProtocol": "doors.line",
        "ChatService": "service",
        "ChatSettings": "settings",
        "Hub": "core.hub",
        "IpmsgDatagramProtocol": "doors.ipmsg",
    },
)
