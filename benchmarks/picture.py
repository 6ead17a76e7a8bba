"""Measured records to one picture: time and throughput against n, fastcheck and every rival."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from benchmarks.markdown import counted
from benchmarks.records import Results
from benchmarks.render import exponents

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORKERS = {1: "tab:blue", 2: "tab:red"}
_RIVALS = [f"tab:{name}" for name in ("orange", "green", "purple", "brown", "pink", "gray", "olive", "cyan")]
_MARKERS = "sD^vPX<>"


def scaling(measured: Results) -> bytes:
    """A PNG of two panels on logarithmic axes; what does not look at every component is in the first only."""
    from matplotlib.figure import Figure  # never pyplot: no window, no global state

    figure = Figure(figsize=(13, 5.4), layout="constrained")
    time, throughput = figure.subplots(1, 2)
    _checks(measured, time, throughput)
    _rivals(measured, time, throughput)
    _screens(measured, time)
    _axes(time, "seconds")
    _axes(throughput, "components per second")
    handles, labels = time.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8.5, frameon=False)
    figure.suptitle(_title(measured), fontsize=10, x=0.01, horizontalalignment="left")
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=120)
    return target.getvalue()


def _checks(measured: Results, time: Axes, throughput: Axes) -> None:
    powers = exponents(measured.scaling)
    for workers in sorted({m.load.workers for m in measured.scaling}):
        own = [m for m in measured.scaling if m.load.workers == workers]
        n, sampled = [m.load.n for m in own], [m for m in own if m.load.sampled]
        power = f", $n^{{{powers[workers]:.2f}}}$" if workers in powers else ""
        style = {"color": _WORKERS.get(workers, "black"), "linewidth": 2.2, "marker": "o", "markersize": 5, "zorder": 5}
        time.plot(n, [m.seconds_of_all for m in own], label=f"fastcheck check, {counted(workers)}{power}", **style)
        throughput.plot(n, [m.components_per_second for m in own], **style)
        hollow = {**style, "linestyle": "none", "markerfacecolor": "white", "zorder": 6}
        if sampled:
            time.plot([m.load.n for m in sampled], [m.seconds_of_all for m in sampled], **hollow)
            throughput.plot([m.load.n for m in sampled], [m.components_per_second for m in sampled], **hollow)


def _rivals(measured: Results, time: Axes, throughput: Axes) -> None:
    drawn = {f"fastcheck check, {counted(m.load.workers)}" for m in measured.scaling}
    drawn |= {f"fastcheck screen, {counted(m.load.workers)}" for m in measured.screen}
    names = dict.fromkeys(o.name for o in measured.rivals if o.timing and o.name not in drawn)
    for k, name in enumerate(names):
        own = sorted((o for o in measured.rivals if o.name == name and o.timing), key=lambda o: o.n)
        n, seconds = [o.n for o in own], [o.timing.seconds for o in own]
        style: dict[str, Any] = {"color": _RIVALS[k % len(_RIVALS)], "marker": _MARKERS[k % len(_MARKERS)]}
        style |= {"linestyle": "--" if k >= len(_RIVALS) else "-", "linewidth": 1.0, "markersize": 5}
        style["markerfacecolor"] = "white" if k >= len(_RIVALS) else style["color"]
        time.plot(n, seconds, label=name + ("" if own[0].every else " (not every component)"), **style)
        if own[0].every:
            throughput.plot(n, [size / took for size, took in zip(n, seconds, strict=True)], **style)


def _screens(measured: Results, time: Axes) -> None:
    for workers in sorted({m.load.workers for m in measured.screen}):
        own = [m for m in measured.screen if m.load.workers == workers]
        style = {"color": _WORKERS.get(workers, "black"), "linestyle": ":", "marker": ".", "linewidth": 1.6}
        label = f"fastcheck screen, {counted(workers)} (not every component)"
        time.plot([m.load.n for m in own], [m.timing.seconds for m in own], label=label, **style)


def _axes(axes: Axes, what: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel="n, the number of components", title=what)
    axes.grid(True, which="major", linewidth=0.4, alpha=0.6)


def _title(measured: Results) -> str:
    m = measured.machine
    hollow = "; hollow: projected from a sample" if any(x.load.sampled for x in measured.scaling) else ""
    quick = "; a quick run" if measured.quick else ""
    return f"64-w-10 network, tanh, 32 examples: J grows with n. {m.cpu}, {m.cores} cores, {m.date}{quick}{hollow}"
