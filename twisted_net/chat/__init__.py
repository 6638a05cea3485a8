"""Chat: one hub; what is said on one door, lines or UDP sessions, is heard on the other."""

from typing import TYPE_CHECKING

from twisted_net.net.lazy import lazily

if TYPE_CHECKING:
    from twisted_net.chat.core.hub import Hub
    from twisted_net.chat.doors.datagram import ChatDatagramProtocol
    from twisted_net.chat.doors.line import ChatLineFactory, ChatLineProtocol
    from twisted_net.chat.service import ChatService, ChatSettings

__all__ = [
    "ChatDatagramProtocol",
    "ChatLineFactory",
    "ChatLineProtocol",
    "ChatService",
    "ChatSettings",
    "Hub",
]

__getattr__ = lazily(
    __name__,
    {
        "ChatDatagramProtocol": "doors.datagram",
        "ChatLineFactory": "doors.line",
        "ChatLineProtocol": "doors.line",
        "ChatService": "service",
        "ChatSettings": "service",
        "Hub": "core.hub",
    },
)
