"""Does a verdict change when the machine is busy? Every sample, many times, beside a loop on each core.

    uv run python bench/steadiness.py --runs 20

Ends with 1 if any verdict was not the one that the sample's head asks for.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.samples import COURSE, SAMPLES, failed
from workbook.checks import grade
from workbook.runner import Warm

# A wrong program is mostly waited for.
TOGETHER = 4


def main() -> int:
    options = read_options()
    source, changed = Warm(), 0
    with every_core_busy():
        for run in range(1, options.runs + 1):
            began = time.monotonic()
            with ThreadPoolExecutor(TOGETHER) as pool:
                verdicts = pool.map(lambda s: grade(s.unit, s.file, source, path=[COURSE.root]), SAMPLES)
            for sample, verdict in zip(SAMPLES, verdicts, strict=True):
                if failed(verdict) != sorted(sample.fails):
                    changed += 1
                    print(f"run {run}: {sample}: {failed(verdict)}, not {sorted(sample.fails)}", flush=True)
            print(f"run {run}: {len(SAMPLES)} samples, {time.monotonic() - began:.0f} s", flush=True)
    source.close()
    print(f"{options.runs} runs of {len(SAMPLES)} samples: {changed} verdicts changed")
    return 1 if changed else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20, help="how often every sample is graded (20)")
    return parser.parse_args()


@contextmanager
def every_core_busy() -> Iterator[None]:
    spinners = [multiprocessing.Process(target=spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for spinner in spinners:
        spinner.start()
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()


def spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    raise SystemExit(main())
