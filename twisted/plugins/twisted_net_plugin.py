"""Registers ``twistd netdemo`` and ``twistd --reactor=netdemo``; every ``twistd`` imports it."""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

netdemo = ServiceMaker(
    "netdemo", "twisted_net.tap", "echo, chat and files over TCP and UDP", "netdemo"
)
lean = Reactor("netdemo", "twisted_net.net.fast.installing", "epoll with fewer steps, of netdemo")
