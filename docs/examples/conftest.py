"""The examples are scripts that import each other by name, so the tests look for them here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
