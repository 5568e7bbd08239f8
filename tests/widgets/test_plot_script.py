"""The script of a plot in a real browser, with a stand-in for Plotly."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, expect

from tests.widgets.stand_in import open_page, start

pytestmark = pytest.mark.browser

PLOTLY = """() => {
  const plotly = {
    async react(place, data) {
      if (!data.length) { throw new Error('there is nothing in it'); }
      place.on = (event, listener) => place.addEventListener(event, ({ detail }) => listener(detail));
    },
    purge() {},
  };
  globalThis[Symbol.for('workbench.plotly')] = new Map([['1', Promise.resolve(plotly)]]);
  model.widget_manager = { get_model: async () => ({ get: () => '1' }) };
}"""


def test_clicks_are_heard_also_after_a_figure_that_could_not_be_drawn(chromium: Browser) -> None:
    def figure(*traces: dict[str, str]) -> str:
        return json.dumps({"data": traces, "layout": {}})

    with open_page(chromium) as page:
        page.evaluate(PLOTLY)
        start(page, "plot", {"_library": "IPY_MODEL_1", "label": "Plot", "_figure": figure()})
        expect(page.get_by_role("alert")).to_have_text("The plot cannot be drawn: there is nothing in it")
        for name in ("first", "second"):
            page.evaluate("text => model.receive({ _figure: text })", figure({"name": name}))
            expect(page.get_by_role("alert")).to_be_empty()
        page.get_by_role("img").evaluate(
            "place => place.dispatchEvent(new CustomEvent('plotly_click', { detail: { points: [{ customdata: 7 }] } }))"
        )
        assert page.evaluate("model.sent") == [{"clicked": 7}]
