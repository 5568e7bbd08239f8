"""`race_variants`: tries what can be made of a model, and finds the fastest variant that keeps the quality."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.compare.engine import choose_listener
from workbench.compare.latency_plan import check_number
from workbench.machine import cpu_features, package_versions, release_memory, usable_cores
from workbench.models.samples import Feed, check_feeds, name_feeds
from workbench.models.variant import Variant
from workbench.race.budget import Budget
from workbench.race.contestants import Contestant, Parts, choose_contestants
from workbench.race.course import Course
from workbench.race.finals import run_finals
from workbench.race.judging import Judge
from workbench.race.progress import Listener, ListenerError, Reporter, log
from workbench.race.qualifying import build_all, finish_judging, judge_by_speed, run_first_heat
from workbench.race.reasons import explain_rows
from workbench.race.rescue import add_selective, time_curve
from workbench.race.result import Race
from workbench.race.state import make_key, open_state
from workbench.race.tuned import tune_winner

if TYPE_CHECKING:
    from workbench.models.source import Source

HOW_TO_GO_ON = (
    "The race was interrupted. What was finished is kept: the same call of race_variants goes on from there."
)


def race_variants(
    source: Source,
    *,
    keep: float = 0.99,
    seconds: float | None = None,
    candidates: Iterable[str | Variant | Source | Path] | str | None = None,
    dataset: Any = None,
    samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None = None,
    threads: int | None = None,
    metric: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: Listener | Literal[False] | None = None,
    fresh: bool = False,
) -> Race:
    """Makes variants of a model, throws out those that are slow or lose too much, and hands over the best.

    All are timed for a moment first. The fastest are judged on labelled data, those that meet the bar go through
    longer and longer heats, and the winner's session is tuned. Where every int8 variant loses too much, the modules
    that suffer most are left in fp32. What does not apply here stands in the table with the reason.

    What is finished is kept in the workspace: a race that was interrupted goes on where it was, and the same one
    again comes back at once. Another `keep` is judged on the same figures.

    Args:
        source: What `load_model` returned.
        keep: The share of the baseline's quality that the winner has to keep.
        seconds: About how long all of it may take; None for no limit. What was not reached is listed as not tried,
            but the baseline and one contestant are made and measured in any case.
        candidates: Names of contestants, globs such as "onnx-*", and variants of your own; None for all.
        dataset: Labelled examples, as `evaluate_quality` takes them. Without any, demos bring their own, and other
            models are judged by how many decisions on the samples stay the same; with False demos are, too.
        samples: Feeds for latency; None takes the source's own.
        threads: How many threads a call may use; None takes the cores that this process may really use.
        metric: What quality is; None takes what is usual for the task.
        limit: How many labelled examples to take, from the first; all by default.
        seed: Decides which examples are looked at first.
        progress: Called with a `Progress` at each piece of news; what it raises ends the race. None and False tell
            nobody.
        fresh: Forgets what an earlier call has finished.

    Returns:
        The winner, its speed-up, and what was tried and why each lost.

    Raises:
        TypeError: `source` is none.
        ValueError: A number makes no sense, no contestant has such a name, or the dataset does not fit.
        WorkbenchError: The baseline itself cannot be measured.

    Example:
        >>> race = race_variants(load_model("random/tiny-bert"), candidates="torch-bf16", seconds=5, threads=1)
        >>> sorted(row.name for row in race.rows)
        ['torch-bf16', 'torch-fp32']
    """
    budget = Budget(_check_seconds(seconds))
    try:
        return run_race(
            source,
            budget,
            keep=keep,
            candidates=candidates,
            dataset=dataset,
            samples=samples,
            threads=threads,
            metric=metric,
            limit=limit,
            seed=seed,
            progress=choose_listener(progress),
            fresh=fresh,
        )
    except ListenerError as told:
        error = told.error
    raise error


def run_race(
    source: Source,
    budget: Budget,
    *,
    keep: float,
    candidates: Any,
    dataset: Any,
    samples: Any,
    threads: int | None,
    metric: str | None,
    seed: int,
    progress: Listener | None,
    fresh: bool,
    limit: int | None = None,
    list_field: Callable[[Source, Any], list[Contestant]] = choose_contestants,
) -> Race:
    """The same with a budget and a table of contestants of the caller's own."""
    source, feeds = _check(source, keep, threads, seed, samples)
    check_number("limit", limit, whole=True)
    threads = threads or usable_cores()
    field = list_field(source, candidates)
    judge = Judge(
        source.baseline,
        dataset=dataset,
        metric=metric,
        samples=feeds,
        seed=seed,
        threads=threads,
        limit=limit,
    )
    key = make_key(_describe(source, field, judge, feeds, seed, threads))
    with open_state(source.origin.source, key, fresh=fresh) as state:
        judge.state = state
        course = Course(
            field,
            Parts(source),
            keep,
            judge,
            state,
            budget,
            Reporter(progress),
            samples=feeds,
            threads=threads,
        )
        if state.note:
            course.notes.append(state.note)
        try:
            winner, tuning = _run(course)
        except (KeyboardInterrupt, ListenerError) as error:
            log.warning(HOW_TO_GO_ON)
            (error.error if isinstance(error, ListenerError) else error).add_note(HOW_TO_GO_ON)
            raise
        reused = state.reused
    return _conclude(course, winner, tuning, reused)


