"""``python -m seaway.conformance.zoo.servers NAME APPLICATION …``: see the package."""

import sys

from seaway.conformance.zoo.servers import SERVERS
from seaway.reference.cli import main

SERVERS[sys.argv[1]].put_in()
main(["serve", *sys.argv[2:]], prog_name="seaway")
