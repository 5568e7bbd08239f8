"""`measure_latency`: how fast variants really are, measured so that the answer is the same tomorrow."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.compare.engine import choose_listener
from workbench.compare.jobs import JobWriter, estimate_need, plan_groups
from workbench.compare.latency_plan import (
    check_lengths,
    check_number,
    check_sizes,
    choose_feeds,
    label_variants,
    make_stations,
    share_progress,
)
from workbench.compare.latency_rows import Latency, LatencyRow
from workbench.compare.load import LoadMeter
from workbench.compare.statistics import (
    Interval,
    find_call_median,
    find_speedup,
    round_times,
    summarize_times,
)
from workbench.compare.stepping import Progress, Trial, measure_group
from workbench.machine import cpu_features, free_memory, package_versions, usable_cores
from workbench.models.samples import Feed, resize_feed, save_feeds
from workbench.models.variant import Variant, resolve_variant

if TYPE_CHECKING:
    from workbench.models.source import Source

SECONDS = 3.0
SPARED = 0.85  # of the free memory: the rest is for what the estimates do not know


def measure_latency(
    variants: Variant | Source | str | Path | Iterable[Variant | Source | str | Path],
    *,
    samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None = None,
    seconds: float | None = None,
    threads: int | None = None,
    isolate: bool = True,
    batch_sizes: Sequence[int] | None = None,
    lengths: Sequence[int] | None = None,
    timeout: float | None = None,
    progress: Progress | Literal[False] | None = None,
) -> Latency:
    """Measures the latency of variants, in turn, and their speed-up over the first one.

    Each variant has a process of its own, and they run one after the other, round by round, so that drift of the
    machine meets all of them and cancels in their ratio; who waits for its turn stands still. A variant is warmed
    up until its time no longer changes; within a turn its first call does not count. A variant that fails, crashes,
    hangs or is killed gets a row that says so, and the others go on.

    What is timed is `Runner.run`: numpy arrays in, numpy arrays out. Tokenizing is not in it. A decoder is timed on
    one call over its whole prompt.

    Args:
        variants: What is compared, the baseline first: variants, sources (their PyTorch model) or folders.
        samples: Feeds to run, the same for all. None takes each variant's first own sample.
        seconds: How long each variant is measured at each shape; None takes 3. At least ten rounds are measured.
        threads: How many threads a call may use; None takes the cores that this process may really use.
        isolate: Whether each variant gets its own process. False is for quick looks: everything runs here, a crash
            takes the notebook with it, and memory is not measured.
        batch_sizes: Measure at each of these batch sizes; None keeps the samples'.
        lengths: Measure at each of these lengths in tokens; None keeps the samples'.
        timeout: Seconds without an answer after which a variant counts as hung. None takes ten minutes for loading
            and warming up, which may compile, and a minute or more for a turn.
        progress: Called with (done, total) again and again while it measures; None and False tell nobody.

    Returns:
        A table of latencies; `noisy` says when not to trust it.

    Raises:
        ValueError: There is no variant or no sample, a number makes no sense, or inputs have no length to set.
        TypeError: Something is no variant.

    Example:
        >>> source = load_model("random/tiny-bert")
        >>> latency = measure_latency([source, export_onnx(source)], seconds=0.1, threads=1)
        >>> [row.name for row in latency.rows], latency.rows[0].speedup
        (['torch-fp32', 'onnx-fp32'], 1.0)
    """
    given = [variants] if isinstance(variants, str | Path) or not isinstance(variants, Iterable) else variants
    chosen = [resolve_variant(variant) for variant in given]
    if not chosen:
        raise ValueError("variants is empty: give at least one, the baseline first.")
    check_number("threads", threads, whole=True)
    check_number("seconds", seconds)
    check_number("timeout", timeout)
    check_sizes("batch_sizes", batch_sizes)
    check_sizes("lengths", lengths)
    threads, seconds = threads or usable_cores(), seconds or SECONDS
    feeds = choose_feeds(chosen, samples)
    check_lengths(lengths, feeds)
    shapes = list(itertools.product(batch_sizes or (None,), lengths or (None,)))
    shaped = [
        [[resize_feed(feed, batch=batch, length=length) for feed in own] for batch, length in shapes]
        for own in feeds
    ]
    names = label_variants(chosen)
    needs = [estimate_need(variant) for variant in chosen]
    groups = plan_groups(needs, int(SPARED * free_memory())) if isolate else [list(range(len(chosen)))]
    meter = LoadMeter()
    rows: dict[tuple[int, int], LatencyRow] = {}
    tell = share_progress(choose_listener(progress), [len(group) * len(shapes) for group in groups])
    with tempfile.TemporaryDirectory(prefix="workbench-latency-") as place:
        files = [
            [_write(case, Path(place) / f"feeds-{index}-{at}.npz") for at, case in enumerate(cases)]
            for index, cases in enumerate(shaped)
        ]
        makers = make_stations(chosen, names, JobWriter(Path(place), threads) if isolate else None, threads)
        for at_group, group in enumerate(groups):
            trials = measure_group(
                [makers[index] for index in group],
                [files[index] for index in group],
                seconds=seconds,
                timeout=timeout,
                meter=meter,
                progress=tell(at_group),
            )
            for index, row in zip(group, trials, strict=True):
                for at, trial in enumerate(row):
                    if (at, index) not in rows:  # of the baseline, the first group's
                        rows[at, index] = _make_row(
                            chosen[index],
                            names[index],
                            shaped[index][at],
                            shapes[at][1],
                            trial,
                            trials[0][at],
                        )
    return Latency(
        rows=tuple(row for _, row in sorted(rows.items())),
        baseline=names[0],
        threads=threads,
        seconds=seconds,
        samples=len(feeds[0]),
        same_samples=all(own is feeds[0] for own in feeds),
        isolated=isolate,
        groups=len(groups),
        cpu=cpu_features(),
        versions=package_versions(),
        load=meter.read(),
    )


def _write(feeds: Sequence[Feed], path: Path) -> Path:
    save_feeds(feeds, path)
    return path


def _make_row(
    variant: Variant,
    name: str,
    feeds: Sequence[Feed],
    asked_length: int | None,
    trial: Trial,
    baseline: Trial,
) -> LatencyRow:
    batches = [min(value.shape[0] for value in feed.values()) for feed in feeds]
    batch = batches[0] if len(set(batches)) == 1 else None
    tokens = {feed["input_ids"].shape[1] for feed in feeds if "input_ids" in feed}
    length = asked_length or (tokens.pop() if len(tokens) == 1 else None)
    if trial.error is not None or not trial.rounds:
        return LatencyRow(name, batch, length, error=trial.error or "it was not measured")
    times = round_times(trial.rounds)
    speedup = _compare(trial, baseline, times)
    middle, summary = find_call_median(trial.rounds), summarize_times(np.concatenate(trial.rounds))
    return LatencyRow(
        name,
        batch,
        length,
        median_ms=summary.median,
        median_low_ms=middle.low / 1e6,
        median_high_ms=middle.high / 1e6,
        p90_ms=summary.p90,
        p99_ms=summary.p99,
        mean_ms=summary.mean,
        std_ms=summary.std,
        n=summary.n,
        rounds=len(times),
        speedup=speedup.value if speedup else None,
        speedup_low=speedup.low if speedup else None,
        speedup_high=speedup.high if speedup else None,
        throughput=1000 * sum(batches) / (len(feeds) * summary.mean),
        load_s=None if variant.runtime == "torch" and variant.origin.random else trial.facts["load_s"],
        first_ms=trial.facts["first_ms"],
        peak_bytes=trial.facts.get("peak_bytes"),
        load_peak_bytes=trial.facts["load_peak_bytes"],
        warm_up_runs=trial.facts["warm_up_runs"],
        stable=trial.facts["stable"],
    )


def _compare(trial: Trial, baseline: Trial, times: np.ndarray) -> Interval | None:
    if trial is baseline:
        return Interval(1.0, 1.0, 1.0)
    return find_speedup(round_times(baseline.rounds), times) if baseline.error is None else None
