"""The winner's session with other settings, where that is measurably better."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from workbench.compare.tuning import tune_session
from workbench.errors import VariantError, WorkbenchError, first_line
from workbench.models.variant import Variant
from workbench.race.course import Course
from workbench.race.heats import FINAL_SECONDS

log = logging.getLogger("workbench.race")


def tune_winner(course: Course, winner: str) -> tuple[str, Any]:
    """Tries other settings of the winner's session.

    Returns:
        The winner's name, which is another one where the tuned variant is measurably better; and the `Tuning`, None
        where there was none.
    """
    variant = course.variants[winner]
    if variant.runtime == "torch" or winner.endswith("-tuned"):
        return winner, None
    name, step = f"{winner}-tuned", f"tune/{variant.path.name if variant.path else winner}"
    known = course.state.get(step)
    tuning = None
    if known is None:
        if course.budget.is_over("heats") or not course.budget.fits("tune", 8, FINAL_SECONDS):
            course.notes.append(f"Time was up before the session of {winner} was tuned.")
            return winner, None
        course.tell("tune", f"trying other settings of {winner}'s session", contestant=winner)
        try:
            tuning = tune_session(variant, samples=course.samples, threads=course.threads)
        except (WorkbenchError, ValueError) as error:
            course.notes.append(f"The session of {winner} was not tuned: {first_line(error)}")
            return winner, None
        better = tuning.variant.path if tuning.variant.path != variant.path else None
        known = course.state.put(step, {"path": better and str(better), "reason": tuning.reason})
    course.notes.append(known["reason"])
    if not known["path"]:
        return winner, tuning
    try:
        tuned = dataclasses.replace(Variant.load(known["path"]), source=course.parts.source)
    except (FileNotFoundError, VariantError) as error:
        log.warning("The tuned variant is gone (%s); the winner is the one before tuning.", first_line(error))
        return winner, tuning
    # The same file with other settings decides the same: it need not be judged again.
    course.add(name, tuned, course.rows[winner])
    heat = course.track.run("tuned heat", course.pick([winner, name]), FINAL_SECONDS)
    course.take(heat, course.rows[winner].heat + 1)
    course.change(name, note=f"{winner} with settings {dict(tuned.settings)}")
    ours, theirs = course.rows[name].speedup, course.rows[winner].speedup
    return (name if ours and theirs and ours > theirs else winner), tuning
