"""Tests of `twisted_net.faults`."""
