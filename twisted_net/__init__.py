"""A network bench you can watch, break and extend: echo, chat and files over TCP and UDP.

Start at `twisted_net.registry` (what services there are), go on to `twisted_net.echo` (what a
service is made of) and `twisted_net.assembly` (how its doors are opened).
"""
