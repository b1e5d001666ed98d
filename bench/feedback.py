"""How long from a save to the whole verdict on Day 3: warm, cold, and pytest in a new process.

    uv run python bench/feedback.py [--runs 7] [--json]

They take turns in one run, on a copy of the course whose template is the reference. ``ratio`` is
pytest's median over the watcher's.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from workbook.checks import grade
from workbook.cli.check import AHEAD, LANES
from workbook.cli.saves import Saves
from workbook.course import Unit, load
from workbook.runner import Cold, Warm

UNIT = "day3_streaming"
TYPING = 1.0
ROOT = load(Path(__file__).parents[1]).root


def main() -> None:
    options = read_options()
    with tempfile.TemporaryDirectory() as folder:
        unit = copy_of_the_course(Path(folder).resolve())
        times = measure(unit, options.runs)
    rows = {name: median(seconds) for name, seconds in times.items()}
    ratio = rows["pytest, new process"] / rows["workbook, watching"]
    print_table(times, rows["workbook, watching"])
    if options.json:
        milliseconds = {name: round(seconds * 1000, 1) for name, seconds in rows.items()}
        print(json.dumps({"ratio": round(ratio, 2), "runs": options.runs, "median_ms": milliseconds}))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7, help="how often each is timed (7)")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser.parse_args()


def copy_of_the_course(folder: Path) -> Unit:
    """A course in which Day 3 is solved, so that every check runs to its end."""
    shutil.copy(ROOT / "course.toml", folder)
    for unit in load(ROOT).units:
        shutil.copytree(unit.folder, folder / unit.folder.relative_to(ROOT))
        shutil.copy(unit.solution, unit_file(folder, unit))
    shutil.copytree(ROOT / "solutions", folder / "solutions")
    return load(folder).unit(UNIT)


def unit_file(folder: Path, unit: Unit) -> Path:
    return folder / unit.template.relative_to(ROOT)


def measure(unit: Unit, runs: int) -> dict[str, list[float]]:
    source = Warm()
    with Saves([unit]) as saves:
        saved = iter(saves)

        def watching() -> None:
            unit.template.write_bytes(unit.template.read_bytes())
            next(saved)
            verdict = grade(unit, unit.template, source, path=[unit.root], lanes=LANES)
            assert verdict.passed, verdict

        def cold() -> None:
            assert grade(unit, unit.template, Cold(), path=[unit.root], lanes=LANES).passed

        watching()
        ways: dict[str, Callable[[], None]] = {
            "workbook, watching": watching,
            "the same, each app a cold process": cold,
            "workbook check, new process": lambda: run(unit, "workbook", "check", UNIT),
            "pytest, new process": lambda: run(unit, "pytest", "-q", "-p", "no:cacheprovider", UNIT),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                # As long as a student types, the watcher makes processes ahead.
                source.prepare(AHEAD)
                time.sleep(TYPING)
                began = time.perf_counter()
                way()
                times[name].append(time.perf_counter() - began)
    source.close()
    return times


def run(unit: Unit, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", *arguments], cwd=unit.root, check=True, capture_output=True)


def print_table(times: dict[str, list[float]], fastest: float) -> None:
    table = Table("from save to verdict", "min ms", "median ms", "max ms", "× watching")
    for name, seconds in times.items():
        figures = [min(seconds), median(seconds), max(seconds)]
        table.add_row(name, *(f"{s * 1000:,.0f}" for s in figures), f"{median(seconds) / fastest:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
