"""`Handing`: gives the panels of a workbench what they work on, and leaves what was chosen in them."""

from __future__ import annotations

from typing import Any

from workbench.models.variant import Variant, resolve_variant
from workbench.widgets.names import identify
from workbench.widgets.path import Step, subject_for

FOLLOWING = {"inspect": "variant", "try": "candidate"}  # the control that goes along with what is in hand


class Handing:
    """Remembers what each panel was given: a tick or a new name in the list is no reason to choose again there."""

    def __init__(self) -> None:
        self._late: set[str] = set()  # those that were at work when they should have got something
        self._offered: dict[str, tuple[Variant, ...]] = {}
        self._followed: dict[str, str] = {}

    def give(self, step: Step, panel: Any, variant: Variant | None, family: tuple[Variant, ...]) -> None:
        """Sets what a panel works on; one that is at work waits for it.

        Args:
            step: The step of the panel.
            panel: The panel.
            variant: What is in hand.
            family: What panels for several variants offer.

        Raises:
            VariantError: The folder of one of them was removed or altered.
        """
        if panel.busy:
            self._late.add(step.name)
            return
        subject = subject_for(step, variant)
        if step.takes in ("variants", "graphs"):
            self._offer(step.name, panel, subject, family)
        elif step.takes != "nothing" and panel.subject != subject:
            panel.subject = subject  # not where it is the same: what the panel says of its last run would go

    def waits(self, name: str, panel: Any) -> bool:
        """Whether a panel is free again and has something to get; says so once."""
        if panel.busy or name not in self._late:
            return False
        self._late.discard(name)
        return True

    def _offer(self, name: str, panel: Any, subject: Variant | None, family: tuple[Variant, ...]) -> None:
        control = panel.controls[FOLLOWING[name]] if name in FOLLOWING else None
        if self._offered.get(name) != family:
            before = control and control.value
            panel.variants = family
            self._offered[name] = family
            if control is not None and _key(control.value) != _key(before):  # what was chosen is gone
                self._followed.pop(name, None)
        if (
            control is not None
            and subject is not None
            and subject in family
            and self._followed.get(name) != _key(subject)
        ):
            control.value = resolve_variant(subject)  # which says if its folder is gone
            self._followed[name] = _key(subject)


def _key(variant: Variant | None) -> str:
    return "" if variant is None else identify(variant)
