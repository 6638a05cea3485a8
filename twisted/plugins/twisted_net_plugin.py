"""Registers ``twistd netdemo``. Keep it this small: every ``twistd`` run imports it."""

from twisted.application.service import ServiceMaker

netdemo = ServiceMaker(
    "netdemo", "twisted_net.tap", "echo, chat and files over TCP and UDP", "netdemo"
)
