"""TCP as RFC 9293 has it, in parts: states, sending, congestion, receiving, the connection."""
