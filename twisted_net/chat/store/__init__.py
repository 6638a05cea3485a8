"""What the chat remembers: `History`, in memory or in a file."""

from twisted_net.chat.store.base import History, of_pair, of_room, other_of, talk_of
from twisted_net.chat.store.memory import MemoryHistory

__all__ = ["History", "MemoryHistory", "of_pair", "of_room", "other_of", "talk_of"]
