"""A long time under mixed load, with faults: does the server grow? ``make soak`` asks."""
