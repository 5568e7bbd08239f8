"""The script of the list of variants, without a kernel: the variant in hand is in view."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.widgets.stand_in import open_page, start
from workbench.widgets.step_bar import StepBar
from workbench.widgets.variant_list import VariantList

pytestmark = pytest.mark.browser


def make_row(key: str) -> dict[str, object]:
    words = {"runtime": "onnxruntime", "precision": "int8", "size": "4 MB", "made_from": "x", "made": "y"}
    return {"key": key, "name": key, "model": "demo/qa", "folder": f"/{key}", "children": 0, **words}


def test_the_variant_in_hand_is_in_view_where_the_list_is_cut_off(chromium: Browser) -> None:
    keys = [f"v{number}" for number in range(12)]
    state = {"_rows": [make_row(key) for key in keys], "_ticked": [], "_broken": [], "_said": {}}
    with open_page(chromium) as page:
        page.add_style_tag(content=f"{VariantList._css} {StepBar._css}")
        page.evaluate("document.body.classList.add('wb-bench')")
        start(page, "variant_list", {**state, "_chosen": "v11"})
        for key in ("v11", "v5", "v0", "v11"):
            page.evaluate("key => model.receive({ _chosen: key })", key)
            expect(page.get_by_role("row", name=f"Work on {key}", exact=False)).to_be_in_viewport()
            # Not behind the heading, and not below the edge: what is in its middle is the row.
            assert page.get_by_role("radio", name=f"Work on {key}", exact=True).evaluate(
                """radio => {
                    const { left, top, width, height } = radio.getBoundingClientRect();
                    return document.elementFromPoint(left + width / 2, top + height / 2) === radio;
                }"""
            ), key
        assert page.evaluate("scrollY") == 0
        expect(page.get_by_role("columnheader", name="Pick")).to_be_in_viewport()
