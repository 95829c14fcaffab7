"""``python -m bakeoff``: the command line without the installed script."""

from bakeoff.cli import main

if __name__ == "__main__":
    main()
