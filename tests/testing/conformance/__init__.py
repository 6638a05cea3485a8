"""Twisted's own tests of reactors, run against the simulated one."""
