"""``netdemo get``, ``put`` and ``ls``: files from and to servers, over TCP, TFTP and HTTP."""
