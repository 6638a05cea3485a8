"""The web door: the chat in a browser, server-sent events out and POST in."""

from twisted_net.chat.doors.web.resource import ChatResource

__all__ = ["ChatResource"]
