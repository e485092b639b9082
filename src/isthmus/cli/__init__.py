"""The command line: `isthmus.cli.main`."""
