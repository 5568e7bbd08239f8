"""`Workbench`: the whole path in one panel, from loading a model to the race."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from workbench import widgets
from workbench.background import Desk, Loaded, shared_desk
from workbench.errors import WorkbenchError, first_line
from workbench.models.variant import Variant, resolve_variant
from workbench.widgets.handing import Handing
from workbench.widgets.kernel_models import KernelModels
from workbench.widgets.names import find_again, name_apart
from workbench.widgets.path import (
    STEPS,
    TRY,
    TRY_BELOW,
    BenchSummary,
    find_model,
    find_step,
    relatives,
    steps_after,
    steps_done,
)
from workbench.widgets.static_view import add_static
from workbench.widgets.step_bar import StepBar

if TYPE_CHECKING:
    from workbench.models.source import Source


class Workbench(ipywidgets.VBox):
    """Load → Export → Optimize → Quantize → Inspect → Compare → Race, one panel at a time.

    What a step makes goes into the list of variants and is what the later steps work on. Another variant can be
    picked in the list. A panel is built when its step is opened for the first time.

    Args:
        source: A model or a variant to begin with; by default the newest variant of the workspace, if there is one.
        desk: The process that does the work; by default the one that all panels share.

    Attributes:
        step: The step that is open: "load", "export", "optimize", "quantize", "inspect", "compare" or "race".
        variant: What was made or picked last.
        panels: The panels that were opened so far, by their steps.

    Example:
        >>> bench = Workbench(load_model("random/tiny-bert"))
        >>> bench.go_to("export").code.code.splitlines()[-2]
        'variant = wb.export_onnx(source)'
        >>> bench.step, list(bench.variants)
        ('export', ['torch-fp32'])
    """

    step = traitlets.Unicode("load")
    variant = traitlets.Instance(Variant, allow_none=True)

    def __init__(
        self, source: Source | Variant | str | Path | None = None, *, desk: Desk | None = None
    ) -> None:
        self.desk = desk or shared_desk()
        self.panels: dict[str, Any] = {}
        self._after = "load"  # whose followers get the variant in hand
        self._handing = Handing()
        self._models = KernelModels()
        self.list = widgets.VariantList(desk=self.desk)
        self._lock = self.list.lock  # results come from another thread than clicks, and both change the list
        self.bar = StepBar({step.name: step.title for step in STEPS})
        self.stage = ipywidgets.VBox()
        self.onward = ipywidgets.Button(icon="arrow-right", tooltip="Open the next step")
        self.onward.on_click(lambda _: self.go_to(steps_after(self.step)[0].name))
        super().__init__([self.bar, self.list, self.stage, self.onward])
        self.add_class("wb-bench")
        self.stage.add_class("wb-stage")
        if source is not None:
            self.variant = resolve_variant(source)
        elif self.list.variants:
            self.variant = self.list.variants[-1]
        if self.variant is not None and self.variant.source is not None:
            self._models.keep(self.variant.source)
        self.list.current = self.variant
        traitlets.link((self.bar, "current"), (self, "step"))
        self.observe(lambda _: self._show(), "step")
        self.observe(lambda _: self._hand_out(), "variant")
        self.list.observe(lambda change: self._pick(change["new"]), "current")
        self.list.observe(lambda _: self._keep_up(), ["picked", "variants"])
        self._show()

    @property
    def variants(self) -> dict[str, Variant]:
        """The model and what was made of it, then those of other models; by name."""
        own = self._family()
        return name_apart([*own, *(each for each in self.list.variants if each not in own)])

    def _family(self) -> tuple[Variant, ...]:
        return relatives(self.variant.origin if self.variant else None, self.list.variants)

    def _family_picked(self) -> tuple[Variant, ...]:
        """The model and, of what was made of it, what is ticked in the list; all where nothing is."""
        family = self._family()
        ticked = tuple(each for each in family[1:] if each in self.list.picked)
        return (*family[:1], *ticked) if ticked else family

    @property
    def source(self) -> Source | None:
        """The PyTorch model, in this kernel: panels work in another process, so the first access loads it here."""
        return None if self.variant is None else self._models.find(self.variant)

    @property
    def comparison(self) -> Any:
        """The last `Comparison`; None before there is one."""
        return getattr(self.panels.get("compare"), "result", None)

    @property
    def race(self) -> Any:
        """The last `Race`; None before there is one."""
        return getattr(self.panels.get("race"), "result", None)

    def go_to(self, step: str) -> Any:
        """Opens a step, as a click on its button does, and gives its panel.

        Raises:
            ValueError: There is no such step.
        """
        self.bar.current = step
        return self.panels[step]

    def _show(self) -> None:
        """Shows the panel of the step that is open, and no other."""
        with self._lock:
            shown = [self._panel(self.step)]
            if self.step in TRY_BELOW and self.variant is not None:
                shown.append(self._panel(TRY.name))
            if tuple(shown) != self.stage.children:
                self.stage.children = shown
            self._mark()

    def _panel(self, name: str) -> Any:
        """The panel of a step; it is built when it is first asked for."""
        if name not in self.panels:
            panel = getattr(widgets, find_step(name).panel)(desk=self.desk)
            panel.inside = True
            self.panels[name] = panel
            self._give(name)
            panel.observe(lambda _: self._take(name, panel.result), "finished")
            panel.observe(lambda _: self._notice(name), "busy")
            if name in ("compare", "race"):
                panel.observe(lambda change: self._select(panel.find(change["new"])), "selected")
        return self.panels[name]

    def _give(self, name: str) -> None:
        """Sets what a panel works on; one that is at work gets it afterwards."""
        try:
            self._handing.give(find_step(name), self.panels[name], self.variant, self._family_picked())
        except (WorkbenchError, OSError) as error:
            self._miss(error)

    def _miss(self, error: Exception) -> None:
        """Something else has removed or altered a variant: the list, from which it then goes, is where this is said."""
        self.list.reload()
        advice = "The list was read again: go on with another variant, or make this one again with the steps above."
        self.list.say(f"{first_line(error)} {advice}", failed=True)

    def _hand_out(self) -> None:
        """Gives what is in hand to the panels that follow."""
        with self._lock:
            for step in (*steps_after(self._after), TRY):
                if step.name in self.panels:
                    self._give(step.name)
            self._show()

    def _keep_up(self) -> None:
        """After a tick, a new name or a deletion in the list: no panel works on what is not there."""
        with self._lock:
            if self.variant is not None:
                now = find_again(self.variant, self.list.variants)
                if now is None:  # what it was made from, where that is there
                    parent = self.variant.parent_path
                    now = next((each for each in self.list.variants if parent and each.path == parent), None)
                    self.list.current = now
                self.variant = now or find_model(self.variant.origin)
            for name, panel in tuple(self.panels.items()):  # one more may be built on the way
                step, subject = find_step(name), getattr(panel, "subject", None)
                now = subject and find_again(subject, self.list.variants)
                gone = subject is not None and (now is None or now.name != subject.name)
                if step.takes in ("variants", "graphs") or (gone and step.takes != "nothing"):
                    self._give(name)
            self._show()

    def _notice(self, name: str) -> None:
        """A panel begins, or ends."""
        with self._lock:
            if not self.panels[name].busy:
                self.list.say("")  # what was refused because of it can be done now
            if self._handing.waits(name, self.panels[name]):
                self._give(name)
            self._mark()

    def _pick(self, variant: Variant | None) -> None:
        if variant is not None:
            self.variant = variant

    def _select(self, variant: Variant | None) -> None:
        """A variant that was clicked in the plots, or that won the race, is the one in hand everywhere."""
        now = find_again(variant, self.list.variants) if variant is not None else None
        if now is not None:
            self.variant = self.list.current = now

    def _take(self, name: str, result: Any) -> None:
        """What a step made goes into the list, and to the steps after it."""
        made = find_model(result.origin) if isinstance(result, Loaded) else result
        with self._lock:
            self.list.reload()
            self._after = name if isinstance(made, Variant) else "load"
            try:
                if isinstance(made, Variant):
                    self.variant = self.list.current = made
                elif name == "race":
                    self._select(made.winner)
            finally:
                self._after = "load"
            self._mark()

    def _mark(self) -> None:
        """Says in the bar which steps are done and which is at work, and offers the next one."""
        done = steps_done(self._family())
        for step in STEPS:
            panel = self.panels.get(step.name)
            over = step.name in done or (panel is not None and panel.result is not None)
            busy = panel is not None and panel.busy
            self.bar.mark(step.name, "running" if busy else "done" if over else "open")
        rest = steps_after(self.step)
        offered = bool(rest) and self.bar.states[self.step] == "done"
        self.onward.layout.display = None if offered else "none"
        self.onward.description = f"Next: {rest[0].title}" if rest else ""

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self.desk.warm()  # while the user still reads
        done = [name for name, state in self.bar.states.items() if state == "done"]
        summary = BenchSummary(done, tuple(self.variants.values()))
        return add_static(super()._repr_mimebundle_(**kwargs), summary)
