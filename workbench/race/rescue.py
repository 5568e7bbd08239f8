"""Where int8 loses too much: a contestant that leaves the modules that suffer most in fp32."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from workbench.compare.latency_rows import LatencyRow
from workbench.errors import VariantError, first_line
from workbench.models.variant import Variant
from workbench.race.budget import TimeUpError
from workbench.race.contestants import Contestant
from workbench.race.course import Course
from workbench.race.deciding import find_wanting_int8
from workbench.race.heats import FIRST_SECONDS, FURTHER_SECONDS
from workbench.race.rows import NOT_TRIED, RACING, RaceRow

if TYPE_CHECKING:
    from workbench.race.selective import Selective

log = logging.getLogger("workbench.race")


def add_selective(course: Course) -> None:
    """Where int8 contestants are the fastest but below the bar, searches the fewest modules to leave in fp32.

    The fastest one of a runtime is tried, and that of another runtime where the first cannot be saved.
    """
    for one in _list_recipes(course):
        found = _recall(course, one) or _find(course, one)
        if found is None:
            continue
        course.selective = found
        if found.variant is not None:
            _enter(course, one, found, found.variant)
            return
        course.notes.append(f"Leaving modules of {one.name} in fp32 did not help: {found.reason}")


def _find(course: Course, one: Contestant) -> Selective | None:
    """What a search finds; None, and a note, where it came to no end."""
    if course.budget.is_over("selective"):
        course.notes.append(
            f"{one.name} is faster but below the bar; time was up before the search for modules to leave in fp32."
        )
        return None
    course.tell("selective", f"searching for modules of {one.name} to leave in fp32", contestant=one.name)
    # Whatever this raises, the race goes on without it.
    try:
        found = _search(course, one)
    except TimeUpError:
        course.notes.append(f"Time was up during the search for modules of {one.name} to leave in fp32.")
        return None
    except Exception as error:
        course.notes.append(f"Leaving modules of {one.name} in fp32 failed: {first_line(error)}")
        return None
    if not found.timed_out:
        course.state.put(_step(course, one), found.to_dict())
    return found


def _enter(course: Course, one: Contestant, found: Selective, variant: Variant) -> None:
    """Lets the variant that was found into the race: it is timed, and judged."""
    name = course.free_name(f"{one.name}-selective")
    course.notes.append(f"{name}: {found.reason}")
    course.add(name, variant, RaceRow(name, note=f"{len(found.excluded)} modules left in fp32"))
    # Its content differs from bar to bar, and so must its name among the finished steps.
    step, members = _step(course, one), {name: variant}
    if not course.has_time("heats", step, members, FURTHER_SECONDS):
        course.drop(name, NOT_TRIED, "time was up before it was measured")
        return
    heat = course.run_extra(name, step, members, FURTHER_SECONDS)
    if heat is None:
        course.drop(name, NOT_TRIED, "it could not be measured")
        return
    course.take(heat, 1)
    if course.rows[name].status == RACING:
        course.judge_one(name, step=_judged_as(course, one, variant), phase="selective")


def time_curve(course: Course) -> None:
    """Gives every point of the curve a latency, all timed in turn."""
    found = course.selective
    if found is None or not found.curve:
        return
    members = {f"{point.left_out} in fp32": point.variant for point in found.curve}
    step = f"curve {'+'.join(point.variant.path.name for point in found.curve)}"
    if not course.has_time("tune", step, members, FIRST_SECONDS):
        return
    course.tell("tune", "timing the points of the curve")
    heat = course.run_extra("The curve", step, members, FIRST_SECONDS)
    if heat is None:
        return
    course.selective = found.with_latency(
        [
            LatencyRow(name, 1, median_ms=one.median_ms, median_low_ms=one.low_ms, median_high_ms=one.high_ms)
            for name, one in ((name, heat.timings[name]) for name in members)
        ]
    )


def _list_recipes(course: Course) -> list[Contestant]:
    """Who is worth a try and quantized in a way that can leave modules out: the fastest of each runtime."""
    field = {one.name: one for one in course.field}
    wanting = [field[row.name] for row in find_wanting_int8(list(course.rows.values())) if row.name in field]
    found: dict[str, Contestant] = {}
    for one in wanting:
        if one.quantize is not None and one.parent is not None:
            found.setdefault(one.runtime, one)
    return list(found.values())


def _step(course: Course, one: Contestant) -> str:
    return f"selective/{one.name}/{course.keep:g}"


def _judged_as(course: Course, one: Contestant, variant: Variant) -> str:
    """Its name among what was judged; with nothing left out it is the contestant itself."""
    assert variant.path is not None
    return one.name if variant.path == course.variants[one.name].path else f"{one.name}@{variant.path.name}"


def _recall(course: Course, one: Contestant) -> Selective | None:
    """What an earlier call found, where its variants are still there."""
    from workbench.race.selective import Point, Selective

    known = course.state.get(_step(course, one))
    if known is None:
        return None

    try:
        curve = tuple(
            Point(
                **{
                    **point,
                    "excluded": tuple(point["excluded"]),
                    "variant": course.parts.recall(point["variant"]),
                }
            )
            for point in known["curve"]
        )
        names = {field.name for field in dataclasses.fields(Selective)} & set(known)
        plain = {name: known[name] for name in names}
        variant = course.parts.recall(known["variant"]) if known["variant"] else None
        return Selective(
            **{**plain, "curve": curve, "excluded": tuple(known["excluded"]), "variant": variant}
        )
    except (FileNotFoundError, VariantError, KeyError, TypeError) as error:
        log.info("What was found of %s is gone (%s): searching again.", one.name, first_line(error))
        return None


def _search(course: Course, one: Contestant) -> Selective:
    from workbench.race.selective import Judged, find_selective
    from workbench.race.sensitivity import measure_sensitivity

    assert one.parent is not None
    parent = one.parent(course.parts)

    left = course.budget.count_down("selective")

    def tell(done: int, total: int) -> None:
        course.tell(
            "selective", "measuring how sensitive modules are", contestant=one.name, done=done, total=total
        )
        if left() == 0.0:
            raise TimeUpError

    def judge(variant: Variant) -> Judged:
        def report(message: str, done: int, total: int) -> None:
            course.tell("selective", message, contestant=one.name, done=done, total=total)

        judged = course.judge.judge(_judged_as(course, one, variant), variant, course.keep, report, left)
        kept = judged.kept if judged.kept is not None else float(not judged.broken)
        low = judged.kept_low if judged.kept_low is not None else kept
        high = judged.kept_high if judged.kept_high is not None else kept
        return Judged(kept, low, high, judged.n)

    # Of another runtime's int8, too: the order is what is wanted, and that is much the same.
    quantized = course.variants[one.name] if one.runtime == "onnxruntime" else None
    sensitivity = measure_sensitivity(
        course.parts.source, parent, quantized=quantized, threads=course.threads, progress=tell
    )
    return find_selective(
        parent,
        judge,
        sensitivity=sensitivity,
        keep=course.keep,
        quantize=one.quantize,
        deadline=course.budget.deadline("selective"),
    )
