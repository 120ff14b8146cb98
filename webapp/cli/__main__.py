"""`python -m webapp.cli`: the command, whatever is on the PATH."""

from webapp.cli import main

if __name__ == "__main__":
    main(prog_name="tuskline")
