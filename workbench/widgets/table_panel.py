"""`TablePanel`: a panel whose work is followed in a table, and whose result is a table of variants."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets
import traitlets

from workbench.background import Desk
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
        super().__init__(subject, desk=desk)
        self.run_bar.left = self.say_left
        self.children = [self.heading, *self.arrange(), self.run_bar, self.live, self.code, self.output]

    def run(self) -> None:
        """Makes the call, in another process; what an earlier one had shown of its way goes."""
        self.live.value = ""
        super().run()

    def say_left(self) -> str:
        """How long it will still take, as the end of a line; empty where that cannot be said."""
        return ""

    def draw_live(self, table: str) -> None:
        """Shows how it stands."""
        self.live.value = wrap_table(table)

    def show_view(self, view: VariantsView) -> list[ipywidgets.Widget]:
        """Shows a result in the place of what was live; a variant that is gone is no longer picked."""
        if self._link is not None:
            self._link.unlink()
        if self.selected not in view.names:
            self.selected = ""
        self._link = traitlets.link((self, "selected"), (view, "selected"))
        self.view, self.live.value = view, ""
        return [view]