def _run(course: Course) -> tuple[str, Any]:
    build_all(course)
    release_memory()
    run_first_heat(course)
    judge_by_speed(course)
    add_selective(course)
    winner = run_finals(course)
    finish_judging(course)
    time_curve(course)
    return tune_winner(course, winner)


def _conclude(course: Course, winner: str, tuning: Any, reused: str | None) -> Race:
    judge, baseline = course.judge, course.baseline
    rows = explain_rows(course.rows, winner=winner, baseline=baseline, keep=course.keep, label=judge.label)
    shown = judge.shown
    race = Race(
        rows=rows,
        variants=dict(course.variants),
        baseline=baseline,
        keep=course.keep,
        source=course.parts.source.origin.source,
        task=course.parts.source.task,
        metric=judge.label,
        unit=shown.unit if shown else "",
        higher_is_better=shown.higher_is_better if shown else True,
        dataset=shown.dataset if shown else "",
        n=shown.n if shown else 0,
        threads=course.threads,
        samples=course.samples,
        notes=tuple(filter(None, (judge.note, *course.notes, *course.remarks))),
        subject=course.subject,
        noise=course.noise,
        curve=course.selective,
        tuning=tuning,
        seconds=course.budget.used,
        reused=reused,
        machine={**package_versions(), "CPU": ", ".join(cpu_features())},
    )
    course.tell("done", race.headline(), contestant=winner)
    return race


def _check(source: Any, keep: Any, threads: Any, seed: Any, samples: Any) -> tuple[Source, list[Feed] | None]:
    from workbench.models.source import Source

    if not isinstance(source, Source):
        raise TypeError(
            f"race_variants takes what load_model returns, got {type(source).__name__}: race_variants(load_model(…))."
        )
    if isinstance(keep, bool) or not isinstance(keep, int | float) or not 0 < keep <= 1:
        raise ValueError(f"keep must be a share above 0 and up to 1, such as 0.99, got {keep!r}.")
    check_number("threads", threads, whole=True)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number from 0 up, got {seed!r}.")
    return source, None if samples is None else check_feeds(samples)


def _check_seconds(seconds: float | None) -> float | None:
    check_number("seconds", seconds)
    return seconds


def _describe(
    source: Source, field: list[Contestant], judge: Judge, feeds: list[Feed] | None, seed: int, threads: int
) -> list[Any]:
    """What decides the figures of a race; not the bar, which is a matter of reading them, nor the time allowed."""
    samples = name_feeds(feeds if feeds is not None else source.samples)
    return [
        source.origin.source,
        source.task,
        source.fingerprint(),
        source.origin.dtype,
        source.origin.device,
        samples,
        judge.facts,
        seed,
        threads,
        sorted(one.key for one in field),
    ]
