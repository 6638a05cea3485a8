"""``netdemo`` and ``python -m twisted_net``: the command line, quiet from its first moment."""

import gc
import sys

#: New objects between two searches for cycles. Loading makes tens of thousands that all stay:
#: with Python's 700, a tenth of the start is spent on searching them in vain.
PATIENT = 20_000


def main() -> None:
    """Run the command line; Ctrl-C while it is being loaded is no more than Ctrl-C."""
    gc.set_threshold(PATIENT)
    try:
        from twisted_net import cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
