"""`Choice`: a list of choices to drop down, one of which may stand for None."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ipywidgets
import traitlets


class Choice(ipywidgets.Dropdown):
    """A Dropdown that shows the choice whose value is None, where the plain one shows nothing at all.

    Args:
        options: Pairs of what is shown and what it stands for; none of them may come later.
        value: The one that is chosen at first; by default the first.
        **others: What a Dropdown takes.

    Example:
        >>> choice = Choice([("the one that suits", None), ("14", 14)])
        >>> choice.value = 14
        >>> choice.value = None
        >>> choice.label
        'the one that suits'
    """

    def __init__(self, options: Iterable[tuple[str, Any]] = (), *, value: Any = ..., **others: Any) -> None:
        pairs = list(options)
        values = [each for _, each in pairs]
        first = 0 if value is ... else values.index(value)
        super().__init__(options=pairs, **({"index": first} if pairs else {}), **others)
        if pairs:
            self.set_trait("index", first)

    @traitlets.observe("value")
    def _propagate_value(self, change: Any) -> None:
        if change["new"] is None and None in self._options_values:
            self.set_trait("index", self._options_values.index(None))
        else:
            super()._propagate_value(change)

    @traitlets.observe("options")
    def _propagate_options(self, change: Any) -> None:
        super()._propagate_options(change)
        if change is not None and self.index is None and None in self._options_values:
            self.set_trait("index", self._options_values.index(None))
