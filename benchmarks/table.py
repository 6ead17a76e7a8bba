"""``python -m benchmarks.table``: measure, then write RESULTS.md, scaling.png and the README's table, all at the end."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import picture, render
from benchmarks.cases import Case, affordable, checking, differencing, in_stages, in_turn, locating, measured, screening
from benchmarks.compare import Network, compared
from benchmarks.costs import network, spinning
from benchmarks.files import PICTURE, README, RESULTS, tell, write
from benchmarks.fresh import first_results, peak
from benchmarks.markdown import counted, duration, refreshed
from benchmarks.records import FirstResult, Located, Machine, Measured, Outcome, Peak, Results, Staged, Timing
from benchmarks.rivals import BASE, RIVALS
from fastcheck import zoo

MARKS = "benchmarks"
PACKAGES = ("fastcheck", "numba", "numpy", "scipy", "torch", "jax", "statsmodels", "optimagic", "numdifftools")
SPIN_EPS = 1e-4  # near the best for the cost that spins


@dataclass(frozen=True)
class Effort:
    """How much is measured: ``budget`` seconds for two runs in turn; ``long`` seconds, beyond which a sample serves."""

    budget: float
    long: float
    rivals: tuple[int, ...]
    costs: tuple[float, ...]
    spin: float  # seconds of one worker in a run
    check: tuple[int, ...]
    screen: tuple[int, ...]
    memory: tuple[int, ...]
    processes: int
    locate: tuple[int, ...]
    seeds: int
    examples: int  # of the network in stages


FULL = Effort(
    budget=2.5,
    long=2.0,
    rivals=(10**3, 10**4),
    costs=(1e-7, 1e-6, 5e-6, 5e-5, 1e-3, 1e-2),
    spin=0.2,
    check=(10**2, 3 * 10**2, 10**3, 3 * 10**3, 10**4, 3 * 10**4, 10**5),
    screen=(10**3, 10**4, 10**5, 10**6, 10**7),
    memory=(10**4, 10**5, 10**6),
    processes=5,
    locate=(10**4, 10**6),
    seeds=10,
    examples=16,
)
QUICK = replace(
    FULL,
    budget=0.2,
    long=0.3,
    rivals=(300, 1000),
    costs=(1e-7, 1e-6, 1e-4),
    spin=0.05,
    check=(10**2, 3 * 10**2, 10**3, 3 * 10**3, 10**4),
    screen=(10**3, 10**4, 10**5),
    memory=(10**4, 10**5),
    processes=1,
    locate=(10**4,),
    seeds=3,
    examples=1,
)


def rivals(effort: Effort) -> tuple[Outcome, ...]:
    """Every rival at every size, each in turn with the base; the base's own time is the median of all."""
    found: list[Outcome] = []
    for n in effort.rivals:
        given = Network(network(n))
        base, base_run = compared(BASE, given)
        outcomes = []
        for rival in RIVALS:
            if rival is BASE:
                continue
            outcome, run = compared(rival, given)
            if run is not None:
                outcome = replace(outcome, timing=in_turn(run, base_run, effort.budget))
            tell(f"{rival.name}, n = {outcome.n:,}: " + (render.short(outcome) if run else outcome.status))
            outcomes.append(outcome)
        timed = [outcome.timing for outcome in outcomes if outcome.timing]
        seconds = median(t.other_seconds for t in timed)
        own = replace(base, timing=Timing(seconds, seconds, 1.0, sum(t.rounds for t in timed)))
        found += [own, *outcomes]
    return tuple(found)


def overhead(effort: Effort) -> tuple[Measured, ...]:
    problems = [spinning(each, int(effort.spin / each / 2)) for each in effort.costs]
    return _all(effort, (differencing(problem, w, eps=SPIN_EPS) for problem in problems for w in (1, 2)))


def workers(effort: Effort) -> tuple[Measured, ...]:
    problem = network(max(effort.rivals))
    return _all(effort, (differencing(problem, w) for w in (1, 2, 4)))


