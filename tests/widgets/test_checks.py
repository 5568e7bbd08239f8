"""`Checks`: boxes that are one control."""

from __future__ import annotations

import pytest
import traitlets

from workbench.widgets.checks import Checks


def test_boxes_are_one_control():
    checks = Checks({"one": [("the a", "a")], "two": [("the b", "b"), ("the c", "c")]}, value=["c"])
    checks.boxes["a"].value = True
    assert checks.value == ("a", "c")
    checks.value = ("b",)
    assert [box.value for box in checks.boxes.values()] == [False, True, False]
    with pytest.raises(traitlets.TraitError, match="'z' is not among"):
        checks.value = ("z",)
    checks.disabled = True
    assert all(box.disabled for box in checks.boxes.values())
    checks.offer({"": [("the c", "c"), ("the d", "d")]})
    assert checks.value == ("c", "d")
    assert checks.boxes["d"].value
    assert checks.boxes["d"].disabled
