"""The exercise of the notebook 00_start_here."""

from __future__ import annotations

from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError

LAYER = "bert.encoder.layer.0"
PATTERN = "*.encoder.layer.0"  # the real model calls the same layer roberta.encoder.layer.0


def judge_spared(answer: Any) -> str | None:
    """Checks that a variant is int8, and only the first layer of its encoder is not."""
    from workbench.convert.hits import count_hits
    from workbench.models.variant import Variant

    if not isinstance(answer, Variant):
        raise UnfitAnswerError
    if answer.precision not in ("int8", "int4"):
        return (
            f"{answer.name} is not quantized. bench.variant is what was made or chosen last in the workbench: press "
            "Quantize there, or choose the new one in its list."
        )
    step = answer.steps[-1] if answer.steps else None
    if step is None or step.verb != "quantize_dynamic":
        return (
            f"{answer.name} was made in another way. Stay with quantize_dynamic: int8, dynamic in the panel."
        )
    left = set(answer.report.get("left_in_fp32", ()))
    if not left:
        return (
            f"All of {answer.name} is int8, layer 0 as well. In the panel name it in Leave out, and press the button "
            "again; in code name it with exclude."
        )
    parent = answer.parent
    assert parent is not None, "What a step made was made from something."
    embeddings = bool(step.arguments.get("embeddings", True))
    hits = count_hits(parent, "quantize_dynamic", exclude=PATTERN, embeddings=embeddings)
    modules = {weight.node: weight.module or weight.node for weight in hits.weights}
    wanted = {weight.node for weight in hits.weights if not weight.taken}
    if not wanted:
        return f"{answer.origin.source} has no {LAYER}. Asked for is demo/qa."
    if left == set(modules) - wanted:
        return "It is the other way round: layer 0 alone is int8. include says what is taken, exclude what stays out."
    if not left & wanted:
        return f"Layer 0 is int8, and {modules[min(left)]} stays in fp32. Layers count from 0: layer.0 is the first."
    if left - wanted:
        return f"More than layer 0 stays in fp32, such as {modules[min(left - wanted)]}. Leave out {LAYER} alone."
    if wanted - left:
        return f"Only a part of layer 0 stays in fp32: {modules[min(wanted - left)]} is int8. Leave out all of {LAYER}."
    if not embeddings:
        return "The embeddings stay in fp32, too. Leave their tick where it is: layer 0 alone is asked for."
    return None


EXERCISES = (
    Exercise(
        name="00-a",
        title="All but the first layer",
        expects="a variant, such as bench.variant or what quantize_dynamic gives",
        judge=judge_spared,
        why=(
            "A module's name is all it takes to keep a part in fp32. As a rule the outputs then "
            "move less, and the file is larger for it: compare_outputs shows the one, the printed variant the other."
        ),
        solution="""
import workbench as wb
from workbench import exercises

source = wb.load_model("demo/qa")
optimized = wb.optimize_onnx(wb.export_onnx(source))
small = wb.quantize_dynamic(optimized)
answer = wb.quantize_dynamic(optimized, exclude="bert.encoder.layer.0")
for variant in (small, answer):
    print(variant)
    print(wb.compare_outputs(source, variant).verdict)
exercises.check("00-a", answer)
""",
    ),
)
