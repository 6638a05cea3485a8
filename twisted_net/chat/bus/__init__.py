"""How one chat is shared: within one process, or by many through a broker."""
