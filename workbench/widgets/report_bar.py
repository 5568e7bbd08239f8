"""`ReportBar`: saves a comparison as a web page, and links to it."""

from __future__ import annotations

import html
import urllib.parse
from pathlib import Path

import ipywidgets

from workbench.background import describe_error
from workbench.compare.comparison import Comparison
from workbench.widgets.run_bar import describe_failure


class ReportBar(ipywidgets.VBox):
    """A path, and a button that saves a report there: `Comparison.save_report`.

    Args:
        comparison: What the report is about.

    Attributes:
        saved: The file that was saved last; None before.
    """

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self.saved: Path | None = None
        self.path = ipywidgets.Text(
            value="comparison.html",
            description="Report",
            tooltip="Where to save it, from the notebook's folder on",
            style={"description_width": "130px"},
            layout={"width": "420px", "max_width": "98%"},
        )
        self.button = ipywidgets.Button(
            description="Save report…", tooltip="One web page with table, plots and code; it opens offline"
        )
        self.button.on_click(lambda _: self.save())
        # An output, and not plain HTML: the notebook resolves links in outputs, from its own folder on.
        self.link = ipywidgets.Output()
        super().__init__(
            [ipywidgets.HBox([self.path, self.button], layout={"flex_flow": "row wrap"}), self.link]
        )

    def save(self) -> None:
        """Saves the report where the path says, and shows the link, or what went wrong."""
        try:
            name = self.path.value.strip()
            if not name:
                raise ValueError("Type where to save the report, such as comparison.html.")
            path = Path(name)
            self.saved = self._comparison.save_report(path if path.suffix else path.with_suffix(".html"))
            self._say(describe_saved(self.saved))
        except (OSError, ValueError) as error:
            self._say(describe_failure(describe_error(error)))

    def _say(self, text: str) -> None:
        data = {"output_type": "display_data", "data": {"text/html": text}, "metadata": {}}
        self.link.outputs = (data,)


def describe_saved(path: Path) -> str:
    """Where a file is, as a link where the notebook can follow one."""
    size = f"{path.stat().st_size / 1e6:.1f} MB; it opens in any browser, without a network"
    whole = path.absolute()
    shown = html.escape(str(path))
    if whole.is_relative_to(Path.cwd()):
        address = urllib.parse.quote(whole.relative_to(Path.cwd()).as_posix())
        shown = f"<a href='{html.escape(address)}' target='_blank'>{shown}</a>"
    return f"<span role='status'>Saved: {shown} ({size})</span>"
