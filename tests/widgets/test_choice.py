"""A choice that stands for None is shown like any other."""

from __future__ import annotations

import pytest

from workbench.widgets.choice import Choice

OPTIONS = [("automatic", None), ("one", 1), ("two", 2)]


@pytest.mark.parametrize(("value", "shown"), [(None, "automatic"), (2, "two")])
def test_it_begins_with_what_was_asked_for(value, shown):
    assert Choice(OPTIONS, value=value).label == shown


def test_the_page_goes_to_none_and_back():
    choice = Choice(OPTIONS)
    assert choice.get_state()["index"] == 0
    for index, value in ((1, 1), (0, None), (2, 2), (0, None)):
        choice.set_state({"index": index})
        assert (choice.index, choice.value) == (index, value)


def test_options_that_come_later():
    choice = Choice()
    choice.options = OPTIONS
    assert (choice.index, choice.value) == (0, None)
    choice.value = 2
    choice.options = [("nothing", None), ("two", 2)]
    choice.value = None
    assert choice.label == "nothing"
