"""Webhooks: other programs say something in a room, or are told what is said there."""
