"""`TablePanel`: a panel whose work is followed in a table, and whose result is a table of variants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets
import traitlets

from workbench.background import Call, Desk
from workbench.widgets.names import name_apart
from workbench.widgets.panel import Panel
from workbench.widgets.variants_view import VariantsView, wrap_table

if TYPE_CHECKING:
    from workbench.models.source import Source
    from workbench.models.variant import Variant


class TablePanel(Panel):
    """What comparing and racing share.

    Attributes:
        selected: The name of the variant that is picked in the table and the plots; empty for none.
        view: The table and the plots of the last result; None before.
        live: The table while it works.
    """

    selected = traitlets.Unicode("")

    def __init__(
        self, subject: Variant | Source | str | Path | None = None, *, desk: Desk | None = None
    ) -> None:
        self.live = ipywidgets.HTML()
        self.view: VariantsView | None = None
        self._link: traitlets.link | None = None
        self._compared: dict[str, Variant] = {}
        super().__init__(subject, desk=desk)
        self.run_bar.left = self.say_left
        self.children = [self.heading, *self.arrange(), self.run_bar, self.live, self.code, self.output]

    def prepare(self, call: Call) -> None:
        """Keeps which variants the table will be about; what an earlier call had shown of its way goes."""
        self._compared = name_apart(call.subjects)
        self.live.value = ""

    def find(self, name: str) -> Variant | None:
        """The variant of a line of the table, whatever the list calls it by now."""
        return self._compared.get(name)

    def say_left(self) -> str:
        """How long it will still take, as the end of a line; empty where that cannot be said."""
        return ""

    def draw_live(self, table: str) -> None:
        """Shows how it stands."""
        self.live.value = wrap_table(table)

    def show_view(self, view: VariantsView, picked: str | None = None) -> list[ipywidgets.Widget]:
        """Shows a result in the place of what was live.

        Args:
            view: The result.
            picked: Which variant is picked; None leaves the one that was, unless it is gone.
        """
        if self._link is not None:
            self._link.unlink()  # before anything is picked: the view before may not have it
        picked = self.selected if picked is None else picked
        self.selected = picked if picked in view.names else ""
        self._link = traitlets.link((self, "selected"), (view, "selected"))
        self.view, self.live.value = view, ""
        return [view]
