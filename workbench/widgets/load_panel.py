"""`LoadPanel`: a model from the bundled demos, a folder, the Hub, or made with random weights."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.background import Desk, Loaded
from workbench.compare.scores import TASKS
from workbench.errors import LoadError
from workbench.models.offers import (
    OWN_PREFIXES,
    architecture_offers,
    check_hub_id,
    demo_offers,
    describe_folder,
    is_hub_id,
)
from workbench.models.tasks import task_names
from workbench.models.variant import Variant, torch_variant
from workbench.widgets.choice import Choice
from workbench.widgets.panel import WIDE, Panel
from workbench.widgets.picture import draw_picture
from workbench.widgets.size_question import SizeQuestion
from workbench.widgets.try_panel import TryPanel

if TYPE_CHECKING:
    from workbench.models.source import Source

DEMO, RANDOM, FOLDER, HUB = "demo", "architecture", "folder", "hub"
PLACES = (("Bundled demo", DEMO), ("Random weights", RANDOM), ("Folder", FOLDER), ("Hub", HUB))
DTYPES = (
    ("float32 (recommended: variants are made from it)", None),
    ("bfloat16", "bfloat16"),
    ("float16 (for GPUs)", "float16"),
)
SHOWN_PICTURES = 6


class LoadPanel(Panel):
    """Loads a model: `load_model`. It stays in the process that does the work; `source` brings it here.

    Args:
        source: What is chosen at first: "demo/qa", "random/tiny-bert", a folder, or a Hub id.
        desk: The process that does the work; by default the one that all panels share.

    Attributes:
        result: What is known of the loaded model: its task, size and samples.

    Example:
        >>> panel = LoadPanel("random/tiny-bert")
        >>> panel.controls["task"].value = "fill-mask"
        >>> print(panel.code.code.splitlines()[-2])
        source = wb.load_model('random/tiny-bert', task='fill-mask')
    """

    title = "Load a model"
    action = "Load"
    verb = "load_model"

    def __init__(self, source: str | Path | None = None, *, desk: Desk | None = None) -> None:
        self._source: Source | None = None
        self.folder_note = ipywidgets.HTML()
        self.size = SizeQuestion()
        super().__init__(desk=desk)
        for name in ("hub_id", "revision"):
            self.controls[name].observe(lambda _: self._name_model(), "value")
        if source is not None:
            self.choose(source)

    def make_controls(self) -> dict[str, Any]:
        """Where from, which one there, and for which task in which precision."""
        demos = [(f"{name}: {task}", name) for name, task in demo_offers().items()]
        random = [(f"{name}: {task}", name) for name, task in architecture_offers().items()]
        tasks = [("the one named in the model's config", None), *((name, name) for name in task_names())]
        place = ipywidgets.ToggleButtons(
            options=PLACES,
            description="From",
            style={"description_width": "130px", "button_width": "auto"},
            layout={"width": "auto"},
        )
        for name in ("widget-inline-hbox", "jupyter-widget-inline-hbox"):
            place.add_class(name)  # its label beside it, as others have it
        return {
            "place": place,
            DEMO: ipywidgets.Dropdown(options=demos, description="Demo", **WIDE),
            RANDOM: ipywidgets.Dropdown(options=random, description="Architecture", **WIDE),
            FOLDER: ipywidgets.Text(
                placeholder="a folder with config.json and weights", description="Folder", **WIDE
            ),
            "hub_id": ipywidgets.Text(placeholder="owner/name", description="Hub id", **WIDE),
            "revision": ipywidgets.Text(
                placeholder="the newest, or a branch, tag or commit", description="Revision", **WIDE
            ),
            "task": Choice(options=tasks, description="Task", **WIDE),
            "dtype": Choice(options=DTYPES, description="Precision", **WIDE),
        }

    def arrange(self) -> list[ipywidgets.Widget]:
        """The place, then what belongs to it, then what holds for all places."""
        controls = self.controls
        random_note = ipywidgets.HTML(
            _note("Real layers, random weights: good for speed and graphs. Quality figures mean nothing.")
        )
        self.places = {
            DEMO: ipywidgets.VBox([controls[DEMO]]),
            RANDOM: ipywidgets.VBox([controls[RANDOM], random_note]),
            FOLDER: ipywidgets.VBox([controls[FOLDER], self.folder_note]),
            HUB: ipywidgets.VBox([controls["hub_id"], controls["revision"], self.size]),
        }
        return [controls["place"], *self.places.values(), controls["task"], controls["dtype"]]

    def choose(self, source: str | Path) -> None:
        """Sets the controls to what `load_model` would be given.

        Raises:
            ValueError: There is no such demo or architecture.
        """
        given = str(source)
        if given.startswith(OWN_PREFIXES):
            place = DEMO if given.startswith("demo/") else RANDOM
            known = [value for _, value in self.controls[place].options]
            if given not in known:
                raise ValueError(f"There is no {given!r}. There are: {', '.join(known)}.")
            control = place
        elif isinstance(source, Path) or not is_hub_id(given) or Path(given).is_dir():
            place = control = FOLDER
        else:
            place, control = HUB, "hub_id"
        self.controls["place"].value = place
        self.controls[control].value = given

    def _name_model(self) -> None:
        self.size.model = (self.controls["hub_id"].value.strip(), self.controls["revision"].value.strip())

    def subjects(self) -> tuple[Variant, ...]:
        """Nothing: this is where it begins."""
        return ()

    def arguments(self) -> dict[str, Any]:
        """What to load, and how.

        Raises:
            ValueError: Nothing was typed, or something that means another thing.
            LoadError: The folder holds no model.
        """
        values = {name: control.value for name, control in self.controls.items()}
        place, revision = values["place"], None
        if place == FOLDER:
            source = values[FOLDER].strip()
            if not source:
                raise ValueError("Type the path of a folder with a model.")
            describe_folder(source)
        elif place == HUB:
            source, revision = check_hub_id(values["hub_id"]), values["revision"].strip() or None
        else:
            source = values[place]
            if source is None:
                raise ValueError("None is installed. Choose another place.")
        return {"source": source, "task": values["task"], "dtype": values["dtype"], "revision": revision}

    def refresh(self) -> None:
        """Shows the fields of the chosen place, and what is in the folder."""
        place = self.controls["place"].value
        for name, box in self.places.items():
            box.layout.display = None if name == place else "none"
        try:
            folder = self.controls[FOLDER].value.strip()
            self.folder_note.value = _note(describe_folder(folder)) if folder and place == FOLDER else ""
        except (LoadError, OSError):  # stands beside the button
            self.folder_note.value = ""
        super().refresh()

    def show(self, result: Loaded) -> list[ipywidgets.Widget]:
        """What was loaded, with its first pictures where it looks at some."""
        shown = [ipywidgets.HTML(f"<div style='line-height:1.5'>{result.html}</div>")]
        pictures = [example for example in result.examples if hasattr(example, "thumbnail")]
        if pictures:
            drawn = [
                draw_picture(picture, f"sample {number}", side=64)
                for number, picture in enumerate(pictures[:SHOWN_PICTURES], start=1)
            ]
            shown.append(ipywidgets.HTML("".join(drawn)))
        if not self.inside and result.origin.task in TASKS:
            shown.append(TryPanel(result, desk=self.desk))
        return shown

    @property
    def after_cancel(self) -> str:  # type: ignore[override]
        """What is said of a cancelled load: only a download leaves something behind."""
        if self.controls["place"].value == HUB:
            return "cancelled; the partial download is kept and will resume"
        return Panel.after_cancel

    def _set_busy(self, busy: bool) -> None:
        super()._set_busy(busy)
        self.size.hold(busy)

    def _loaded(self) -> Loaded:
        if self.result is None:
            raise ValueError("Nothing is loaded yet. Press Load first.")
        loaded: Loaded = self.result
        return loaded

    @property
    def variant(self) -> Variant:
        """The loaded model as a variant, for other panels; light, because the model itself is elsewhere.

        Raises:
            ValueError: Nothing is loaded yet.
        """
        return torch_variant(self._loaded().origin)

    @property
    def source(self) -> Source:
        """The loaded model, for the next cell; the first access loads it in this kernel, too.

        Raises:
            ValueError: Nothing is loaded yet.
        """
        from workbench.runners.torch import open_source

        if self._source is None or self._source.origin != self._loaded().origin:
            self._source = open_source(self.variant)
        return self._source


def _note(text: str) -> str:
    return (
        "<div style='margin-left:136px;line-height:1.5;color:var(--jp-ui-font-color2,inherit);overflow-wrap:anywhere'>"
        f"{html.escape(text)}</div>"
    )
