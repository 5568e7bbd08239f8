"""`VariantList`: the variants made so far, to pick, rename and delete."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from workbench.background import Desk, shared_desk
from workbench.errors import WorkbenchError
from workbench.models.shelf import Shelf, describe_variants
from workbench.models.upkeep import Deleted
from workbench.models.variant import Variant
from workbench.models.workspace import Workspace
from workbench.widgets.assets import STATIC, read_script
from workbench.widgets.in_use import is_needed
from workbench.widgets.names import identify
from workbench.widgets.static_view import add_static


class VariantList(anywidget.AnyWidget):
    """A table of variants: what they are, what they were made from, and when.

    Args:
        variants: What stands in it; None takes what the workspace holds.
        desk: The process whose work must not lose what it works with; by default the one that all panels share.

    Attributes:
        variants: What stands in it, the last made at the end.
        picked: Those that are ticked.
        current: The one to work on; None for none. One that is not in the list yet is added.
        lock: Held while the list changes, and by whoever reacts to that: what another thread has read of the
            workspace must not take the place of what was done since.

    Example:
        >>> exported = export_onnx(load_model("random/tiny-bert"))
        >>> listed = VariantList()
        >>> listed.rename(listed.variants[0], "as exported").name
        'as exported'
        >>> listed.delete(listed.variants[0]), listed.variants
        (None, ())
        >>> listed.undo(), [variant.name for variant in listed.variants]
        (None, ['as exported'])
    """

    _esm = read_script("variant_list")
    _css = STATIC / "variant_list.css"

    _rows: Any = traitlets.List().tag(sync=True)
    _ticked: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _chosen = traitlets.Unicode("").tag(sync=True)
    _broken: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _said = traitlets.Dict().tag(sync=True)

    variants: Any = traitlets.Tuple()
    picked: Any = traitlets.Tuple()
    current = traitlets.Instance(Variant, allow_none=True)

    def __init__(self, variants: Iterable[Variant] | None = None, *, desk: Desk | None = None) -> None:
        self.lock = threading.RLock()
        self._desk = desk
        self._deleted: Deleted | None = None
        self._serial = itertools.count(1)
        super().__init__()
        self.on_msg(self._on_message)
        if variants is None:
            self.reload()
        else:
            self.variants = tuple(variants)

    def reload(self) -> None:
        """Reads the workspace again. What is in the list and lies elsewhere stays."""
        with self.lock:
            home = Workspace()
            found = home.variants()
            others = [each for each in self.variants if _lies_elsewhere(each, home.root)]
            self._broken = [each.reason for each in found.broken]
            self.variants = (*others, *found)

    def rename(self, variant: Variant, name: str) -> Variant:
        """Gives a variant of the list another name; see `Workspace.rename`."""
        with self.lock:
            self._require_free(variant)
            renamed = Workspace().rename(variant, name)
            self.variants = tuple(
                renamed if identify(each) == identify(variant) else each for each in self.variants
            )
            return renamed

    def delete(self, variant: Variant) -> None:
        """Deletes a variant, without asking; `undo` brings it back as long as no other is deleted."""
        with self.lock:
            self._require_free(variant)
            self._deleted = Workspace().delete(variant)
            self.variants = tuple(each for each in self.variants if identify(each) != identify(variant))
            self.say("")

    def _require_free(self, variant: Variant) -> None:
        task = (self._desk or shared_desk()).task
        if task is not None and is_needed(variant, task.call, self.variants):
            raise ValueError(f"{variant.name} is being worked with. Wait for the end, or cancel that first.")

    def undo(self) -> None:
        """Brings back what was deleted last.

        Raises:
            ValueError: Nothing was deleted.
        """
        with self.lock:
            if self._deleted is None:
                raise ValueError("Nothing was deleted here.")
            back = Workspace().restore(self._deleted)
            self._deleted = None  # not before: what has failed can be tried again
            self.reload()
            self._add((back,))
            self.say(f"{back.name} is back.")

    @traitlets.observe("variants")
    def _show(self, _: Any) -> None:
        """The rows of the page; what is ticked and chosen stays so, under its new name if it has one."""
        known = {identify(each): each for each in self.variants}
        self._rows = [
            {
                **dataclasses.asdict(row),
                "key": identify(variant),
                "folder": str(variant.path or ""),
                "children": sum(each.parent_path == variant.path for each in self.variants if variant.path),
            }
            for row, variant in zip(describe_variants(self.variants), self.variants, strict=True)
        ]
        self.picked = tuple(known[identify(each)] for each in self.picked if identify(each) in known)
        if self.current is not None:
            self.current = known.get(identify(self.current))

    # A trait of the page and its twin here follow each other, and neither touches the other pair.

    @traitlets.observe("picked")
    def _show_picked(self, _: Any) -> None:
        self._add(self.picked)
        self._ticked = [identify(each) for each in self.picked]

    @traitlets.observe("current")
    def _show_current(self, _: Any) -> None:
        self._add(() if self.current is None else (self.current,))
        self._chosen = "" if self.current is None else identify(self.current)

    @traitlets.observe("_ticked")
    def _read_ticked(self, _: Any) -> None:
        if self._ticked != [identify(each) for each in self.picked]:
            self.picked = tuple(each for each in self.variants if identify(each) in self._ticked)

    @traitlets.observe("_chosen")
    def _read_chosen(self, _: Any) -> None:
        if self._chosen != ("" if self.current is None else identify(self.current)):
            self.current = next((each for each in self.variants if identify(each) == self._chosen), None)

    def _add(self, variants: Iterable[Variant]) -> None:
        with self.lock:
            known = set(map(identify, self.variants))
            new = {identify(each): each for each in variants if identify(each) not in known}
            if new:
                self.variants = (*self.variants, *new.values())

    def _on_message(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        ask = content.get("ask")
        variant = next((each for each in self.variants if identify(each) == content.get("key")), None)
        actions: dict[Any, Callable[[], object]] = {"reload": self.reload, "undo": self.undo}
        if variant is not None:
            name = str(content.get("name"))
            actions |= {
                "rename": lambda: self.rename(variant, name),
                "delete": lambda: self.delete(variant),
            }
        if ask not in actions:
            return
        self.say("")
        try:
            actions[ask]()
        except (ValueError, OSError, RuntimeError, WorkbenchError) as error:
            self.say(str(error), failed=True)

    def say(self, text: str, *, failed: bool = False) -> None:
        """Says something below the table, and each time anew what can be brought back.

        Args:
            text: What happened.
            failed: Whether it is bad news.
        """
        deleted = "" if self._deleted is None else self._deleted.variant.name
        self._said = {"text": text, "failed": failed, "deleted": deleted, "serial": next(self._serial)}

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return add_static(super()._repr_mimebundle_(**kwargs), Shelf(Workspace().root, self.variants))


def _lies_elsewhere(variant: Variant, root: Path) -> bool:
    """Whether reading a workspace says nothing of a variant; one in another folder has to be there still."""
    if variant.path is None:
        return True
    return variant.path.parent.parent != root and all(
        (variant.path / name).is_file() for name in variant.files
    )
