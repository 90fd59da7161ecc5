"""The machine and the versions that a report was made with."""

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path

from seaway.conformance.bench import wrk
from seaway.conformance.bench.report import Machine


def this_machine() -> Machine:
    """Describe the machine."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.release()}",
    )


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """Return the versions of those that are installed, and of `wrk`."""
    found = {}
    for name in sorted(set(distributions)):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if wrk.is_installed():
        found["wrk"] = wrk.version()
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
