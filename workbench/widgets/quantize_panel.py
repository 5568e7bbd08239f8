"""`QuantizePanel`: smaller numbers, in the four ways that there are."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.background import Call, Desk
from workbench.convert.effect import describe_effect
from workbench.convert.hits import Hits, count_hits
from workbench.convert.quantizing import require_fp32
from workbench.errors import WorkbenchError
from workbench.machine import cpu_features
from workbench.models.variant import Variant
from workbench.widgets.module_tree import ModuleTree
from workbench.widgets.panel import WIDE, Panel
from workbench.widgets.quantize_choices import (
    BITS,
    BLOCKS,
    CALIBRATION,
    INSTALL,
    METHODS,
    Method,
    describe_openvino_precisions,
    describe_weight_types,
    has_openvino,
    keep_unusual,
    list_methods,
    split_globs,
)

if TYPE_CHECKING:
    from workbench.models.source import Source

GLOBS = {"include": "Only these", "exclude": "Leave out"}
BESIDE = {"margin": "0 0 0 138px", "max_width": "640px"}  # where the fields begin


class QuantizePanel(Panel):
    """Quantizes an ONNX variant: `quantize_dynamic`, `quantize_static`, `quantize_weights`, or for OpenVINO.

    Example:
        >>> panel = QuantizePanel(export_onnx(load_model("random/tiny-bert")))
        >>> panel.controls["exclude"].value = "bert.encoder.layer.0"
        >>> panel.hits.lines("exclude")
        ["exclude 'bert.encoder.layer.0': 6 of 16 weights"]
        >>> print(panel.code.code.splitlines()[-2])
        variant = wb.quantize_dynamic(variant, exclude='bert.encoder.layer.0')
    """

    title = "Quantize"
    action = "Quantize"
    verb = "quantize_dynamic"
    hint = "Export the model first."

    def __init__(
        self, subject: Variant | Source | str | Path | None = None, *, desk: Desk | None = None
    ) -> None:
        self.note = ipywidgets.HTML(layout=BESIDE)
        self.counts = {name: ipywidgets.HTML(layout=BESIDE) for name in GLOBS}
        self.tree = ModuleTree(self.toggle)
        self.tree.layout = ipywidgets.Layout(margin="2px 0 4px 138px", width="382px", max_width="98%")
        self.hits: Hits | None = None
        super().__init__(subject, desk=desk)

    @property
    def method(self) -> Method:
        """The way that is chosen."""
        return METHODS[self.controls["kind"].value]

    def make_controls(self) -> dict[str, Any]:
        """The way to quantize, the controls of all of them, and what to leave out."""
        features = cpu_features()

        def pick(description: str, options: Any, value: Any = None) -> ipywidgets.Dropdown:
            return ipywidgets.Dropdown(
                options=options,
                value=options[0][1] if value is None else value,
                description=description,
                **WIDE,
            )

        def tick(description: str) -> ipywidgets.Checkbox:
            # Not its own indent: that one shrinks the text.
            layout = ipywidgets.Layout(width="auto", margin="2px 2px 2px 138px")
            return ipywidgets.Checkbox(value=True, description=description, indent=False, layout=layout)

        return {
            "kind": pick("Method", list_methods()),
            "weight_type": pick("Weights", describe_weight_types(features)),
            "method": pick("Ranges from", CALIBRATION),
            "per_channel": tick("a scale for each output channel: closer to the original, as fast"),
            "embeddings": tick("embeddings too: a much smaller file, speed as before"),
            "bits": pick("Bits", BITS),
            "block_size": pick("Block size", BLOCKS, 32),
            "precision": pick("The rest in", describe_openvino_precisions(features)),
            **{
                name: ipywidgets.Text(
                    description=label,
                    placeholder="modules or globs, such as *.layer.0.*, qa_outputs",
                    tooltip=f"{label}: names of modules or globs, with commas between",
                    **WIDE,
                )
                for name, label in GLOBS.items()
            },
        }

    def arrange(self) -> list[ipywidgets.Widget]:
        """The controls, and under them what they mean; what to leave out is folded away."""
        own = [control for name, control in self.controls.items() if name not in (*GLOBS, "kind")]
        parts = [part for name in GLOBS for part in (self.controls[name], self.counts[name])]
        return [self.controls["kind"], self.note, *own, *parts, self.tree]

    def refresh(self) -> None:
        """Shows the controls of the method, and counts what the globs hit."""
        for name, control in self.controls.items():
            shown = name in ("kind", *GLOBS, *self.method.controls)
            control.layout.display = None if shown else "none"
        more = "" if has_openvino() else f" With <code>{INSTALL}</code> there is int8 for OpenVINO, too."
        self.note.value = _small(html.escape(self.method.note) + more)
        self.hits = self._count()
        for name, line in self.counts.items():
            line.value = _describe(self.hits, name)
        self.tree.show(self.hits)
        super().refresh()

    def toggle(self, module: str, take: bool) -> None:
        """Takes a module of the tree in, or leaves it out."""
        if self.hits is not None:
            for name, globs in zip(GLOBS, self.hits.toggle(module, take=take), strict=True):
                self.controls[name].value = ", ".join(globs)
            self.refresh()  # where nothing changed the box has to go back

    def _count(self) -> Hits | None:
        try:
            (subject,) = self.subjects()
            return count_hits(
                subject,
                self.method.verb,
                **self._globs(),
                embeddings=self.controls["embeddings"].value,
            )
        except (ValueError, TypeError, OSError, WorkbenchError):
            return None  # `call` says what is wrong

    def _globs(self) -> dict[str, Any]:
        return {name: split_globs(self.controls[name].value) for name in GLOBS}

    def subjects(self) -> tuple[Variant, ...]:
        """The ONNX variant."""
        (subject,) = super().subjects()
        if self.inside and subject.runtime == "onnxruntime" and subject.precision != "fp32":
            raise ValueError(  # the verb says it for those who write code
                f"{subject.name} is {subject.precision} already. Choose the variant it was made from under "
                "'Work on' in the list above."
            )
        return (require_fp32(subject, self.method.verb),)

    def arguments(self) -> dict[str, Any]:
        """Those of the method that are not as usual, and the globs."""
        if self.hits is not None and self.hits.problem:
            wrong = next((GLOBS[item.argument] for item in self.hits.globs if item.problem), None)
            raise ValueError(f"Fix {wrong!r}: it matches nothing." if wrong else self.hits.problem)
        chosen = {name: self.controls[name].value for name in self.method.controls}
        return {**keep_unusual(chosen), **self._globs()}

    def call(self) -> Call:
        """The call of the method that is chosen."""
        return Call(self.method.verb, self.subjects(), self.arguments())

    def show(self, result: Any) -> list[ipywidgets.Widget]:
        """What it did to size and outputs, and what was made."""
        task = self.task
        effect = describe_effect(task.call.subjects[0], result)._repr_html_() if task is not None else ""
        note = _small(
            "How good its answers are is another question: compare it with the original on your data."
        )
        return [ipywidgets.HTML(effect + note), *super().show(result)]

    def _set_busy(self, busy: bool) -> None:
        super()._set_busy(busy)
        self.tree.disabled = busy


def _describe(hits: Hits | None, argument: str) -> str:
    """What stands under a field: what each of its globs hits, or what is wrong with it."""
    if hits is None:
        return ""
    lines = []
    for item, line in zip(
        (item for item in hits.globs if item.argument == argument), hits.lines(argument), strict=True
    ):
        escaped = html.escape(line.replace(f"{argument}=", "", 1))
        lines.append(f"<span role='alert' style='{_ALERT}'>{escaped}</span>" if item.problem else escaped)
    if argument == "exclude" and hits.problem and not any(item.problem for item in hits.globs):
        lines.append(f"<span role='alert' style='{_ALERT}'>{html.escape(hits.problem)}</span>")
    return _small("<br>".join(lines)) if lines else ""


_ALERT = "border-left:3px solid var(--jp-error-color1,#c62828);padding-left:6px;display:inline-block"


def _small(text: str) -> str:
    return f"<div style='line-height:1.4;font-size:12px;overflow-wrap:anywhere' role='status'>{text}</div>"
