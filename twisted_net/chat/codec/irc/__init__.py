"""The IRC door's grammar: lines, numerics and events (docs/protocols/irc.md)."""
