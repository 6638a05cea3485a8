"""The parts of the package that may be compiled, and why one of them is not.

They are compiled when the package is installed, if there is a C compiler; else, and wherever
``PURE_PYTHON=1`` is in the environment, as for zope.interface, everything is Python.
"""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

PACKAGE = "twisted_net"

#: All of them, as `find` wants them.
NAMES = ("net.fast._streams", "net.fast._datagrams", "files.tftp._lockstep")


def find(name: str) -> tuple[ModuleType | None, str]:
    """Return a compiled module, or None and why Python does what it would do.

    :param name: its name within the package, as ``"net.fast._streams"``.
    """
    if os.environ.get("PURE_PYTHON", "0") not in ("", "0"):
        return None, "PURE_PYTHON is set"
    try:
        module = import_module(f"{PACKAGE}.{name}")
    except ImportError as error:
        return None, str(error)
    if is_stale(Path(str(module.__file__))):
        return None, "it was compiled before its source was changed: install the package again"
    return module, ""


def is_stale(compiled: Path) -> bool:
    """Say whether the source beside a compiled module is newer, as after an update of a checkout.

    What calls it may be newer too then, and would ask it for what it does not have.
    """
    source = compiled.with_name(compiled.name.partition(".")[0]).with_suffix(".c")
    try:
        return source.stat().st_mtime > compiled.stat().st_mtime
    except FileNotFoundError:  # an installed package is without it
        return False
