"""Memory that training keeps from step to step, measured in a process of its own."""

import json
import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import json, resource
from pathlib import Path
import numpy as np
from sklearn_sed.nn._memory import kept_memory

def new_pages():
    "Pages that the system maps for ten arrays of 80 MB, one after the other."
    np.ones(10_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for i in range(10):
        np.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

result = {"before": new_pages()}
try:
    with kept_memory():
        result["during"] = new_pages()
        result["kept"] = resident()
        raise KeyboardInterrupt
except KeyboardInterrupt:
    result["left"] = resident()
result["after"] = new_pages()
print(json.dumps(result))
"""


def measure(**environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**clean, "NUMPY_MADVISE_HUGEPAGE": "0", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


needs_glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the allocator is not that of glibc"
)


@needs_glibc
def test_memory_is_kept_within_and_given_back_after():
    pages = measure()
    assert pages["during"] < pages["before"] / 4
    assert pages["after"] > pages["before"] / 2
    assert pages["left"] < pages["kept"] - 60e6


@needs_glibc
def test_the_users_own_settings_stay():
    pages = measure(MALLOC_ARENA_MAX="2")
    assert pages["during"] > pages["before"] / 2
