"""``python -m bench [NAME …] [--quick]``: run benchmarks by name, all of them without a name."""

import argparse
import os
import sys
import time

from rich.console import Console

from bench.arena import Arena
from bench.benchmarks import BENCHMARKS
from bench.children import BenchError
from bench.report import Row, save, show

TURNS, TURNS_QUICK = 3, 1


def main() -> int:
    """Exit code 1 when a measurement failed or a promise was missed; ``--quick`` judges nothing."""
    wanted = arguments()
    console = Console(width=None if sys.stdout.isatty() else 160)
    if wanted.list:
        for name, benchmark in BENCHMARKS.items():
            console.print(f"{name:15} {(benchmark.__doc__ or '').splitlines()[0]}", highlight=False)
        return 0
    turns = wanted.turns or (TURNS_QUICK if wanted.quick else TURNS)
    rows: list[Row] = []
    failed: dict[str, str] = {}
    for name in wanted.names or BENCHMARKS:
        console.print(f"{name} … ", end="", highlight=False)
        began = time.monotonic()
        try:
            with Arena(turns, wanted.quick, os.environ.get("POSTBELL_TEST_POSTGRESQL")) as arena:
                rows += BENCHMARKS[name](arena)
        except BenchError as error:
            failed[name] = str(error)
        console.print(f"{time.monotonic() - began:.0f} s", highlight=False)
    show(rows, console)
    for name, reason in failed.items():
        console.print(f"! {name} was not measured: {reason}", style="bold red", highlight=False)
    where = save(rows, turns=turns, quick=wanted.quick, cpus=os.cpu_count(), failed=failed)
    console.print(f"all figures: {where}", highlight=False)
    missed = not wanted.quick and any(row.verdict == "MISSED" for row in rows)
    return 1 if failed or missed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="The promised speed, measured side by side with peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="see --list; all without one")
    parser.add_argument("--quick", action="store_true", help="smaller and fewer: to see that it runs")
    parser.add_argument("--turns", type=int, metavar="N", help=f"samples of each side ({TURNS})")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and end")
    wanted = parser.parse_args()
    if unknown := [name for name in wanted.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return wanted


if __name__ == "__main__":
    sys.exit(main())
