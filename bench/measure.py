"""Measuring: CPU and memory of whole process trees, samples in turns, and ratios of one run.

A bare time says more about the machine and its other users than about us.  So contestants take turns
(A B A B), each sample is work per CPU-second, and what counts is the ratio of samples of the same turn.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.children import BenchError

TICKS = os.sysconf("SC_CLK_TCK")
LEAST_CPU_SECONDS = 0.1  # ten of the kernel's ticks: below that a sample says nothing


@dataclass(frozen=True, slots=True)
class Contestant:
    """One side of a comparison.  ``pids``: roots of the process trees that do its work."""

    name: str
    pids: Sequence[int]
    run: Callable[[], float]  # does one sample's work and returns how much that was
    prepare: Callable[[], object] = lambda: None  # before each sample, not measured


@dataclass(frozen=True, slots=True)
class Sample:
    done: float
    cpu_seconds: float  # user and system, all processes
    seconds: float

    @property
    def rate(self) -> float:
        """Work per CPU-second."""
        return self.done / self.cpu_seconds


Race = dict[str, list[Sample]]  # by contestant; the same place in each list is the same turn


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median over the turns, and the extremes."""

    median: float
    low: float
    high: float


def race(contestants: Sequence[Contestant], turns: int) -> Race:
    """Let the contestants take turns.  Raises BenchError for a sample too short to be measured."""
    samples: Race = {contestant.name: [] for contestant in contestants}
    for _ in range(turns):
        for contestant in contestants:
            contestant.prepare()
            samples[contestant.name].append(sample(contestant))
    return samples


def sample(contestant: Contestant) -> Sample:
    cpu, clock = cpu_seconds(contestant.pids), time.perf_counter()
    done = contestant.run()
    seconds = time.perf_counter() - clock
    cpu = cpu_seconds(contestant.pids) - cpu
    if cpu < LEAST_CPU_SECONDS:
        raise BenchError(f"{contestant.name}: {cpu:.2f} s of CPU are too short a sample")
    return Sample(done, cpu, seconds)


def ratio(mine: Sequence[float], theirs: Sequence[float]) -> Ratio:
    each = [a / b for a, b in zip(mine, theirs, strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))


def cpu_seconds(roots: Sequence[int]) -> float:
    """User and system time so far of these processes, their living descendants, and those they waited for."""
    while True:
        try:
            return sum(sum(map(int, _stat(pid)[11:15])) for pid in tree(roots)) / TICKS
        except (FileNotFoundError, ProcessLookupError):
            time.sleep(0.01)  # one ended while we counted; its time is its parent's by and by


def memory_bytes(roots: Sequence[int], *, peak: bool = False) -> int:
    """Resident memory of these processes and their descendants; what they share is counted in each.

    ``peak``: the most that each of them ever had.
    """
    name = "VmHWM:" if peak else "VmRSS:"
    total = 0
    for pid in tree(roots):
        status = Path(f"/proc/{pid}/status").read_text()
        total += next((int(line.split()[1]) for line in status.splitlines() if line.startswith(name)), 0)
    return total * 1024


def tree(roots: Sequence[int]) -> set[int]:
    """These processes and all their descendants that are alive."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = parent_of(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def parent_of(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (proc_pid_stat(5)): a name may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