def chunks(effort: Effort) -> tuple[Measured, ...]:
    problem = spinning(5e-6, int(effort.spin / 1e-5))
    sizes = (1, 10, 100, 1000, None)
    return _all(effort, (differencing(problem, 2, chunk, SPIN_EPS, f"chunk {chunk}") for chunk in sizes))


def first(effort: Effort) -> tuple[FirstResult, ...]:
    tell("first results, in new processes")
    return tuple(first_results(disk_cache, effort.processes) for disk_cache in ("cold", "warm"))


def memory(effort: Effort) -> tuple[Peak, ...]:
    tell("memory")
    return tuple(peak(n, w) for n in effort.memory for w in (1, 2, 4))


def scaling(effort: Effort) -> tuple[Measured, ...]:
    problems = ((problem, affordable(problem, effort.long)) for problem in map(network, effort.check))
    return _all(effort, (checking(problem, w, components) for problem, components in problems for w in (1, 2)))


def screen(effort: Effort) -> tuple[Measured, ...]:
    return _all(effort, (screening(problem, w) for problem in map(network, effort.screen) for w in (1, 2)))


def locate(effort: Effort) -> tuple[Located, ...]:
    done = []
    for problem in map(network, effort.locate):
        for names in (("W1",), ("W1", "b1"), ("W1", "b1", "W2")):
            done.append(one := locating(problem, names, effort.seeds, effort.budget))
            tell(f"locate {one.wrong}, n = {one.n:,}: {one.evaluations[0]} evaluations")
    return tuple(done)


def stages(effort: Effort) -> tuple[Staged, ...]:
    made = (partial(zoo.lenet, effort.examples), zoo.conv)
    done = []
    for make in made:
        done.append(one := in_stages(make, 2, effort.budget))
        tell(f"{one.name} in stages, n = {one.n:,}: {one.times_faster:.1f} times faster")
    return tuple(done)


SECTIONS: dict[str, Callable[[Effort], tuple]] = {
    section.__name__: section
    for section in (rivals, overhead, workers, chunks, first, memory, scaling, screen, locate, stages)
}  # the names are the fields of Results


def _all(effort: Effort, cases: Iterable[Case]) -> tuple[Measured, ...]:
    """Each case timed as soon as it is made."""
    done = []
    for case in cases:
        done.append(m := measured(case, effort.budget))
        tell(f"{m.load.name}, n = {m.load.n:,}, {counted(m.load.workers)}: {duration(m.timing.seconds)}")
    return tuple(done)


def this_machine() -> Machine:
    installed = [name for name in PACKAGES if importlib.util.find_spec(name)]
    versions = {"Python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in installed}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(_cpu(), cores, f"{platform.system()} {platform.machine()}", date.today().isoformat(), versions)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.table", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats and small sizes; the files say so")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SECTIONS,
        metavar="NAME",
        help=f"print these and write nothing: {', '.join(SECTIONS)}",
    )
    chosen = parser.parse_args(arguments)
    if not chosen.only and importlib.util.find_spec("matplotlib") is None:
        parser.error("the picture needs matplotlib, got none: pip install matplotlib, or choose tables with --only")
    for path in (README, RESULTS):
        refreshed(path.read_text(), "", MARKS)  # fails now, not after the measuring
    try:
        found = _measure(chosen.only or SECTIONS, QUICK if chosen.quick else FULL, chosen.quick)
    except KeyboardInterrupt:
        tell("interrupted: nothing was written")
        return 130
    if chosen.only:
        print("\n\n".join(render.sections(found)))
    else:
        image = picture.scaling(found)
        made = {RESULTS: render.results(found), README: render.readme(found)}
        texts = {path: refreshed(path.read_text(), text, MARKS).encode() for path, text in made.items()}
        write({**texts, PICTURE: image})
        tell(f"wrote {RESULTS.name}, {PICTURE.name} and the table of {README.name}")
    return 0


def _measure(names: Iterable[str], effort: Effort, quick: bool) -> Results:
    begin = time.perf_counter()
    found = {name: SECTIONS[name](effort) for name in SECTIONS if name in names}
    tell(f"measured in {time.perf_counter() - begin:.0f} s")
    return Results(this_machine(), quick, **found)


if __name__ == "__main__":
    sys.exit(main())
