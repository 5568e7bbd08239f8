"""`TryPanel`: type something, or choose a picture, and see what two variants say to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.background import Call, Desk, Loaded, Written
from workbench.compare.scores import TASKS
from workbench.models.offers import list_examples
from workbench.models.origin import Origin
from workbench.models.variant import Variant, resolve_variant, torch_variant
from workbench.widgets.choice import Choice
from workbench.widgets.names import identify
from workbench.widgets.panel import WIDE, Panel
from workbench.widgets.picture import draw_picture
from workbench.widgets.text_fields import text_fields
from workbench.widgets.try_answer import Asked
from workbench.widgets.try_inputs import (
    PictureShelf,
    list_samples,
    name_variants,
    same_samples,
    with_models,
    write_sample,
    write_texts,
)

if TYPE_CHECKING:
    from workbench.compare.scores import ScorePair
    from workbench.models.source import Source

    Offered = Variant | Loaded | Source | str | Path

TEXTS = ("question", "context", "text")
SHOWN_SAMPLES = 16


class TryPanel(Panel):
    """Gives two variants the same input and shows what both say: `compare_scores`.

    Args:
        variants: What can be chosen from: variants, sources, folders, or what a `LoadPanel` has loaded; or one of
            them alone. The PyTorch model that they come from is always among them.
        desk: The process that does the work; by default the one that all panels share.

    Attributes:
        result: The scores.

    Example:
        >>> source = load_model("demo/qa")
        >>> panel = TryPanel([source, source.as_variant("bf16")])
        >>> panel.controls["question"].value = "Who lives in Oslo?"
        >>> panel.controls["context"].value = "Ines lives in Oslo."
        >>> panel.call().arguments["example"]["context"]
        'Ines lives in Oslo.'
    """

    title = "Try it"
    action = "Compare the answers"
    verb = "compare_scores"
    hint = "Load a model first."

    def __init__(self, variants: Offered | Sequence[Offered] = (), *, desk: Desk | None = None) -> None:
        self._examples: dict[Origin, list[Any]] = {}
        self._shelf = PictureShelf()
        self._filling = False
        self._labels: dict[str, Variant] = {}
        self._samples: list[Any] = []
        self._asked = Asked()
        self.preview = ipywidgets.HTML()
        super().__init__(desk=desk)
        self.controls["reference"].observe(self._on_reference, "value")
        self.controls["sample"].observe(self._fill, "value")
        for name in (*TEXTS, "upload"):
            self.controls[name].observe(self._unfill, "value")
        self.variants = variants

    def make_controls(self) -> dict[str, Any]:
        """The two variants, the samples, and the fields of all tasks; those of the task at hand are shown."""
        area: dict[str, Any] = {**WIDE, "layout": {**WIDE["layout"], "height": "84px"}}
        return {
            "reference": ipywidgets.Dropdown(description="Reference", **WIDE),
            "candidate": ipywidgets.Dropdown(description="Compared with", **WIDE),
            "sample": Choice(description="Example", **WIDE),
            "question": ipywidgets.Text(description="Question", **WIDE),
            "context": ipywidgets.Textarea(description="Context", **area),
            "text": ipywidgets.Textarea(description="Text", **area),
            "upload": ipywidgets.FileUpload(
                accept="image/*", description="Your own picture …", layout={"width": "auto"}
            ),
        }

    def arrange(self) -> list[ipywidgets.Widget]:
        """The variants, and below them what they are given."""
        names = ("reference", "candidate", "sample", *TEXTS)
        self.picture_row = ipywidgets.HBox(
            [self.preview, self.controls["upload"]],
            layout=ipywidgets.Layout(flex_flow="row wrap", align_items="center", margin="0 0 0 136px"),
        )
        return [*(self.controls[name] for name in names), self.picture_row]

    @property
    def variants(self) -> list[Variant]:
        """What can be chosen from. When it is set, the choice stays where it still can."""
        return list(self._labels.values())

    @variants.setter
    def variants(self, given: Offered | Sequence[Offered]) -> None:
        items = given if isinstance(given, list | tuple) else [given]
        variants = [self._bring(item) for item in items]
        self._labels = name_variants(with_models(variants))
        offered = list(self._labels.items())
        self._filling = True  # one refresh at the end, not one for every step
        for name, usual in (("reference", 0), ("candidate", -1)):
            control = self.controls[name]
            before = None if control.value is None else identify(control.value)
            control.options = offered
            if offered:
                same = (each for _, each in offered if identify(each) == before)
                control.value = next(same, offered[usual][1])
        self._filling = False
        self._on_reference(None)

    def _bring(self, item: Any) -> Variant:
        if isinstance(item, Loaded):
            self._examples[item.origin] = list(item.examples)
            return torch_variant(item.origin)
        variant = resolve_variant(item)
        if variant.source is not None:
            self._examples[variant.origin] = list(variant.source.examples)
        return variant

    def _on_reference(self, _: Any) -> None:
        """Another task has other fields and samples; of the same source, what was typed stays."""
        if self._filling:
            return
        variant = self.controls["reference"].value
        samples = [] if variant is None else self._find_examples(variant)[:SHOWN_SAMPLES]
        if not same_samples(samples, self._samples):
            fields = [self.controls[name].value for name, _ in text_fields(variant)]
            own = self.controls["sample"].value is None and any(text.strip() for text in fields)
            self._samples = samples
            self._filling = True
            self.controls["sample"].options = list_samples(samples)
            self._filling = False
            self.controls["sample"].value = 0 if samples and not own else None
        self.refresh()

    def _find_examples(self, variant: Variant) -> list[Any]:
        if variant.origin not in self._examples:
            self._examples[variant.origin] = list_examples(variant)
        return self._examples[variant.origin]

    def _fill(self, change: Any) -> None:
        """Puts the chosen sample's texts into the fields."""
        number = change["new"]
        if number is None or self._filling:
            return
        sample = self._samples[number]
        texts = sample if isinstance(sample, dict) else {"text": sample}
        self._filling = True
        for name in TEXTS:
            if isinstance(texts.get(name), str):
                self.controls[name].value = texts[name]
        self._filling = False
        self.refresh()

    def _unfill(self, _: Any) -> None:
        """What somebody typed or brought is no sample any more."""
        if not self._filling:
            self.controls["sample"].value = None

    def subjects(self) -> tuple[Variant, ...]:
        """The two variants.

        Raises:
            ValueError: There are none, or their task has no scores to show.
        """
        pair = tuple(self.controls[name].value for name in ("reference", "candidate"))
        if None in pair:
            raise ValueError(self.hint)
        task = pair[0].task
        if task not in TASKS:
            raise ValueError(f"{task} has no scores to show side by side. There are for: {', '.join(TASKS)}.")
        if pair[1].task != task:
            raise ValueError(
                f"The two have different tasks, {task} and {pair[1].task}. Choose two of one task."
            )
        return pair

    def arguments(self) -> dict[str, Any]:
        """The input.

        Raises:
            ValueError: Nothing was typed, or the picture cannot be read.
        """
        variant = self.controls["reference"].value
        if variant.task_row.inputs == "image":
            number = self.controls["sample"].value
            if number is not None:
                sample = self._samples[number]
                return {"example": write_sample(sample, number, variant.origin, self.subjects())}
            mode = getattr(self._samples[0], "mode", "RGB") if self._samples else "RGB"
            return {"example": self._shelf.write(self.controls["upload"].value, mode)}
        return {"example": write_texts(variant, {name: self.controls[name].value for name in TEXTS})}

    def refresh(self) -> None:
        """Shows the fields of the task, and the chosen picture."""
        if self._filling:
            return
        variant = self.controls["reference"].value
        fields = dict(text_fields(variant))
        for name in TEXTS:
            self.controls[name].layout.display = None if name in fields else "none"
            self.controls[name].description = fields.get(name, name.capitalize())
        pictured = variant is not None and variant.task_row.inputs == "image"
        self.picture_row.layout.display = None if pictured else "none"
        super().refresh()
        self.preview.value = self._draw_example()

    def _draw_example(self) -> str:
        try:
            example = self.call().arguments["example"]
        except (ValueError, OSError):
            return ""
        return draw_picture(example.value, "the chosen picture") if isinstance(example, Written) else ""

    def describe(self) -> str:
        """What the two are for."""
        given = self.controls["reference"].value
        return "" if given is None else f"{given.origin.source}, {given.task}"

    def prepare(self, call: Call) -> None:
        """Keeps what was asked, and of whom."""
        reference, candidate = (self.controls[name].label for name in ("reference", "candidate"))
        self._asked = Asked(call.subjects[0].task, (reference, candidate), self.preview.value)

    def show(self, result: ScorePair) -> list[ipywidgets.Widget]:
        """What each says, and the scores behind it."""
        return [ipywidgets.HTML(self._asked.draw(result))]
