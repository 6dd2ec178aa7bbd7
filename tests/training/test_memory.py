"""Freed memory is kept for the next training step."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import torch
from training.memory import keep_large_blocks
if {keep}:
    print(keep_large_blocks())
torch.set_num_threads(1)
for _ in range(20):  # until what is freed is enough for the next
    torch.ones(16_000_000).add_(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(16_000_000).add_(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_large_blocks_are_not_mapped_anew_for_every_tensor() -> None:
    def faults(keep: bool) -> int:
        command = [sys.executable, "-c", PROGRAM.format(keep=keep)]
        *said, count = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        if said == ["False"]:
            pytest.skip("this C library has no mallopt")
        return int(count)

    assert faults(keep=True) < faults(keep=False) / 4
