"""The exercises of the notebook 05_graph_optimization."""

from __future__ import annotations

from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError


def judge_gone(answer: Any) -> str | None:
    """Checks the name of an operator that optimizing leaves none of."""
    if not isinstance(answer, str):
        raise UnfitAnswerError
    from workbench.convert.export import export_onnx
    from workbench.convert.optimize import optimize_onnx
    from workbench.graph.summary import summarize_graph
    from workbench.models.source import load_model

    exported = export_onnx(load_model("demo/qa"))
    before = summarize_graph(exported).files[0]
    after = summarize_graph(optimize_onnx(exported)).files[0]
    given = answer.strip()
    if before.count(given) and not after.count(given):
        return None
    if before.count(given):
        fewer = "fewer, and yet some" if after.count(given) < before.count(given) else "as many as before"
        return f"{given} is still there: {fewer}. Look for one whose count after is 0."
    if after.count(given):
        return f"{given} is new: the optimizer put it in. Asked for is one that it took out."
    alike = [row.operator for row in before.operators if row.operator.lower() == given.lower()]
    if alike:
        return f"Upper and lower case count in an operator's name: here it is {alike[0]}."
    return (
        f"The exported graph has no operator {given!r}. wb.summarize_graph(exported).files[0].operators lists what it "
        "has."
    )


def judge_unfused(answer: Any) -> str | None:
    """Checks that a variant was optimized, and has standard operators alone."""
    from workbench.models.variant import Variant

    if not isinstance(answer, Variant):
        raise UnfitAnswerError
    steps = [step for step in answer.steps if step.verb == "optimize_onnx"]
    if not steps:
        return f"{answer.name} was not optimized at all. Asked for is optimize_onnx with another level."
    from workbench.graph.summary import summarize_graph

    own = [
        row.operator
        for file in summarize_graph(answer).files
        for row in file.operators
        if row.domain != "ai.onnx"
    ]
    if own:
        return (
            f"It has operators of ONNX Runtime's own: {', '.join(own)}. Which level does the basic passes alone, and "
            "fuses nothing?"
        )
    return None


EXERCISES = (
    Exercise(
        name="05-a",
        title="An operator that is gone",
        expects="the name of an operator, as text",
        judge=judge_gone,
        why=(
            "Some are gone since what never changes was worked out beforehand. Of those that were fused the work is "
            "done inside the new operator, with fewer trips to memory and back. Whether that saves time depends on how "
            "much those trips had cost."
        ),
        solution="""
import workbench as wb
from workbench import exercises

exported = wb.export_onnx(wb.load_model("demo/qa"))
before = wb.summarize_graph(exported).files[0]
after = wb.summarize_graph(wb.optimize_onnx(exported)).files[0]
gone = [row.operator for row in before.operators if not after.count(row.operator)]
print(gone)
exercises.check("05-a", "Softmax")  # fused: it is a part of Attention now
""",
    ),
    Exercise(
        name="05-b",
        title="Optimized with standard operators alone",
        expects="a variant",
        judge=judge_unfused,
        why=(
            "O1 leaves only standard operators, which every runtime that reads ONNX knows. Fused operators belong to "
            "ONNX Runtime."
        ),
        solution="""
import workbench as wb
from workbench import exercises

exported = wb.export_onnx(wb.load_model("demo/qa"))
answer = wb.optimize_onnx(exported, level="O1")
exercises.check("05-b", answer)
""",
    ),
)
