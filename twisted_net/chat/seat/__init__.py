"""A member's place at the chat, whatever the door: their commands, obeyed one after the other.

`place` is where they sit, `deeds` and `questions` what they may do and ask there, `answers` what
they are told, and `seat` how they come, go, and wait for their turn.
"""

from twisted_net.chat.seat.answers import Answer, Answered
from twisted_net.chat.seat.seat import Seat

__all__ = ["Answer", "Answered", "Seat"]
