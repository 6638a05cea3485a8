"""The chat's pure objects: no socket, no clock, no dice.

Where to find what:

* the hub, and what it knows: `hub`, `books`, `room`, `here`, `snapshot`; what names, rooms and ids
  may be: `ident`, `words`, `masks`
* from a command to those who hear of it: `drafts`, `changes`, `spoken`, with `conditions` that both
  sides look at
* who may do what: `permission`, `modes`, `kept` rooms, `bans`, `metadata`
* a datagram session: `datagram`, before it is open `greeting`, `handshake`, `cookies`, `states`,
  while it is `open_session`, `reliable`, `path`
* who somebody is: passwords `sasl`, `scram`; peers `introduction`, `keypair`, `known`, `trust`
* others on the network: peers `mesh`, IP Messenger `ipmsg`, `ipmsg_voice`, `neighbours`,
  `neighbour_names`; addresses `networks`
* an IRC connection: `irc`
"""
