"""Runs the command line: `python -m instag`."""

from instag.cli import main

if __name__ == "__main__":
    main()
