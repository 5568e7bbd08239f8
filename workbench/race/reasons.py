"""Why each contestant won or lost, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from workbench.compare.wording import VAGUE, format_span
from workbench.graph.tables import format_bytes
from workbench.race.deciding import are_tied, find_beater, is_faster, is_smaller, sort_by_speed
from workbench.race.rows import BEATEN, BELOW, NOT_TRIED, RACING, UNJUDGED, WINNER, RaceRow, may_win

if TYPE_CHECKING:
    from workbench.race.result import Race


def explain_rows(
    rows: Mapping[str, RaceRow], *, winner: str, baseline: str, keep: float, label: str
) -> tuple[RaceRow, ...]:
    """The rows with their status and reason: the winner, then by speed, then those that have none.

    Args:
        rows: By name.
        winner: The winner's name.
        baseline: The baseline's.
        keep: The bar.
        label: What is kept, such as "F1".

    Example:
        >>> won = RaceRow("fast", speedup=3.0, speedup_low=2.9, speedup_high=3.1, meets=True, n=400, kept=1.0)
        >>> bad = RaceRow("worse", speedup=4.0, meets=False, n=400, kept=0.9, kept_low=0.88, kept_high=0.92)
        >>> rows = explain_rows({"fast": won, "worse": bad}, winner="fast", baseline="torch", keep=0.99, label="F1")
        >>> rows[1].status, rows[1].reason
        ('below the bar', 'keeps 90.0 % of F1 (88.0–92.0, n = 400); the bar is 99 %')
    """
    first, base = rows[winner], rows.get(baseline, rows[winner])
    praise = _say_stays(base, rows.values()) if winner == baseline else _praise(first, base, label)
    explained = [
        dataclasses.replace(row, status=WINNER, reason=praise)
        if row.name == winner
        else _explain(row, first, base, keep, label)
        for row in rows.values()
    ]
    order = {name: index for index, name in enumerate(rows)}
    return tuple(
        sorted(explained, key=lambda row: (row.status != WINNER, -(row.speedup or 0.0), order[row.name]))
    )


def _explain(row: RaceRow, winner: RaceRow, baseline: RaceRow, keep: float, label: str) -> RaceRow:
    beater = find_beater(row, [winner]) if row.speedup is not None else None
    if row.status != RACING and not (row.status == UNJUDGED and beater):
        return row
    if row.meets is False:
        broken = row.reason or f"keeps {say_kept(row, label)}; the bar is {_percent(keep)} %"
        return dataclasses.replace(row, status=BELOW, reason=broken)
    if row.speedup is None:
        return dataclasses.replace(row, status=NOT_TRIED, reason="it was not measured")
    if beater is not None:
        is_baseline = row.name == baseline.name
        reason = "the baseline, which all are measured against" if is_baseline else _say_beaten(row, winner)
        return dataclasses.replace(row, status=BEATEN, reason=reason)
    if row.n == 0:
        reason = f"{say_speedup(row)} is not clearly slower than {winner.name}, but it was not judged"
        return dataclasses.replace(row, status=UNJUDGED, reason=reason)
    return dataclasses.replace(row, status=BEATEN, reason=_say_close(row, winner))


def _say_stays(baseline: RaceRow, rows: Iterable[RaceRow]) -> str:
    if not any(row.speedup is not None for row in rows if row.name != baseline.name):
        return "the baseline; nothing else could be timed"
    if baseline.n == 0:
        return "the baseline; nothing was judged, so nothing else could win"
    return "the baseline; nothing that is known to meet the bar is measurably faster"


def _praise(row: RaceRow, baseline: RaceRow, label: str) -> str:
    kept = f", keeps {say_kept(row, label)}" if row.kept is not None else ""
    smaller = "" if is_faster(row) or not is_smaller(row, baseline) else f", and {_say_sizes(row, baseline)}"
    return f"{_say_gain(row, baseline)}{kept}{smaller}"


def _say_gain(row: RaceRow, baseline: RaceRow) -> str:
    if is_faster(row) and (row.speedup_high or 0) > VAGUE * (row.speedup_low or row.speedup or 1):
        ends = format_span(row.speedup_low or 1.0, row.speedup_high or 1.0)
        return f"faster than {baseline.name}, by how much cannot be told ({ends})"
    if is_faster(row):
        return f"{say_speedup(row)} faster than {baseline.name}"
    return f"as fast as {baseline.name} within noise, {say_speedup(row)}"


def _say_sizes(row: RaceRow, baseline: RaceRow) -> str:
    return f"{format_bytes(row.size_bytes or 0)} instead of {format_bytes(baseline.size_bytes or 0)}"


def _say_beaten(row: RaceRow, winner: RaceRow) -> str:
    most, least = row.speedup_high or row.speedup or 0.0, winner.speedup_low or winner.speedup or 0.0
    digits = 1 if least - most >= 0.1 else 2
    judged = "meets the bar" if winner.meets else "is faster"
    extra = "" if row.n else "; not judged"
    return f"at most {most:.{digits}f}×, and {winner.name} with at least {least:.{digits}f}× {judged}{extra}"


def _say_close(row: RaceRow, winner: RaceRow) -> str:
    if not are_tied(*sort_by_speed([winner, row])):
        slower = (winner.speedup or 0.0) / (row.speedup or 1.0)
        if slower < 1 and row.measured == winner.measured:
            return f"{say_speedup(row)}: not clearly faster than {winner.name}"
        if slower < 1:
            return f"{say_speedup(row)} in an earlier heat; there was no time to run it again beside {winner.name}"
        if slower > 1:
            heats = "in the same heat" if row.measured == winner.measured else "going by different heats"
            return f"{slower:.2f}× slower than {winner.name} {heats}, though not clearly"
    text = f"as fast as {winner.name} (within noise)"
    if row.size_bytes and is_smaller(winner, row):
        return f"{text}, which is smaller: {_say_sizes(winner, row)}"
    if row.kept is not None and winner.kept is not None and row.kept < winner.kept:
        return f"{text}, which keeps more"
    return f"{text}; nothing else sets them apart"


def say_speedup(row: RaceRow) -> str:
    """A speed-up with its interval.

    Example:
        >>> say_speedup(RaceRow("a", speedup=3.84, speedup_low=3.6, speedup_high=4.02))
        '3.8× (3.6–4.0)'
    """
    if row.speedup is None:
        return "no time"
    if row.speedup_low is None or row.speedup_high is None or row.speedup_low == row.speedup_high:
        return f"{row.speedup:.1f}×"
    digits = 1 if row.speedup_high - row.speedup_low >= 0.1 else 2
    low, high = (f"{end:.{digits}f}" for end in (row.speedup_low, row.speedup_high))
    return f"{row.speedup:.{digits}f}× ({low}–{high})"


def say_kept(row: RaceRow, label: str) -> str:
    """What is kept, with its interval and on how many examples.

    Example:
        >>> say_kept(RaceRow("a", kept=0.998, kept_low=0.991, kept_high=1.003, n=2400), "F1")
        '99.8 % of F1 (99.1–100.3, n = 2,400)'
    """
    of = f" of {label}" if label else ""
    span = ""
    if row.kept_low is not None and row.kept_high is not None and row.kept_low != row.kept_high:
        span = f"{100 * row.kept_low:.1f}–{100 * row.kept_high:.1f}, "
    return f"{100 * (row.kept or 0.0):.1f} %{of} ({span}n = {row.n:,})"


def _percent(share: float) -> str:
    return f"{100 * share:.4g}"


def say_headline(race: Race) -> str:
    """A race's result in one sentence."""
    row, base = race.winning_row, next(row for row in race.rows if row.name == race.baseline)
    if row.name == race.baseline:
        tried = sum(one.speedup is not None for one in race.rows if one is not row)
        if not tried:
            return f"{row.name} stays: nothing else could be timed"
        if row.n == 0:
            return f"{row.name} stays: the quality of the {tried} others that were timed was not judged"
        return f"{row.name} stays: of {tried} others that were timed none is known to be faster and to meet the bar"
    parts = [f"{row.name} wins: {_say_gain(row, base)}"]
    if row.kept is not None:
        parts.append(f"keeps {say_kept(row, race.metric)}")
    if is_smaller(row, base):
        parts.append(_say_sizes(row, base))
    doubt = "; the machine was too noisy to rely on that" if race.noise else ""
    return f"{', '.join(parts)}{doubt}"


