"""Measured records to the text of RESULTS.md, and to what stands between the README's markers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.markdown import DASH, counted, digits, duration, or_dash, prose, rate, table
from benchmarks.records import FirstResult, Located, Machine, Measured, Outcome, Peak, Results, Staged, exponent

_FIT_FROM = 500  # components; below, what a check takes whatever n is counts

_RIVALS = (
    "The same network (one hidden layer of tanh, 32 examples), theta and data for all; every one computes {usual}, unless "
    "it says otherwise. Each result is compared with fastcheck's differences before it is timed: the difference is the "
    "largest of a component, relative to the largest component; of a check that returns no gradient, it is that of the "
    "gradient it passed. x is the time over that of fastcheck's gradient with two "
    "workers, J the number of its evaluations at the largest n."
)
_OVERHEAD = (
    "Differences of every component, the cost prepared beforehand, over a bare njit loop of as many evaluations of the "
    "same cost, by the time of one evaluation."
)
_FIRST = "A new process up to its first result, numba's disk cache empty (cold) or filled by an earlier process (warm)."
_SCALING = (
    "`check` from beginning to end, on a network whose hidden layer is as wide as n makes it: J grows with n as well. "
    "Efficiency is the bare loop's time over that of all workers together."
)
_LOCATE = (
    "`locate` from beginning to end, on the same networks, where components are 1 % off: named are those and no others. "
    "Its time is that over `screen`'s with the right gradient."
)
_STAGES = "Differences of every component by the tails of a cost in stages, and by the same cost in one piece."
_MACHINES = (
    "Ratios vary with the machine: on four with two cores (x86-64, AVX2 and AVX-512) JAX in batches took 0.8 to 2.8 times "
    "fastcheck's time."
)


LEFT_OUT = (  # of the README, as they are like others that stand there
    "fastcheck gradient, 1 worker",
    "scipy approx_derivative, NumPy cost",
    "statsmodels approx_fprime, njit cost",
    "optimagic first_derivative, njit cost",
)


def results(measured: Results) -> str:
    """What stands between the marks of RESULTS.md: every section that was measured."""
    made = (
        f"Made by `python -m benchmarks.table`{_how(measured)}. Times are medians, ratios the medians of the ratios of "
        "runs made in turn."
    )
    return "\n\n".join([prose(made), prose(_machine(measured.machine)), *sections(measured)])


def sections(measured: Results) -> list[str]:
    """A text for every section that holds records."""
    chosen = [
        (measured.rivals, rivals, "Rivals", _RIVALS.format(usual=_usual(measured.rivals))),
        (measured.overhead, overhead, "Overhead by the size of J", _OVERHEAD),
        (measured.workers, spread, "Workers", "Differences of every component of a network."),
        (measured.chunks, spread, "Chunks", "Components per task, at J = 5 us; None is the default."),
        (measured.first, first, "First result", _FIRST),
        (measured.memory, memory, "Memory", "The most a check holds beyond its inputs, in vectors of length n."),
        (measured.scaling, scaling, "Scaling", _SCALING),
        (measured.screen, screen, "Screen", "`screen` from beginning to end, on the same networks."),
        (measured.locate, locate, "Locate", _LOCATE),
        (measured.stages, stages, "Stages", _STAGES),
    ]
    return [f"## {title}\n\n{prose(said)}\n\n{told(records)}" for records, told, title, said in chosen if records]


def readme(measured: Results) -> str:
    """The short table of the README, and what it takes to read it."""
    m, sizes, usual = measured.machine, _sizes(measured.rivals), _usual(measured.rivals)
    rows = [
        [name, *(short(_at(own, n)) for n in sizes), _otherwise(own[-1], usual)]
        for name, own in _grouped(measured.rivals, lambda outcome: outcome.name).items()
        if name not in LEFT_OUT
    ]
    said = (
        f"{m.cpu}, {m.cores} cores, {m.date}{_how(measured)}: the time of {usual}, and that time over fastcheck's with "
        "two workers. Above 1 x, fastcheck is faster."
    )
    parts = [
        prose(said),
        table(["", *(f"{n:,} parameters" for n in sizes), "besides, or instead"], rows),
        *_not_timed(measured.rivals),
        *_in_words(measured),
        "All rivals, figures and versions, and how each was asked: [benchmarks/RESULTS.md](benchmarks/RESULTS.md).",
        "![Time and throughput against n](benchmarks/scaling.png)",
    ]
    return "\n\n".join(parts)


def rivals(outcomes: Sequence[Outcome]) -> str:
    sizes, usual = _sizes(outcomes), _usual(outcomes)
    figures = [title for n in sizes for title in (f"n = {n:,}", f"x at {n:,}")]
    rows = []
    for name, own in _grouped(outcomes, lambda outcome: outcome.name).items():
        last, timed = own[-1], [cell for n in sizes for cell in _timed(_at(own, n))]
        runs = ", ".join(str(o.timing.rounds) for o in own if o.timing) or DASH
        counts = [runs, or_dash(last.evaluations, "{:,}"), or_dash(last.difference, "{:.0e}")]
        rows.append([name, *timed, *counts, "; ".join(filter(None, (_otherwise(last, usual), last.note)))])
    header = ["", *figures, "runs", "J", "difference", "besides, or instead; how"]
    return "\n\n".join([table(header, rows), *_not_timed(outcomes)])


def overhead(measured: Sequence[Measured]) -> str:
    rows = []
    for own in _grouped(measured, lambda m: m.load.name).values():
        over = {m.load.workers: m.timing.ratio for m in own}
        speedup = over[1] / over[2] if {1, 2} <= over.keys() else None
        cells = [duration(own[0].seconds_each), f"{own[0].load.n:,}", *(or_dash(over.get(w), "{:.3f}") for w in (1, 2))]
        rows.append([*cells, or_dash(speedup, "{:.2f}"), f"{own[0].load.error:.0e}"])
    header = ["J", "n", "1 worker over the loop", "2 workers over the loop", "2 over 1, speed", "largest error"]
    return table(header, rows)


def spread(measured: Sequence[Measured]) -> str:
    return _columns(measured, "", "workers", "time", "components/s", "efficiency")


def first(measured: Sequence[FirstResult]) -> str:
    parts = dict.fromkeys(part for result in measured for part in result.parts)
    rows = [[part, *(duration(result.parts[part]) for result in measured)] for part in parts]
    return table(["", *(result.disk_cache for result in measured)], rows)


def memory(peaks: Sequence[Peak]) -> str:
    workers = sorted({peak.workers for peak in peaks})
    vectors = {(peak.n, peak.workers): peak.vectors for peak in peaks}
    sizes = sorted({peak.n for peak in peaks})
    rows = [[f"{n:,}", *(or_dash(vectors.get((n, w)), "{:.1f}") for w in workers)] for n in sizes]
    return table(["n", *map(counted, workers)], rows)


def scaling(measured: Sequence[Measured]) -> str:
    columns = ("n", "workers", "J", "every component", "components/s", "J/s", "efficiency", "largest error")
    samples = [f"{k:,}" for k in sorted({m.load.n_components for m in measured if m.load.sampled})]
    fits = [f"n^{power:.2f} with {counted(w)}" for w, power in exponents(measured).items()]
    return "\n\n".join(
        [
            _columns(measured, *columns),
            *([f"* from a sample ({' or '.join(samples)} components), scaled by the evaluations."] if samples else []),
            *([f"Time of every component, fitted from n = {_FIT_FROM}: {', '.join(fits)}."] if fits else []),
        ]
    )


def screen(measured: Sequence[Measured]) -> str:
    return _columns(measured, "n", "workers", "J", "evaluations", "time", "efficiency", "estimated ratio")


def locate(measured: Sequence[Located]) -> str:
    header = ["n", "wrong", "named", "evaluations, median", "most", "time", "over screen"]
    rows = []
    for m in measured:
        middle, most = m.evaluations
        named, over = f"{m.n_named} of {m.n_gradients}", f"{m.timing.ratio:.2f}"
        rows.append([f"{m.n:,}", m.wrong, named, str(middle), str(most), duration(m.timing.seconds), over])
    return table(header, rows)


def stages(measured: Sequence[Staged]) -> str:
    header = ["", "n", "in one piece", "in stages", "times faster", "same bits"]
    rows = []
    for m in measured:
        times = duration(m.timing.other_seconds), duration(m.timing.seconds), f"{m.times_faster:.1f}"
        rows.append([m.name, f"{m.n:,}", *times, "yes" if m.same_bits else "no"])
    return table(header, rows)


def exponents(measured: Sequence[Measured]) -> dict[int, float]:
    """For each number of workers, the fitted exponent of the time of every component against n."""
    large = _grouped([m for m in measured if m.load.n >= _FIT_FROM], lambda m: m.load.workers)
    return {
        workers: exponent([m.load.n for m in own], [m.seconds_of_all for m in own])
        for workers, own in large.items()
        if len(own) > 1
    }


def short(outcome: Outcome | None) -> str:
    """Time and ratio in one cell."""
    seconds, ratio = _timed(outcome)
    return DASH if seconds == DASH else f"{seconds}, {ratio} x"


_CELLS: dict[str, Callable[[Measured], str]] = {
    "": lambda m: m.load.name,
    "n": lambda m: f"{m.load.n:,}",
    "workers": lambda m: str(m.load.workers),
    "evaluations": lambda m: f"{m.load.evaluations:,}",
    "J": lambda m: duration(m.seconds_each),
    "time": lambda m: duration(m.timing.seconds),
    "every component": lambda m: duration(m.seconds_of_all) + ("*" if m.load.sampled else ""),
    "components/s": lambda m: rate(m.components_per_second),
    "J/s": lambda m: rate(m.evaluations_per_second),
    "efficiency": lambda m: f"{m.efficiency:.2f}",
    "largest error": lambda m: f"{m.load.error:.0e}",
    "estimated ratio": lambda m: f"{m.load.error:.0e}",
}


def _columns(measured: Sequence[Measured], *columns: str) -> str:
    return table(columns, [[_CELLS[column](m) for column in columns] for m in measured])


def _machine(m: Machine) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in m.versions.items())
    return f"{m.cpu}, {m.cores} cores, {m.system}; {m.date}. {versions}."


def _how(measured: Results) -> str:
    return ", a quick run of few repeats" if measured.quick else ""


def _in_words(measured: Results) -> list[str]:
    """A sentence each on the overhead of one worker and on scaling."""
    ones = [m for m in measured.overhead if m.load.workers == 1]
    over = ", ".join(f"{m.timing.ratio:.2f} at J = {duration(m.seconds_each)}" for m in ones)
    powers = ", ".join(f"n^{power:.2f} with {counted(w)}" for w, power in exponents(measured.scaling).items())
    return [
        *([prose(f"One worker over a bare njit loop of as many evaluations: {over}.")] if over else []),
        *([prose(f"The time of a whole check, whose J grows with n as well: {powers}.")] if powers else []),
        *map(_located, [m for m in measured.locate if m.n == max(each.n for each in measured.locate)][:1]),
        *map(_staged, measured.stages[:1]),
        *([prose(_MACHINES)] if measured.rivals else []),
    ]


def _located(m: Located) -> str:
    return prose(
        f"The one component that is 1 % off is named in {m.n_named} of {m.n_gradients} gradients of {m.n:,} components, after "
        f"{m.evaluations[0]} evaluations of J in the median and {m.timing.ratio:.2f} times `screen`'s time."
    )


def _staged(m: Staged) -> str:
    return prose(
        f"A cost in stages ({m.name}, {m.n:,} parameters): every component {m.times_faster:.1f} times faster than by the same cost in "
        "one piece, the same bits."
    )


def _not_timed(outcomes: Sequence[Outcome]) -> list[str]:
    """A line on the rivals without a figure, if there are any; with n, if it is not for every n."""
    failed = _grouped([o for o in outcomes if o.status], lambda o: (o.name, o.status))
    lines = []
    for (name, status), own in failed.items():
        some = _sizes(own) != _sizes(outcomes)
        lines.append(name + (f" at n = {', '.join(f'{o.n:,}' for o in own)}" if some else "") + f": {status}")
    return [prose(f"Not timed: {'; '.join(lines)}.")] if lines else []


def _timed(outcome: Outcome | None) -> tuple[str, str]:
    if outcome is None or outcome.timing is None:
        return DASH, DASH
    return duration(outcome.timing.seconds), digits(outcome.timing.ratio)


def _sizes(outcomes: Iterable[Outcome]) -> list[int]:
    return sorted({outcome.n for outcome in outcomes})


def _at(outcomes: Sequence[Outcome], n: int) -> Outcome | None:
    return next((outcome for outcome in outcomes if outcome.n == n), None)


def _usual(outcomes: Sequence[Outcome]) -> str:
    """What is computed unless it says otherwise: what the first one does."""
    return outcomes[0].computes if outcomes else ""


def _otherwise(outcome: Outcome, usual: str) -> str:
    """What the outcome computes, without the usual at its beginning."""
    return outcome.computes.removeprefix(usual).lstrip(", ")


def _grouped(records: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """The records by key, both in the order met."""
    groups: dict[Any, list[Any]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups
