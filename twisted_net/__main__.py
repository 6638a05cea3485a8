"""``netdemo`` and ``python -m twisted_net``: the command line, quiet from its first moment."""

import sys

from twisted_net.net import loading, printing
from twisted_net.net.errors import INTERRUPTED


def main() -> None:
    """Run the command line; Ctrl-C while it is being loaded is no more than Ctrl-C."""
    loading.begin()
    for out in (sys.stdout, sys.stderr):
        printing.escaping(out)
    try:
        from twisted_net import cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
