from collections.abc import Callable
from typing import Any

class Port:
    def doRead(self) -> None: ...
    def write(self, datagram: bytes, addr: Any = None) -> None: ...

def lean_on(
    port: type[Any],
    address_of: Callable[[bytes], Any],
    sockaddr: Callable[[Any], Any],
    nobody: object,
    /,
) -> None: ...
