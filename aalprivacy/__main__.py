"""``python -m aalprivacy``: the command line."""

from aalprivacy.cli import main

if __name__ == "__main__":
    main()
