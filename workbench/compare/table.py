"""`compare_variants`: latency, size, memory, quality and agreement of all variants in one table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.compare.comparison import Comparison, ComparisonRow
from workbench.compare.datasets import read_data
from workbench.compare.engine import choose_listener
from workbench.compare.latency import measure_latency
from workbench.compare.latency_plan import check_number, label_variants
from workbench.compare.latency_rows import LatencyRow
from workbench.compare.metrics import find_metric
from workbench.compare.outputs import compare_outputs
from workbench.compare.quality import Quality, evaluate_quality
from workbench.compare.table_progress import Listener, Reporter
from workbench.compare.wording import format_figure, format_size, judge_noise, judge_speed
from workbench.errors import first_line
from workbench.machine import cpu_features, package_versions
from workbench.models.variant import Variant, resolve_variant

if TYPE_CHECKING:
    from workbench.compare.output_rows import OutputDiff
    from workbench.models.source import Source

NOT_MEASURED = "Quality was not measured: "


def compare_variants(
    variants: Iterable[Variant | Source | str | Path],
    *,
    dataset: Any = None,
    metric: str | None = None,
    samples: Iterable[Mapping[str, np.ndarray]] | None = None,
    limit: int | None = None,
    seconds: float | None = None,
    threads: int | None = None,
    isolate: bool = True,
    progress: Listener | Literal[False] | None = None,
) -> Comparison:
    """Measures variants of one model and puts them side by side.

    The PyTorch model in the precision it was loaded in is the reference where it is among them, else the first.
    What fails becomes a row that says why; the others are not touched by it.

    Args:
        variants: Variants, sources (their PyTorch model) or folders; the PyTorch model belongs among them.
        dataset: Labelled examples, as `evaluate_quality` takes them. Without any, demos bring their own, and for
            other models quality is left out. False leaves it out for demos, too.
        metric: What to measure; by default what is usual for the task.
        samples: Feeds for latency and agreement; by default the source's own.
        limit: How many examples to take for quality; all by default.
        seconds: How long each variant is timed.
        threads: How many threads one call may use.
        isolate: Whether each variant is timed in a process of its own.
        progress: Called with a `TableProgress` at each piece of news; what it raises ends the comparison. None draws a
            line for each variant that is judged, False nothing.

    Returns:
        The table; `save_report` writes it as a web page with plots.

    Raises:
        ValueError: There is no variant, they are for different tasks, or the dataset does not fit.
        TypeError: Something is no variant.

    Example:
        >>> source = load_model("random/tiny-bert")
        >>> comparison = compare_variants([source, export_onnx(source)], seconds=0.1, threads=1)
        >>> [(row.name, row.agrees) for row in comparison.rows]
        [('torch-fp32', None), ('onnx-fp32', True)]
    """
    chosen = _read_variants(variants)
    feeds = list(samples) if samples is not None and not isinstance(samples, str | Path) else samples
    reference = chosen[0]
    check_number("limit", limit, whole=True)
    data, notes = _read_quality_data(dataset, reference, metric, limit)
    names = label_variants(chosen)
    reporter = Reporter(choose_listener(progress))
    latency = measure_latency(
        chosen,
        samples=feeds,
        seconds=seconds,
        threads=threads,
        isolate=isolate,
        progress=reporter.count("latency"),
    )
    reporter.check()
    for name, timed in zip(names, latency.rows, strict=True):
        reporter.tell("timed", name, message=timed.error or f"{timed.median_ms:#.3g} ms")
    options: dict[str, Any] = {"metric": metric, "threads": threads}
    rows: list[ComparisonRow] = []
    base: Quality | None = None
    found: list[Quality] = []
    for variant, name, timed in zip(chosen, names, latency.rows, strict=True):
        row = _start_row(variant, name, timed)
        # Runtimes raise what they like, and one bad candidate must not end the others.
        if rows and not timed.error and not latency.rows[0].error:  # what broke there would break here, too
            reporter.tell("agreement", name, 0)
            try:
                row = _add_agreement(row, compare_outputs(reference, variant, samples=feeds))
                reporter.tell("agreement", name, message="alike" if row.agrees else "they differ")
            except Exception as error:
                reporter.check()
                row = _fail(row, error)
        if data is not None and not timed.error:
            try:
                report = reporter.count("quality", name)
                found.append(evaluate_quality(variant, data, baseline=base, progress=report, **options))
                row = _add_quality(row, found[-1], is_reference=not rows)
                figure = f"{found[-1].label} {format_figure(found[-1].value, found[-1].unit)}"
                reporter.tell("quality", name, found[-1].n, found[-1].n, figure)
                base = base if rows else found[-1]
            except Exception as error:
                reporter.check()
                if isinstance(error, ValueError) and not rows:
                    raise  # the examples do not fit the model: no variant of it could do better
                row = _fail(row, error)
        rows.append(row)
        reporter.tell("finished", name, message=row.error)
    shown = found[0] if found else None
    judged = tuple(dataclasses.replace(row, verdict=_judge(row, rows[0], shown)) for row in rows)
    return Comparison(
        judged,
        reference=names[0],
        source=reference.origin.source,
        task=reference.task,
        metric=shown.label if shown else "",
        unit=shown.unit if shown else "",
        higher_is_better=shown.higher_is_better if shown else True,
        dataset=shown.dataset if shown else "",
        n=shown.n if shown else 0,
        threads=latency.threads,
        noise=latency.noise,
        notes=(
            *notes,
            f"Timed: {latency.subject}.",
            *filter(None, [latency.drift]),
            *_describe_unjudged(judged),
            *_describe_failures(judged),
        ),
        machine={**package_versions(), "CPU": ", ".join(cpu_features())},
    )


def _read_variants(variants: Any) -> list[Variant]:
    if isinstance(variants, str | Path | Variant) or not isinstance(variants, Iterable):
        variants = [variants]
    chosen = [resolve_variant(variant) for variant in variants]
    if not chosen:
        raise ValueError("variants is empty: give at least one, such as [source, wb.export_onnx(source)].")
    tasks = dict.fromkeys(variant.task for variant in chosen)
    if len(tasks) > 1:
        raise ValueError(f"Variants of one table need one task, got {', '.join(tasks)}.")
    plain = [v for v in chosen if v.runtime == "torch" and not v.compiled and v.precision == v.origin.dtype]
    at = next((at for at, variant in enumerate(chosen) if variant in plain), 0)
    return [chosen[at], *chosen[:at], *chosen[at + 1 :]]


def _read_quality_data(
    dataset: Any, reference: Variant, metric: str | None, limit: int | None
) -> tuple[Any, list[str]]:
    """The labelled examples, read once for all variants; None with a note where there are none."""
    if dataset is False:
        return None, [f"{NOT_MEASURED}it was not asked for."]
    if dataset is None and reference.origin.random:
        return None, [f"{NOT_MEASURED}the weights are random, so it would mean nothing."]
    asked = metric or reference.task_row.metric
    if asked is not None:
        find_metric(asked, reference.task)
    if dataset is not None:
        return read_data(dataset, reference, metric=asked, limit=limit), []
    try:
        return read_data(None, reference, metric=asked, limit=limit), []
    except ValueError as error:
        return None, [f"{NOT_MEASURED}{str(error)[:1].lower()}{str(error)[1:]}"]


def _start_row(variant: Variant, name: str, timed: LatencyRow) -> ComparisonRow:
    return ComparisonRow(
        name=name,
        runtime=variant.runtime,
        precision=variant.precision,
        size_bytes=variant.size_bytes or None,
        median_ms=timed.median_ms,
        low_ms=timed.median_low_ms,
        high_ms=timed.median_high_ms,
        p90_ms=timed.p90_ms,
        speedup=timed.speedup,
        speedup_low=timed.speedup_low,
        speedup_high=timed.speedup_high,
        peak_bytes=timed.peak_bytes,
        error=timed.error or "",
        code=variant.as_code(),
        versions=dict(variant.versions),
        cpu=tuple(variant.cpu),
    )


def _add_agreement(row: ComparisonRow, diff: OutputDiff) -> ComparisonRow:
    return dataclasses.replace(row, agrees=bool(diff.agrees), agreement=str(diff.verdict))


def _add_quality(row: ComparisonRow, quality: Quality, *, is_reference: bool) -> ComparisonRow:
    row = dataclasses.replace(row, quality=quality.value, quality_low=quality.low, quality_high=quality.high)
    apart = quality.difference
    if apart is None:  # also where the reference failed, so that there is nothing to compare with
        return dataclasses.replace(row, kept=100.0 if is_reference else None)
    return dataclasses.replace(
        row,
        kept=apart.kept,
        difference=apart.value,
        difference_low=apart.low,
        difference_high=apart.high,
    )


def _fail(row: ComparisonRow, error: Exception) -> ComparisonRow:
    """The row with the reason why it failed, in a line."""
    known = row.error.split("; ") if row.error else []
    return dataclasses.replace(row, error="; ".join(dict.fromkeys([*known, first_line(error)])))


def _judge(row: ComparisonRow, reference: ComparisonRow, shown: Quality | None) -> str:
    """A row in words."""
    if row.error:
        return f"failed: {row.error}"
    if row is reference:
        return "the reference"
    parts = []
    if row.speedup is not None:
        parts.append(judge_speed(row.speedup, row.speedup_low, row.speedup_high))
    if row.difference is not None and shown is not None:
        change = format_figure(row.difference, shown.unit, sign=True)
        judged = f"{change} ({judge_noise(row.significant)})"
        parts.append(f"{shown.label} {judged}" if row.difference else f"same {shown.label}")
    if row.size_bytes and reference.size_bytes:
        parts.append(format_size(reference.size_bytes / row.size_bytes))
    if row.agrees is False:
        parts.append("outputs differ")
    return ", ".join(part for part in parts if part)


def _describe_unjudged(rows: Sequence[ComparisonRow]) -> list[str]:
    if rows[0].error and len(rows) > 1:
        return [f"Agreement was not judged, since {rows[0].name} failed."]
    return []


def _describe_failures(rows: Sequence[ComparisonRow]) -> list[str]:
    """What outputs that differ come down to; the reasons of failed rows stand in their verdicts."""
    return [f"{row.name}: {row.agreement}" for row in rows if row.agrees is False and row.agreement]
