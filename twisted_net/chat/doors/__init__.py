"""The ways into the chat, and how what is heard gets out.

Where to find what:

* lines and IRC: `line`, `irc`, and what both have in common, `stream`, `tuning`
* datagrams: `datagram`, one session `guest`, with `missed` and `proving`; between peers `peer`
* IP Messenger: `ipmsg`, `neighbour`; browsers: `web`
* from an event to the members: `delivery`, `outlet`, `turns`, `speech`; to all of them: `everybody`
* what IRC asks of accounts and history: `desk`
"""
