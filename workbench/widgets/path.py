"""The path of the workbench as a table: its steps, the panel of each, and what it works on. Knows no widgets."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable, Sequence

from workbench.models.origin import Origin
from workbench.models.variant import Variant, torch_variant


@dataclasses.dataclass(frozen=True)
class Step:
    """A step of the path.

    Attributes:
        name: What it is called in code.
        title: What stands on its button.
        panel: The name of its panel's class.
        verbs: What it may call; a variant that one of these made says that the step was done.
        takes: What its panel works on: "nothing", "model" (the PyTorch one), "variant", "variants" (several), or
            "graphs" (one of several that have some).
    """

    name: str
    title: str
    panel: str
    verbs: tuple[str, ...]
    takes: str


QUANTIZING = ("quantize_dynamic", "quantize_static", "quantize_weights", "convert_openvino")
STEPS = (
    Step("load", "Load", "LoadPanel", ("load_model",), "nothing"),
    Step("export", "Export", "ExportPanel", ("export_onnx",), "model"),
    Step("optimize", "Optimize", "OptimizePanel", ("optimize_onnx",), "variant"),
    Step("quantize", "Quantize", "QuantizePanel", QUANTIZING, "variant"),
    Step("inspect", "Inspect", "InspectPanel", (), "graphs"),
    Step("compare", "Compare", "ComparePanel", (), "variants"),
    Step("race", "Race", "RacePanel", (), "model"),
)
TRY = Step("try", "Try it", "TryPanel", (), "variants")  # no step of its own: it stands below others
TRY_BELOW = ("load", "compare")


def find_step(name: str) -> Step:
    """The step of this name, or what stands below one.

    Raises:
        ValueError: There is none.

    Example:
        >>> find_step("quantize").panel
        'QuantizePanel'
    """
    for step in (*STEPS, TRY):
        if step.name == name:
            return step
    raise ValueError(f"There is no step {name!r}. The steps are {', '.join(step.name for step in STEPS)}.")


def steps_after(name: str) -> tuple[Step, ...]:
    """The steps that come after this one."""
    names = [step.name for step in STEPS]
    return STEPS[names.index(name) + 1 :]


def find_model(origin: Origin) -> Variant:
    """The PyTorch model that variants of an origin were made of, without what was added to it on the way."""
    return torch_variant(dataclasses.replace(origin, companions=""))


def subject_for(step: Step, variant: Variant | None) -> Variant | None:
    """What a step works on when this variant was made or picked last.

    Example:
        >>> int8 = Variant("onnx-int8", "onnxruntime", "int8", Origin("demo/qa", "question-answering"))
        >>> subject_for(find_step("race"), int8).name, subject_for(find_step("quantize"), int8).name
        ('torch-fp32', 'onnx-int8')
    """
    if variant is None or step.takes == "nothing" or (step.takes == "graphs" and not variant.onnx_files):
        return None
    if step.takes != "model":
        return variant
    # With the model itself, where that is in memory: it may have been changed since it was loaded.
    return dataclasses.replace(find_model(variant.origin), source=variant.source)


def relatives(origin: Origin | None, variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """The PyTorch model of an origin, and those of the variants that were made of it."""
    if origin is None:
        return ()
    variants = tuple(variants)
    model = find_model(origin)
    model = next((each for each in variants if each == model and each.source is not None), model)
    return (model, *(each for each in variants if each != model and find_model(each.origin) == model))


def steps_done(variants: Iterable[Variant]) -> set[str]:
    """The steps that these variants have behind them.

    Example:
        >>> steps_done([Variant("torch-fp32", "torch", "fp32", Origin("demo/qa", "question-answering"))])
        {'load'}
    """
    made = list(variants)
    verbs = {step.verb for variant in made for step in variant.steps} | ({"load_model"} if made else set())
    return {step.name for step in STEPS if verbs.intersection(step.verbs)}


@dataclasses.dataclass(frozen=True)
class BenchSummary:
    """What stands on a bench at the moment, for where no kernel runs.

    Attributes:
        done: The names of the steps that are done.
        variants: What has been made, with the model itself.
    """

    done: Sequence[str]
    variants: Sequence[Variant]

    def __str__(self) -> str:
        path = " → ".join(f"{step.title}{' ✓' if step.name in self.done else ''}" for step in STEPS)
        lines = [f"  {variant}" for variant in self.variants] or ["  no variants yet"]
        return "\n".join([f"Workbench: {path}", *lines, "Run the cell to work with it."])

    def _repr_html_(self) -> str:
        head, *lines, last = str(self).splitlines()
        items = "".join(f"<li>{html.escape(line.strip())}</li>" for line in lines)
        return f"<p><b>{html.escape(head)}</b></p><ul>{items}</ul><p>{html.escape(last)}</p>"
