"""The second half of a race: longer and longer heats among those that meet the bar, until the winner stands."""

from __future__ import annotations

from workbench.race.course import Course
from workbench.race.deciding import choose_winner, drop_beaten, find_beater, sort_by_speed
from workbench.race.heats import FINAL_SECONDS, FINALISTS, FURTHER_SECONDS, MOST_FURTHER
from workbench.race.rows import RACING, RaceRow, may_win

FINAL = "final heat"
TIME_WAS_UP = (
    "Time was up before the last heats: the figures are those of a short one. Give more seconds to be surer."
)


def run_finals(course: Course) -> str:
    """Runs the further heats and the final.

    Returns:
        The winner's name: the baseline's where nothing that meets the bar is faster, or as fast and smaller.
    """
    pool = _list_pool(course)
    if not set(pool) - {course.baseline}:
        return course.baseline
    number, seconds = 2, FURTHER_SECONDS
    while len(pool) > FINALISTS and number < 2 + MOST_FURTHER:
        step = f"heat {number}"
        if not course.has_time("heats", step, course.pick(pool), seconds):
            break
        _run_heat(course, pool, step, number, seconds)
        pool, number, seconds = _keep_best(course, pool), number + 1, 2 * seconds
    pool = _run_final(course, pool, number)
    winner = _choose(course, pool)
    called = _call_back(course, winner, pool)
    # Figures of different heats are not compared: all run again, or the winner stands.
    if called and _has_time_for_final(course, [*pool, *called]):
        winner = _choose(course, _run_final(course, [*pool, *called], number + 1))
    return winner.name


def _choose(course: Course, pool: list[str]) -> RaceRow:
    baseline = course.rows[course.baseline]
    return choose_winner([course.rows[name] for name in pool], baseline) or baseline


def _has_time_for_final(course: Course, pool: list[str]) -> bool:
    return course.has_time("heats", FINAL, course.pick(pool), FINAL_SECONDS)


def _list_pool(course: Course) -> list[str]:
    return [row.name for row in drop_beaten([row for row in course.rows.values() if may_win(row)])]


def _keep_best(course: Course, pool: list[str]) -> list[str]:
    return [
        row.name for row in drop_beaten([course.rows[name] for name in pool if may_win(course.rows[name])])
    ]


def _run_heat(course: Course, pool: list[str], step: str, number: int, seconds: float) -> None:
    others = [name for name in pool if name != course.baseline]
    course.tell(
        "heats",
        f"{step}, {seconds:g} s each: {', '.join(others)}",
        done=number - 2,
        total=max(number - 1, 1 + MOST_FURTHER),
    )
    course.take(course.track.run(step, course.pick(others), seconds), number)


def _run_final(course: Course, pool: list[str], number: int) -> list[str]:
    """The final heat, and who is still in the race after it."""
    if not _has_time_for_final(course, pool):
        if TIME_WAS_UP not in course.notes:
            course.notes.append(TIME_WAS_UP)
        return pool
    _run_heat(course, pool, FINAL, number, FINAL_SECONDS)
    left = _keep_best(course, pool)
    # Whoever breaks down only in the final leaves the race to those that it had beaten before.
    return left if set(left) - {course.baseline} or set(pool) == {course.baseline} else _list_pool(course)


def _call_back(course: Course, winner: RaceRow, pool: list[str]) -> list[str]:
    """Who dropped out of an earlier heat although the winner, measured longer, does not clearly beat them."""
    late = [
        row
        for row in course.measured()
        if row.name not in pool
        and row.status == RACING
        and row.meets is not False
        and find_beater(row, [winner]) is None
    ]
    for row in late:
        if row.n == 0 and not course.budget.is_over("heats"):
            course.judge_one(row.name, phase="heats")
    able = [course.rows[row.name] for row in late if may_win(course.rows[row.name])]
    return [row.name for row in sort_by_speed(able)][:FINALISTS]
