"""The first half of a race: contestants are built, timed in a short heat, and judged in the order of their speed."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import Any

from workbench.errors import ConvertError, TaskError, VariantError, first_line
from workbench.models.variant import Variant
from workbench.race.budget import TimeUpError
from workbench.race.contestants import Contestant, is_temporary
from workbench.race.course import Course
from workbench.race.deciding import find_beater, find_smallest, is_smaller
from workbench.race.heats import FIRST_SECONDS, TOGETHER
from workbench.race.judgement import apply_judgement
from workbench.race.judging import NOT_AT_ALL
from workbench.race.rows import FAILED, NOT_APPLICABLE, NOT_TRIED, RACING, UNJUDGED, RaceRow, may_win

log = logging.getLogger("workbench.race")
GRACE = 10.0  # seconds to judge the baseline, and the first contestant, in any case
NOTHING_JUDGED = "Time was up before the quality of {} was known, so nothing was judged: give more seconds."


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
    known = course.state.get(step, _check_built)
    if known is not None and known.get("reason"):
        course.change(one.name, status=NOT_APPLICABLE, reason=known["reason"])
        return
    # Converters raise what they like, and one bad contestant must not end the race.
    try:
        variant = _load_built(course, one, known) or one.make(course.parts)
    except (ConvertError, TaskError, ValueError, TypeError, ImportError) as error:
        course.change(one.name, status=NOT_APPLICABLE, reason=first_line(error))
        if not is_temporary(error):
            course.state.put(step, {"reason": first_line(error)})
        return
    except Exception as error:
        course.change(one.name, status=FAILED, reason=first_line(error))
        return
    course.add(one.name, variant)
    course.change(one.name, note=one.note(course.parts) or "")
    if variant.path is not None and (known is None or known["path"] != str(variant.path)):
        course.state.put(step, {"path": str(variant.path), "steps": _list_steps(variant)})


def _is_built(course: Course, one: Contestant) -> bool:
    return course.state.get(f"build/{one.name}", _check_built) is not None


def _check_built(known: Any) -> None:
    if not isinstance(known.get("reason") or known["path"], str):
        raise TypeError("neither a reason nor a folder")


def _load_built(course: Course, one: Contestant, known: Any) -> Variant | None:
    """The variant that an earlier call made, where it is still there, and still the one."""
    if known is None:
        return None
    try:
        found = course.parts.recall(known["path"])
    except (FileNotFoundError, VariantError):
        return None
    wanted = (one.runtime, one.precision, known.get("steps"))
    return found if (found.runtime, found.precision, _list_steps(found)) == wanted else None


def _list_steps(variant: Variant) -> list[dict[str, Any]]:
    return [dataclasses.asdict(step) for step in variant.steps]


def run_first_heat(course: Course) -> None:
    """Times everyone for a moment, some at a time, each time beside the baseline."""
    waiting = [name for name in course.variants if name != course.baseline]
    waiting.sort(key=lambda name: course.variants[name].compiled)  # compiling takes long: they come last
    total = len(waiting)
    known = [name for name in waiting if course.track.is_known(name)]
    parts = [known] if known or not waiting else []
    waiting = [name for name in waiting if name not in known]
    while parts or waiting:
        if not parts:
            if course.measured() and course.budget.is_over("first heat"):
                break
            size = _count_next(course, waiting)
            if not size:
                break
            parts, waiting = [waiting[:size]], waiting[size:]
        part = parts.pop()
        done = total - len(waiting) - len(part)
        course.tell("first heat", f"timing {', '.join(part) or course.baseline}", done=done, total=total)
        course.take(course.track.run_first(course.pick(part), FIRST_SECONDS), 1)
    for name in waiting:
        course.change(name, status=NOT_TRIED, reason="time was up before it was measured")


def _count_next(course: Course, waiting: list[str]) -> int:
    """How many of those that wait are timed next; none where there is no time to compile."""
    size = course.budget.count_members("first heat", FIRST_SECONDS, TOGETHER)
    size = math.ceil(len(waiting) / math.ceil(len(waiting) / size))  # none is left to run alone
    if course.budget.seconds is None:
        return size
    plain = len(waiting) - course.count_compiled(waiting)
    if plain:
        return min(size, plain)
    while size and not course.budget.fits("first heat", size + 1, FIRST_SECONDS, compiled=size):
        size -= 1
    return size if size or course.measured() else 1


def judge_by_speed(course: Course) -> None:
    """Judges the fastest first; who is clearly beaten by one that meets the bar need not be judged."""

    def tell(message: str, done: int, total: int) -> None:
        course.tell("judge", message, contestant=course.baseline, done=done, total=total)

    order = [row.name for row in course.measured()]
    try:
        begun = course.judge.begin(tell, course.budget.count_down("judge", least=GRACE))
    except TimeUpError:
        course.notes.append(NOTHING_JUDGED.format(course.baseline))
        for name in order:
            course.change(name, status=UNJUDGED, reason="time was up before it was judged")
        return
    course.rows[course.baseline] = apply_judgement(course.rows[course.baseline], begun, course.keep)
    for index, name in enumerate(order):
        row = course.rows[name]
        if find_beater(row, course.rows.values()) is not None:
            continue
        if index and course.budget.is_over("judge"):
            course.change(name, status=UNJUDGED, reason="time was up before it was judged")
            continue
        course.judge_one(name, grace=0.0 if index else GRACE)
    _judge_until_one_meets(course, _list_smaller(course))
    _judge_until_one_meets(course, _list_exact(course))


def finish_judging(course: Course) -> None:
    """Brings the baseline's figure to all examples, once others were judged on them."""
    judged = course.judge.finish(lambda message, done, total: None)
    if judged is not None:
        course.rows[course.baseline] = apply_judgement(course.rows[course.baseline], judged, course.keep)


def _judge_until_one_meets(course: Course, names: list[str]) -> None:
    for name in names:
        if course.budget.is_over("judge") or may_win(course.judge_one(name)):
            return


def _list_smaller(course: Course) -> list[str]:
    """Who cannot win by speed, but may be the smallest that meets the bar; the smallest first."""
    smallest = find_smallest(list(course.rows.values()))
    found = [row for row in _list_unjudged(course) if smallest and is_smaller(row, smallest)]
    return [row.name for row in sorted(found, key=lambda row: (row.size_bytes or 0, row.name))]


def _list_exact(course: Course) -> list[str]:
    """Who cannot win by speed, but may be the fastest that changes nothing, where none such was judged."""
    baseline = course.rows[course.baseline]
    rivals = [row for row in course.rows.values() if row.precision == baseline.precision and may_win(row)]
    if course.judge.on == NOT_AT_ALL or rivals != [baseline]:
        return []
    return [
        row.name
        for row in _list_unjudged(course)
        if row.precision == baseline.precision and (row.speedup_low or 0) > 1
    ]


def _list_unjudged(course: Course) -> list[RaceRow]:
    return [row for row in course.measured() if row.n == 0 and row.status == RACING]
