"""Public names of a package that are imported when they are asked for (PEP 562).

Python imports a package before any module in it. A package that imported all its public classes
would make ``netdemo get`` load an HTTP server before it fetches a file.
"""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a package's ``__getattr__``.

    :param homes: public name -> the module in the package that has it: ``doors``.
    """

    def find(name: str) -> object:
        """Return a public name from its module.

        :raises AttributeError: there is no such name.
        """
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find
