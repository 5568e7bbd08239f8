"""The line of what happens now: what of it is read out, and what only stands there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.widgets.stand_in import open_page, start
from workbench.widgets.status_line import StatusLine


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("exporting org/model to ONNX (opset 18)", "exporting org/model to ONNX (opset 18)"),
        ("onnx-fp32: quality, 1,020 of 2,000 examples", "onnx-fp32: quality"),
        ("first heat, 3 of 12 timed: onnx-int8", "first heat"),
        ("downloading org/model: 12.5 of 2,100.0 MB", "downloading org/model"),
        ("downloading org/model: 12.5 MB", "downloading org/model"),
    ],
)
def test_counts_are_shown_and_not_read_out(text: str, heard: str) -> None:
    line = StatusLine()
    line.count(text)
    assert line.value == f"{text} …"
    assert line._heard == heard
    line.say(text)
    assert (line.value, line._heard, line._counted) == (text, text, "")


@pytest.mark.browser
def test_one_region_stays_and_is_filled_anew_only_with_what_is_new(chromium: Browser) -> None:
    with open_page(chromium) as page:
        start(page, "status_line", {"_heard": "", "_counted": ""})
        page.evaluate(
            """() => {
              window.heard = [];
              const region = document.querySelector('[role=status]');
              const watch = { childList: true, characterData: true, subtree: true };
              new MutationObserver(() => heard.push(region.textContent)).observe(region, watch);
            }"""
        )
        for heard, counted in (("<b>: quality", ", 1 of 9 …"), ("<b>: quality", ", 2 of 9 …"), ("done", "")):
            page.evaluate(
                "([heard, counted]) => model.receive({ _heard: heard, _counted: counted })", [heard, counted]
            )
        assert page.evaluate("heard") == ["<b>: quality", "done"]
        expect(page.locator(".wb-line")).to_have_text("done")
        expect(page.locator(".wb-line [aria-hidden=true]")).to_be_empty()
