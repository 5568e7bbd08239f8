"""The web page that `Comparison.save_report` writes: it stands alone, and asks nothing of the network."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.compare.layout import html_table

if TYPE_CHECKING:
    from workbench.compare.comparison import Comparison, ComparisonRow

# What the page may do: run what is in it. Nothing is fetched, sent or framed.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

STYLE = """
:root { color-scheme: light dark;
  --ink: #1d1d1f; --soft: #5f6368; --ground: #ffffff; --line: #d9d9de; --code: #f4f4f6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ea; --soft: #a4a7ad; --ground: #16171a; --line: #3a3c42; --code: #212328; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 0 auto;
  padding: 24px; max-width: 1180px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 8px; }
p.soft { color: var(--soft); margin: 0 0 16px; } p.note { border-left: 3px solid #d9822b; padding-left: 10px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; } th, td { padding: 6px 8px; border-bottom: 1px solid var(--line);
  vertical-align: top; font-variant-numeric: tabular-nums; } th { font-weight: 600; }
td:not(:last-child) { white-space: nowrap; } tr.strong td { font-weight: 600; }
pre { background: var(--code); padding: 12px; overflow-x: auto; font-size: 13px; border-radius: 4px; }
details { margin: 8px 0; } summary { cursor: pointer; font-weight: 600; }
"""

SCRIPT = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
for (const [index, figure] of FIGURES.entries()) {
  const layout = {...figure.layout, font: {...figure.layout.font, color: ink()}};
  Plotly.newPlot(`figure-${index}`, figure.data, layout, {responsive: true, displaylogo: false,
    modeBarButtonsToRemove: ["lasso2d", "select2d"]});
  dark.addEventListener("change", () => Plotly.relayout(`figure-${index}`, {"font.color": ink()}));
}
"""


def build_report(comparison: Comparison) -> str:
    """The page's HTML."""
    figures = _draw(comparison)
    title = f"Variants of {comparison.source or 'a model'}"
    notes = "".join(f'<p class="note">{html.escape(line)}</p>' for line in comparison.lines())
    places = "".join(f'<div id="figure-{index}"></div>' for index in range(len(figures)))
    provenance = "".join(_describe_row(row, comparison.reference) for row in comparison.rows)
    machine = _list_facts(comparison.machine)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>"
        f'<h1>{html.escape(title)}</h1><p class="soft">{html.escape(comparison.title())}</p>{notes}'
        f'<div class="wide">{comparison.to_html()}</div>{places}'
        f"<h2>How each variant was made</h2>{provenance}"
        f"<h2>Where this was measured</h2>{machine}"
        f"{_scripts(figures)}</body></html>\n"
    )


def _draw(comparison: Comparison) -> list[str]:
    """The figures as JSON; one that has nothing to show is left out."""
    from workbench import plots

    makers: list[Callable[[Any], Any]] = [plots.plot_latency, plots.plot_pareto, plots.plot_sizes]
    figures = []
    for make in makers:
        try:
            figures.append(make(comparison).to_json())
        except ValueError:
            continue
    return figures


def _scripts(figures: list[str]) -> str:
    if not figures:
        return ""
    from plotly.offline import get_plotlyjs

    # Neither may end the script element early, nor open a comment in it.
    library = get_plotlyjs().replace("</script", "<\\/script")
    data = f"[{','.join(figures)}]".replace("<", "\\u003c")
    return f"<script>{library}</script><script>const FIGURES = {data};{SCRIPT}</script>"


def _describe_row(row: ComparisonRow, reference: str) -> str:
    failed = f'<p class="note">It failed: {html.escape(row.error)}</p>' if row.error else ""
    agreement = (
        f"<p>Against {html.escape(reference)}: {html.escape(row.agreement)}</p>" if row.agreement else ""
    )
    code = f"<pre>{html.escape(row.code)}</pre>" if row.code else ""
    facts = {**row.versions, **({"CPU": ", ".join(row.cpu)} if row.cpu else {})}
    made = f"<details><summary>Made with</summary>{_list_facts(facts)}</details>" if facts else ""
    return f"<section><h3>{html.escape(row.name)}</h3>{failed}{agreement}{code}{made}</section>"


def _list_facts(facts: Any) -> str:
    lines = [[str(name), str(value)] for name, value in facts.items()]
    return html_table(["", ""], lines, [False, False]) if lines else "<p>It was not recorded.</p>"
