"""`measure_sensitivity`: how much each module's quantization alone moves what the model says."""

from __future__ import annotations

import contextlib
import glob
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.compare.masks import token_mask
from workbench.compare.similarity import Similarity
from workbench.machine import usable_cores
from workbench.models.samples import Feed, check_feeds
from workbench.models.variant import Variant, resolve_variant
from workbench.race.sensitivity_rows import ModuleRow
from workbench.race.sensitivity_rows import Sensitivity as Sensitivity

if TYPE_CHECKING:
    from workbench.models.source import Source
    from workbench.race.sensitivity_switch import Switch, SwitchedRunner

SAMPLES = 8  # the order of the modules changes little from then on
FLAT = 32  # up to so many modules are tried one by one; of more, whole layers come first
MOST = 4  # layers whose modules are then tried one by one
COVERED = 0.9  # fewer where these hold so much of the squared error


def measure_sensitivity(
    source: Source | Variant | str | Path,
    parent: Variant | str | Path,
    *,
    samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None = None,
    quantized: Variant | str | Path | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sensitivity:
    """Says which modules suffer most from quantization, by quantizing them one at a time.

    Nothing is simulated: parts of the quantized graph stand beside the fp32 ones in one session and are switched
    on in turn, so each run computes what the file would in which only that module is quantized. In a model of many
    modules whole layers are tried first, and then the modules of the layers that move the outputs most.

    What is measured is the drift of the outputs, not of the task's quality: the two need not go together. Modules
    do not simply add up, either.

    Args:
        source: Where the samples come from: the source, or a variant of it.
        parent: The fp32 ONNX variant.
        samples: Feeds, or the path of an `.npz` of them; None takes the first eight of the source's own.
        quantized: What `quantize_dynamic` or `quantize_weights` made of `parent`; None takes
            `quantize_dynamic(parent)`.
        threads: How many threads a call may use.
        progress: Called with (done, total); the total may grow.

    Raises:
        ValueError: There are no samples, or `quantized` was not made from `parent`.

    Example:
        >>> source = load_model("random/tiny-bert")
        >>> sensitivity = measure_sensitivity(source, export_onnx(source), threads=1)
        >>> len(sensitivity.rows), sensitivity.rows[0].drift > sensitivity.rows[-1].drift
        (16, True)
    """
    from workbench.convert.quantize import quantize_dynamic
    from workbench.convert.quantizing import require_fp32
    from workbench.race.sensitivity_switch import SwitchedRunner

    parent = require_fp32(parent, "measure_sensitivity")
    small = resolve_variant(quantized) if quantized is not None else quantize_dynamic(parent)
    feeds = check_feeds(samples) if samples is not None else _own_samples(source, parent)[:SAMPLES]
    if not feeds:
        raise ValueError(f"{parent.name} has no sample inputs. Give samples=[{{'input name': array, …}}].")
    with SwitchedRunner(parent, small, threads=threads or usable_cores()) as runner:
        units = find_units(runner.switches)
        if not units:
            raise ValueError(f"{small.name} has nothing in int8 that {parent.name} has in fp32.")
        drifts = _Drifts(runner, feeds, units, progress)
        rows, together = drifts.rank(), drifts.measure(list(units))
    return Sensitivity(
        model=f"{parent.name} of {parent.origin.source}",
        quantized=small.name,
        rows=tuple(rows),
        together=together,
        samples=len(feeds),
        random=parent.origin.random,
    )


def find_units(switches: Sequence[Switch]) -> dict[str, tuple[Switch, ...]]:
    """What can be left in fp32 one by one: pattern for `exclude=` -> what it means.

    A module is one unit, also where several files hold it. What belongs to a module around others has its node's
    name: leaving out that module would leave out all of it.
    """
    modules = {switch.module for switch in switches if switch.module}
    around = {module for module in modules if any(other.startswith(f"{module}.") for other in modules)}
    units: dict[str, list[Switch]] = {}
    for switch in switches:
        plain = switch.module and switch.module not in around
        units.setdefault(glob.escape(switch.module if plain else switch.node), []).append(switch)
    return {name: tuple(found) for name, found in units.items()}


def find_layer(module: str) -> str:
    """The layer that a module stands in: its path up to the first number; itself where there is none.

    Example:
        >>> find_layer("bert.encoder.layer.3.attention.self.query"), find_layer("qa_outputs")
        ('bert.encoder.layer.3', 'qa_outputs')
    """
    steps = module.split(".")
    depth = next((place for place, step in enumerate(steps) if step.isdecimal()), len(steps))
    return ".".join(steps[: depth + 1])


class _Drifts:
    """Runs the samples with some modules quantized, and compares with none."""

    def __init__(
        self,
        runner: SwitchedRunner,
        feeds: Sequence[Feed],
        units: Mapping[str, tuple[Switch, ...]],
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.runner, self.feeds, self.units = runner, feeds, units
        self.expected = [runner.run(feed) for feed in feeds]
        self._progress, self._done, self._total = progress, 0, 1

    def rank(self) -> list[ModuleRow]:
        """Every module's row, the most sensitive first."""
        total = sum(self._count(name) for name in self.units) or 1
        rows = [
            ModuleRow(name, drift, self._count(name) / total, alone)
            for name, drift, alone in (self._one_by_one() if len(self.units) <= FLAT else self._by_layers())
        ]
        return sorted(rows, key=lambda row: -row.drift)

    def _one_by_one(self) -> Iterator[tuple[str, float, bool]]:
        self._total += len(self.units)
        for name in self.units:
            yield name, self.measure([name]), True

    def _by_layers(self) -> Iterator[tuple[str, float, bool]]:
        layers: dict[str, list[str]] = {}
        for name in self.units:
            layers.setdefault(find_layer(name), []).append(name)
        self._total += len(layers)
        drifts = {layer: self.measure(names) for layer, names in layers.items()}
        opened = pick_layers({layer: drift for layer, drift in drifts.items() if len(layers[layer]) > 1})
        self._total += sum(len(layers[layer]) for layer in opened)
        for layer, names in layers.items():
            for name in names:
                if layer in opened:
                    yield name, self.measure([name]), True
                else:  # errors that have nothing to do with each other add up in their squares
                    yield name, drifts[layer] / math.sqrt(len(names)), len(names) == 1

    def measure(self, names: Sequence[str]) -> float:
        """The drift with these modules quantized; infinite where an output is not finite any more."""
        figures = Similarity()
        task = self.runner.variant.task_row
        with self.runner.switched([switch for name in names for switch in self.units[name]]):
            for feed, expected in zip(self.feeds, self.expected, strict=True):
                found = self.runner.run(feed)
                for output in [name for name in task.outputs if name in expected] or list(expected):
                    left, right = expected[output], found[output]
                    per_token = left.ndim > 2 or output in ("start_logits", "end_logits")
                    decoder = task.is_seq2seq and not output.startswith("encoder")
                    mask = token_mask(feed, left.shape, decoder=decoder) if per_token else None
                    figures.add(*((left, right) if mask is None else (left[mask], right[mask])))
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)
        return math.inf if figures.any_not_finite else figures.relative

    def _count(self, name: str) -> int:
        return sum(switch.weights for switch in self.units[name])


def pick_layers(drifts: Mapping[str, float]) -> list[str]:
    """The layers worth a closer look: the worst ones, until they hold most of the squared error.

    Example:
        >>> pick_layers({"layer.0": 0.01, "layer.1": 0.5, "layer.2": 0.02})
        ['layer.1']
    """
    ordered = sorted(drifts, key=lambda layer: -drifts[layer])
    whole = sum(drift**2 for drift in drifts.values() if math.isfinite(drift))
    picked: list[str] = []
    held = 0.0
    for layer in ordered[:MOST]:
        if picked and held >= COVERED * whole:
            break
        picked.append(layer)
        held += drifts[layer] ** 2 if math.isfinite(drifts[layer]) else 0.0
    return picked


def _own_samples(source: Source | Variant | str | Path, parent: Variant) -> list[Feed]:
    with contextlib.suppress(ValueError):
        found = resolve_variant(source).samples()
        if found:
            return found
    return parent.samples()
