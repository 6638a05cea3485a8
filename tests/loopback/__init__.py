"""The real reactor and real sockets: pytest-twisted functions only."""
