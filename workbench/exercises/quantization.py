"""The exercises of the notebook 06_quantization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError

# Values, bits, the right whole numbers, the right scale, and the hints to who finds another scale, or other numbers.
CASES = (
    ((-1.1, 0.5, 2.0), 8, (-70, 32, 127), 2 / 127, "", "Round to the nearest whole number. "),
    (
        (-4.0, 1.0, 2.1),
        4,
        (-7, 2, 4),
        4 / 7,
        "The largest value may be a negative one: look at absolute values. ",
        "",
    ),
    ((0.0, 0.9, 1.0), 2, (0, 1, 1), 1.0, "", ""),
)


def judge_quantize(quantize: Any) -> str | None:
    """Tries a function that quantizes on values that are easily got wrong."""
    if not callable(quantize):
        raise UnfitAnswerError
    import numpy as np

    for values, bits, right, right_scale, scale_hint, hint in CASES:
        result = quantize(np.array(values), bits)
        if result is None:
            return "Your function gives None. It has to return the whole numbers and the scale."
        if not isinstance(result, tuple | list) or len(result) != 2:
            return "Return two things: (whole, scale)."
        if np.ndim(result[0]) == 0 and np.ndim(result[1]) > 0:
            return "They are swapped: first the whole numbers, then the scale."
        whole, scale = np.asarray(result[0]), float(result[1])
        given = f"For {list(values)} and {bits} bits"
        top = 2 ** (bits - 1) - 1
        if top > 1 and np.isclose(scale, right_scale * top):
            return f"{given} your scale is {scale:.4g}: the largest value itself. Divide it by top: {top}."
        if np.isclose(scale * right_scale, 1) and not np.isclose(scale, 1):
            return f"{given} your scale is upside down: whole times scale has to give the values again."
        if bits != 8 and np.isclose(scale, right_scale * top / 127):
            return (
                f"{given} your scale is {scale:.4g}: that is for 8 bits. The number of bits is an argument."
            )
        for slip, what in ((2**bits - 1, "2 ** bits - 1"), (2 ** (bits - 1), "2 ** (bits - 1)")):
            if np.isclose(scale * slip, right_scale * top):
                return (
                    f"{given} your scale is {scale:.4g}: that is for a top of {what}. Half of the whole numbers are "
                    f"below zero, and 0 is one of them: top is 2 ** (bits - 1) - 1, here {top}."
                )
        if not np.isclose(scale, right_scale):
            return f"{scale_hint}{given} your scale is {scale:.4g}; the largest value just fits with {right_scale:.4g}."
        if not np.array_equal(whole, np.round(whole)):
            return f"{given} yours gives {whole.tolist()}: these are no whole numbers yet. Round them."
        if tuple(whole.tolist()) != right:
            return f"{hint}{given} yours gives {whole.tolist()}; right is {list(right)}."
    with np.errstate(all="ignore"):
        whole, scale = quantize(np.zeros(3), 8)
    # By the whole numbers themselves: a NaN that is made an integer is finite, and vanishes with a scale of 0.
    if not (np.array_equal(whole, np.zeros(3)) and np.isfinite(scale) and scale != 0):
        return "For a tensor of zeros the scale is 0, and 0 / 0 is no number. Any other scale will do there, such as 1."
    return None


def judge_exclude(answer: Any) -> str | None:
    """Checks that all of a variant is dynamic int8, embeddings included, but for the product of its last layer."""
    from workbench.models.variant import Variant

    if not isinstance(answer, Variant):
        raise UnfitAnswerError
    verbs = [step.verb for step in answer.steps if step.verb.startswith("quantize_")]
    if "quantize_static" in verbs:
        return (
            f"{answer.name} was made with quantize_static, which leaves the embedding tables in fp32. Asked for is "
            "quantize_dynamic, with one more argument."
        )
    if "quantize_dynamic" not in verbs:
        return f"{answer.name} was not made with quantize_dynamic. Asked for is that call, with one more argument."
    left = list(answer.report.get("left_in_fp32", ()))
    if not left:
        return "Nothing was left in fp32. Which argument says what stays out?"
    others = [name for name in left if "qa_outputs" not in name]
    if len(others) < len(left) and others:
        return f"More than the last layer stays in fp32: {_name_some(others)}. Name qa_outputs alone."
    if others:
        return f"The wrong ones stay in fp32: {_name_some(others)}. Leave out qa_outputs, and nothing else."
    step = next(step for step in answer.steps if step.verb == "quantize_dynamic")
    if not step.arguments.get("embeddings", True):
        return "The embedding tables stay in fp32, too: that is what embeddings=False does. Take it away."
    return None


def _name_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


EXERCISES = (
    Exercise(
        name="06-a",
        title="Quantize by hand",
        expects="a function of values and bits, which gives (whole, scale)",
        judge=judge_quantize,
        why=(
            "That is all there is to it: one scale and whole numbers. Everything else is about how many values share "
            "a scale, and when it is chosen."
        ),
        solution="""
import numpy as np

from workbench import exercises


def quantize(values, bits):
    top = 2 ** (bits - 1) - 1
    scale = np.abs(values).max() / top or 1.0
    return np.round(values / scale).astype(int), scale


exercises.check("06-a", quantize)
""",
    ),
    Exercise(
        name="06-b",
        title="All but the last layer",
        expects="a variant",
        judge=judge_exclude,
        why=(
            "What stays in fp32 costs little where it is small, and the last layer is next to the answer. Whether it "
            "helps at all is for compare_outputs to say."
        ),
        solution="""
import workbench as wb
from workbench import exercises

optimized = wb.optimize_onnx(wb.export_onnx(wb.load_model("demo/qa")))
answer = wb.quantize_dynamic(optimized, exclude="qa_outputs")
exercises.check("06-b", answer)
""",
    ),
)
