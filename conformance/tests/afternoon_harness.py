"""The afternoon layer of the examples as a target: the suite's first subject that works across processes."""

from __future__ import annotations

import atexit
import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from seaway.conformance.harness import LayerHarness

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
sys.path.insert(0, str(EXAMPLES))

from afternoon_layer import AfternoonLayer  # type: ignore[import-not-found]  # noqa: E402 - found through the line above


class AfternoonHarness(LayerHarness):
    """Objects on one file, which the environment names to every process of a run."""

    flavours = ("sync",)
    shared = True
    processes = True

    def __init__(self) -> None:
        if "SEAWAY_AFTERNOON" not in os.environ:
            os.environ["SEAWAY_AFTERNOON"] = folder = tempfile.mkdtemp(prefix="seaway-afternoon-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self._path = Path(os.environ["SEAWAY_AFTERNOON"]) / "broker"

    def make(self, *, is_async: bool, **options: Any) -> Any:
        """See `LayerHarness.make`."""
        return AfternoonLayer(str(self._path), **options)

    def residue(self, namespace: str) -> list[str]:
        """See `LayerHarness.residue`."""
        with closing(sqlite3.connect(self._path)) as file:
            rows = file.execute("SELECT grp, channel FROM member WHERE grp LIKE ?", (f"{namespace}/%",)).fetchall()
        return [f"{channel} is in {group}" for group, channel in rows]
