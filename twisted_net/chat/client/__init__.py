"""The client side of the chat: over lines and over datagrams, behind one interface."""

from twisted_net.chat.client.base import ChatClient, RefusedError
from twisted_net.chat.client.datagram import ChatDatagramClient
from twisted_net.chat.client.line import ChatLineClient

__all__ = ["ChatClient", "ChatDatagramClient", "ChatLineClient", "RefusedError"]
