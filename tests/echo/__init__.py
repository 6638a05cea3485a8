"""Tests of `twisted_net.echo`."""
