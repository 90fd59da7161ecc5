"""``python -m seaway.conformance.zoo.servers NAME APPLICATION …`` and ``… judge [NAME …]``: see the package."""

import sys

from seaway.conformance.zoo.servers import SERVERS
from seaway.conformance.zoo.servers.judging import judge
from seaway.reference.cli import main

if sys.argv[1:2] == ["judge"]:
    sys.exit(bool(judge(sys.argv[2:] or sorted(SERVERS))))
SERVERS[sys.argv[1]].put_in()
main(["serve", *sys.argv[2:]], prog_name="seaway")
