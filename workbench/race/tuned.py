"""The winner's session with other settings, where that is measurably better."""

from __future__ import annotations

import dataclasses
import logging

from workbench.compare.tuning import LONGER, Tuning, list_settings, tune_session
from workbench.errors import VariantError, first_line
from workbench.machine import usable_cores
from workbench.models.variant import Variant
from workbench.race.course import Course
from workbench.race.rows import NOT_TRIED

log = logging.getLogger("workbench.race")
# Only what is better by more than noise is taken, so a short look misses little; most sessions stay as they are.
TRIAL_SECONDS, HEAT_SECONDS = 1.0, 2.0


def tune_winner(course: Course, winner: str) -> tuple[str, Tuning | None]:
    """Tries other settings of the winner's session.

    Returns:
        The winner's name, which is another one where the tuned variant is measurably better; and what was tried, None
        where nothing was. What an earlier call tried comes back without its measurements.
    """
    variant = course.variants[winner]
    if variant.runtime == "torch":
        return winner, None
    step = f"tune/{winner}@{variant.path.name if variant.path else ''}"
    tuning = _recall(course, step, variant) or _try_settings(course, step, winner)
    if tuning is None:
        return winner, None
    course.notes.append(tuning.reason)
    if tuning.variant.path == variant.path:
        return winner, tuning
    return _prove(course, winner, tuning), tuning


def _try_settings(course: Course, step: str, winner: str) -> Tuning | None:
    variant = course.variants[winner]
    members = 1 + len(list_settings(variant, course.threads or usable_cores()))
    budget = course.budget
    needed = budget.estimate(members, TRIAL_SECONDS) + budget.estimate(2, LONGER * TRIAL_SECONDS)
    left = budget.left("tune")
    if left is not None and (budget.is_over("heats") or needed + budget.estimate(3, HEAT_SECONDS) > left):
        course.notes.append(f"Time was up before the session of {winner} was tuned.")
        return None
    course.tell("tune", f"trying other settings of {winner}'s session", contestant=winner)
    # Whatever this raises, the race was won without it.
    try:
        tuning = tune_session(variant, samples=course.samples, threads=course.threads, seconds=TRIAL_SECONDS)
    except Exception as error:
        course.notes.append(f"The session of {winner} was not tuned: {first_line(error)}")
        return None
    if tuning.trial is not None:
        # What was found for one shape need not hold for another, and the settings stay with the variant.
        holds = " Another shape may want other settings." if tuning.settings else ""
        reason = f"{tuning.reason} Measured on {tuning.trial.subject}.{holds}"
        tuning = dataclasses.replace(tuning, reason=reason)
    better = tuning.variant.path if tuning.variant.path != variant.path else None
    kept = {"path": better and str(better), "reason": tuning.reason, "settings": dict(tuning.settings)}
    course.state.put(step, kept)
    return tuning


def _recall(course: Course, step: str, variant: Variant) -> Tuning | None:
    """What an earlier call found, where it is still there."""
    known = course.state.get(step)
    try:
        if known is None:
            return None
        found = variant
        if known["path"]:
            found = course.parts.recall(known["path"], variant)
        return Tuning(found, dict(known["settings"]), known["reason"])
    except (FileNotFoundError, VariantError) as error:
        log.warning("The tuned variant is gone (%s); it is tuned again.", first_line(error))
    except (KeyError, TypeError) as error:
        log.info("What was tuned earlier cannot be read (%s); it is tuned again.", first_line(error))
    return None


def _prove(course: Course, winner: str, tuning: Tuning) -> str:
    """Times the tuned variant beside the winner and the baseline; gives the name of the faster one."""
    name = course.free_name(f"{winner.removesuffix('-tuned')}-tuned")
    # The same file with other settings decides the same: it need not be judged again.
    course.add(name, tuning.variant, course.rows[winner])
    note = f"{winner} with settings {dict(tuning.settings)}"
    course.change(name, note="; ".join(part for part in (note, course.rows[winner].note) if part))
    heat = course.run_extra(name, "tuned heat", course.pick([winner, name]), HEAT_SECONDS)
    if heat is None or any(timing.error for timing in heat.timings.values()):
        course.drop(name, NOT_TRIED, "it was not measured beside the winner")
        return winner
    course.take(heat, course.rows[winner].heat + 1)
    ours, theirs = course.rows[name].speedup, course.rows[winner].speedup
    return name if ours and theirs and ours > theirs else winner
