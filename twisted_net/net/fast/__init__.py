"""Transports that are faster than Twisted's own, and the reactor that goes with them."""