def list_findings(race: Race) -> list[str]:
    """What its rows come down to, beside the winner."""
    lines = [
        f"{goal} of those judged: {row.name}"
        for goal, row in (("The smallest", _find_smaller(race)), ("The most faithful", race.most_faithful))
        if row is not None and row.status != WINNER
    ]
    if len({row.heat for row in race.rows if row.speedup is not None}) > 1:
        lines.append(
            "Heats ran at different times: their speed-ups can be compared, their milliseconds cannot"
        )
    # Where only the baseline was looked at, a front says nothing.
    if len(race.pareto) > 1:
        lines.append(
            f"Of those judged, nothing beats these in speed, quality and size together: {', '.join(race.pareto)}"
        )
    uncertain = [row.name for row in race.rows if may_win(row) and "not certain" in row.note]
    if uncertain:
        lines.append(
            f"The examples are too few to be certain of the bar for {', '.join(uncertain)}: give a larger dataset"
        )
    fast = [row.name for row in race.rows if row.status == UNJUDGED and (row.speedup or 0.0) > race.speedup]
    if fast:
        lines.append(
            f"Measured as faster than the winner, and not judged: {', '.join(fast)}. Give more seconds"
        )
    if race.reused:
        when = race.reused.replace("T", " ")[:16]
        noisy = ", and to be rid of the noise" if race.noise else ""
        lines.append(
            f"Taken up from an earlier call: the oldest figures are from {when} UTC. To begin anew{noisy}: fresh=True"
        )
    return lines


def _find_smaller(race: Race) -> RaceRow | None:
    """The smallest, where it is smaller than the winner by more than a name or two in its file."""
    row = race.smallest
    return row if row is not None and is_smaller(row, race.winning_row) else None
