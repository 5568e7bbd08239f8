"""`Comparison`: saved and loaded, as Markdown, in a notebook and as a report; names stay letters everywhere."""

from __future__ import annotations

import html.parser
import json
import re
import types

import pytest

from tests.compare.comparisons import EVIL, make_comparison
from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare.comparison import Comparison, ComparisonRow


def test_saved_and_loaded(tmp_path):
    comparison = make_comparison()
    path = comparison.save(tmp_path / "deep" / "table.json")
    assert Comparison.load(path) == comparison
    assert [item.name for item in path.parent.iterdir()] == ["table.json"]
    path.write_text('{"format": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match="holds no comparison"):
        Comparison.load(path)
    path.write_text(json.dumps({**comparison.to_dict(), "format": 9}), encoding="utf-8")
    with pytest.raises(ValueError, match="format is not 1"):
        Comparison.load(path)


def test_what_is_no_number_is_saved_as_none(tmp_path):
    row = ComparisonRow("a", "torch", "fp32", median_ms=float("nan"), quality=float("inf"))
    path = Comparison((row,), reference="a").save(tmp_path / "table.json")
    assert Comparison.load(path).rows[0].median_ms is None


def test_markdown_has_as_many_cells_in_every_line():
    lines = make_comparison().to_markdown().splitlines()
    assert len(lines) == 5
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    assert len(set(cells)) == 1
    assert "<img" not in "\n".join(lines)


class Tags(html.parser.HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def count(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.found)


def test_the_notebook_table_escapes_names():
    tags = Tags(make_comparison()._repr_html_())
    assert tags.count("img") == tags.count("script") == 0
    assert tags.count("tr") == 4


def test_the_report_stands_alone(tmp_path):
    path = make_comparison().save_report(tmp_path / "report.html")
    page = path.read_text(encoding="utf-8")
    tags = Tags(page)
    assert tags.count("script") == 2
    assert tags.count("img") == 0
    assert not [attributes for _, attributes in tags.found if {"src", "href"} & set(attributes)]
    assert page.count("plotly.js v") == 1
    policy = next(a["content"] for _, a in tags.found if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "prefers-color-scheme: dark" in page
    assert "import workbench as wb" in page
    assert "It failed: killed" in page
    figures = json.loads(re.search(r"const FIGURES = (\[.*?\]);\n", page, re.S)[1])
    assert [figure["layout"]["title"]["text"].split(":")[0].split(";")[0] for figure in figures] == [
        "Latency",
        "Quality and latency",
        "Size",
    ]


def test_a_report_of_failures_alone_has_no_plots(tmp_path):
    row = ComparisonRow("broken", "onnxruntime", "int4", error="killed", verdict="failed: killed")
    page = Comparison((row,), reference="broken").save_report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert Tags(page).count("script") == 0
    assert "killed" in page


def test_a_frame_needs_pandas(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        make_comparison().to_frame()
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=list))
    rows = make_comparison().to_frame()
    assert [row["name"] for row in rows] == ["torch-fp32", EVIL, "broken"]
    assert rows[1]["kept"] == 99.4
