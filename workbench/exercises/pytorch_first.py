"""The exercises of the notebook 01_pytorch_first."""

from __future__ import annotations

from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError, judge_number

LENGTHS = (12, 90, 15, 88, 20, 84, 16, 80, 14)
SIZE = 2


def judge_batches(make_batches: Any) -> str | None:
    """Tries a function that puts texts into batches on a list of lengths."""
    if not callable(make_batches):
        raise UnfitAnswerError
    result = make_batches(list(LENGTHS), SIZE)
    if result is None:
        return "Your function gives None. It has to return the batches."
    batches = [list(batch) for batch in result]
    places = [place for batch in batches for place in batch]
    if sorted(places) == sorted(LENGTHS):
        return "These are the lengths themselves. Give places in the list: 0, 1, 2 and so on."
    lost = sorted(set(range(len(LENGTHS))) - set(places))
    if lost:
        at = (
            "The last one, alone in its batch, is easily lost."
            if len(lost) == 1
            else "Each belongs in a batch."
        )
        return f"No batch has the text at place {lost[0]}. {at}"
    if len(places) != len(LENGTHS):
        return "Some text is in two batches, or a place does not exist. Each text belongs in exactly one."
    if any(len(batch) > SIZE for batch in batches):
        return f"A batch holds more than {SIZE} texts, which is the size that was asked for."
    if any(len(batch) < SIZE for batch in batches[:-1]):
        return "A batch other than the last is not full."
    computed = sum(len(batch) * max(LENGTHS[place] for place in batch) for batch in batches)
    enough = _count_padded(sorted(LENGTHS))
    if computed > enough:
        return (
            f"Every text is in a batch, and with padding they make {computed} tokens; sorted, {enough} are enough. "
            "Put texts of like lengths together: sort the places by length first."
        )
    return None


def _count_padded(lengths: list[int]) -> int:
    groups = [lengths[start : start + SIZE] for start in range(0, len(lengths), SIZE)]
    return sum(len(group) * max(group) for group in groups)


EXERCISES = (
    Exercise(
        name="01-a",
        title="Batches without waste",
        expects="a function that takes a list of lengths and a batch size, and gives lists of places",
        judge=judge_batches,
        why=(
            "A batch is as long as its longest text, so a short text beside a long one is mostly padding. "
            "Sorted by length, neighbours are alike. Keep the places: results have to go back into the old order."
        ),
        solution="""
from workbench import exercises


def make_batches(lengths, size):
    places = sorted(range(len(lengths)), key=lambda place: lengths[place])
    return [places[start : start + size] for start in range(0, len(places), size)]


exercises.check("01-a", make_batches)
""",
    ),
    Exercise(
        name="01-b",
        title="Bytes of a model in bf16",
        expects="a number, in MB",
        judge=judge_number(
            200,
            {
                400: "That is fp32, with four bytes for a parameter. How many bits has bf16?",
                100: "That is one byte for a parameter, as in int8. How many bits has bf16?",
                1600: "Those are bits. Eight of them make a byte.",
                200e6: "Those are bytes. Asked for is MB: a million bytes.",
                0.2: "Those are GB. Asked for is MB.",
            },
            otherwise="Parameters times bytes for each; bf16 has 16 bits. A MB is a million bytes.",
            tolerance=0.06,
        ),
        why="Two bytes each: half of fp32, in memory and on every way between memory and processor.",
        solution="""
from workbench import exercises

parameters, bytes_each = 100e6, 16 / 8
answer = parameters * bytes_each / 1e6
exercises.check("01-b", answer)
""",
    ),
)
