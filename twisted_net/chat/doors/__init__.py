"""The ways into the chat: lines over TCP, and datagrams."""
