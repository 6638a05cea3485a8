"""Tests of `twisted_net.workers`."""
