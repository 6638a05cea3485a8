"""Tests of `twisted_net.net.websocket`."""
