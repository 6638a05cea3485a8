"""One scenario in two worlds, one story."""
