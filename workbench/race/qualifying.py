"""The first half of a race: contestants are built, timed in a short heat, and judged in the order of their speed."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import Any

from workbench.errors import ConvertError, TaskError, VariantError, first_line
from workbench.models.variant import Variant
from workbench.race.contestants import Contestant, is_temporary
from workbench.race.course import Course
from workbench.race.deciding import find_beater, find_smallest
from workbench.race.heats import FIRST_SECONDS, TOGETHER
from workbench.race.judgement import apply_judgement
from workbench.race.judging import NOT_AT_ALL
from workbench.race.rows import FAILED, NOT_APPLICABLE, NOT_TRIED, RACING, RaceRow, may_win

log = logging.getLogger("workbench.race")


def build_all(course: Course) -> None:
    """Makes every contestant, one after the other; what cannot be made becomes a row that says why."""
    for index, one in enumerate(course.field):
        course.tell("build", f"making {one.name}", contestant=one.name, done=index, total=len(course.field))
        reason = one.applies(course.parts) if index else None
        if reason is not None:
            course.change(one.name, status=NOT_APPLICABLE, reason=reason)
        elif len(course.variants) > 1 and course.budget.is_over("build") and not _is_built(course, one):
            course.change(one.name, status=NOT_TRIED, reason="time was up before it was made")
        else:
            _build(course, one)


def _build(course: Course, one: Contestant) -> None:
    step = f"build/{one.name}"
    known = course.state.get(step)
    if known is not None and known.get("reason"):
        course.change(one.name, status=NOT_APPLICABLE, reason=known["reason"])
        return
    # Converters raise what they like, and one bad contestant must not end the race.
    try:
        variant = _load_built(course, known) or one.make(course.parts)
    except (ConvertError, TaskError, ValueError, TypeError, ImportError) as error:
        course.change(one.name, status=NOT_APPLICABLE, reason=first_line(error))
        if not is_temporary(error):
            course.state.put(step, {"reason": first_line(error)})
        return
    except Exception as error:
        course.change(one.name, status=FAILED, reason=first_line(error))
        return
    course.add(one.name, variant)
    course.change(one.name, note=one.note() or "")
    if variant.path is not None and known is None:
        course.state.put(step, {"path": str(variant.path)})


def _is_built(course: Course, one: Contestant) -> bool:
    return course.state.get(f"build/{one.name}") is not None


def _load_built(course: Course, known: Any) -> Variant | None:
    """The variant that an earlier call made, where it is still there."""
    if not known or not known.get("path"):
        return None
    try:
        return dataclasses.replace(Variant.load(known["path"]), source=course.parts.source)
    except (FileNotFoundError, VariantError):
        return None


def run_first_heat(course: Course) -> None:
    """Times everyone for a moment, some at a time, each time beside the baseline."""
    waiting = [name for name in course.variants if name != course.baseline]
    total = len(waiting)
    known = [name for name in waiting if course.track.is_known("first", name)]
    parts = [known] if known or not waiting else []
    waiting = [name for name in waiting if name not in known]
    while parts or waiting:
        if not parts:
            if course.measured() and course.budget.is_over("first heat"):
                break
            size = course.budget.count_members("first heat", FIRST_SECONDS, TOGETHER)
            size = math.ceil(len(waiting) / math.ceil(len(waiting) / size))  # none is left to run alone
            parts, waiting = [waiting[:size]], waiting[size:]
        part = parts.pop()
        done = total - len(waiting) - len(part)
        course.tell("first heat", f"timing {', '.join(part) or course.baseline}", done=done, total=total)
        heat = course.track.run_first(course.pick(part), FIRST_SECONDS)
        course.take(heat, 1)
        course.noise = heat.noise or course.noise
    for name in waiting:
        course.change(name, status=NOT_TRIED, reason="time was up before it was measured")


def judge_by_speed(course: Course) -> None:
    """Judges the fastest first; who is clearly beaten by one that meets the bar need not be judged."""

    def tell(message: str, done: int, total: int) -> None:
        course.tell("judge", message, contestant=course.baseline, done=done, total=total)

    begun = course.judge.begin(tell)
    course.rows[course.baseline] = apply_judgement(course.rows[course.baseline], begun, course.keep)
    order = [row.name for row in course.measured()]
    for index, name in enumerate(order):
        row = course.rows[name]
        if find_beater(row, course.rows.values()) is not None:
            continue
        if index and course.budget.is_over("judge"):
            course.change(name, status=NOT_TRIED, reason="time was up before it was judged")
            continue
        course.judge_one(name)
    for name in _interesting(course):
        if not course.budget.is_over("judge"):
            course.judge_one(name)


def finish_judging(course: Course) -> None:
    """Brings the baseline's figure to all examples, once others were judged on them."""
    judged = course.judge.finish(lambda message, done, total: None)
    if judged is not None:
        course.rows[course.baseline] = apply_judgement(course.rows[course.baseline], judged, course.keep)


def _interesting(course: Course) -> list[str]:
    """Who cannot win by speed, but may be the smallest, or the fastest that changes nothing."""
    left = [row for row in course.measured() if row.n == 0 and row.status == RACING]
    smallest = find_smallest(list(course.rows.values()))
    found = [row for row in left if smallest and _is_smaller(row, smallest)]
    found.sort(key=lambda row: (row.size_bytes or 0, row.name))
    chosen = found[:1]
    baseline = course.rows[course.baseline]
    exact = [row for row in left if row.precision == baseline.precision and (row.speedup_low or 0) > 1]
    rivals = [row for row in course.rows.values() if row.precision == baseline.precision and may_win(row)]
    if exact and course.judge.on != NOT_AT_ALL and rivals == [baseline]:
        chosen += [row for row in exact[:1] if row not in chosen]
    return [row.name for row in chosen]


def _is_smaller(row: RaceRow, other: RaceRow) -> bool:
    return bool(row.size_bytes) and (row.size_bytes or 0) < (other.size_bytes or 0)
