"""The command line: `isthmus.cli.main`."""

import sys


def start() -> None:
    """Run the command line; Ctrl-C is one line while it is being imported too."""
    try:
        from isthmus.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("isthmus: interrupted; nothing written\n")
        sys.exit(130)
