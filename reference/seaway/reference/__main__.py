"""``python -m seaway.reference`` is the command ``seaway``."""

from seaway.reference.cli import main

main(prog_name="seaway")
