"""`ModelKeeper`: the models that a notebook holds in memory, made known to a process that has to load the same."""

from __future__ import annotations

import pickle
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.background.call import Call
from workbench.background.order import HeldModel
from workbench.compare.jobs import check_portable, save_copy
from workbench.models.origin import Origin

if TYPE_CHECKING:
    from workbench.models.source import Source

KEPT = 3  # models: a copy is as large as its model

ADVICE = (
    "Call the function in a cell, where the model is; or save it with save_pretrained and load that folder."
)


class ModelKeeper:
    """Says of the models of a call whether they were changed since they were loaded, and saves those that were.

    What was made of such a model comes back without it, so the last few are remembered: the next panel works on.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._known: list[HeldModel] = []  # the last used at the end
        self._count = 0
        self._lock = threading.Lock()

    def describe(self, call: Call, tell: Callable[[str], object]) -> tuple[HeldModel | None, ...]:
        """What is known of the model of each subject.

        Args:
            call: A call that still has the models.
            tell: Told what is done, where it takes a while.

        Raises:
            ValueError: A model has something that no file keeps.
            OSError: It cannot be saved.
        """
        with self._lock:
            pairs = list(zip(call.subjects, call.sources, strict=True))
            taken = {id(source): source for variant, source in pairs if source and call.takes_model(variant)}
            held = {key: self._hold(source, tell) for key, source in taken.items()}
            found = [
                held.get(id(source)) if source is not None else self._find(variant.origin)
                for variant, source in pairs
            ]
            self._drop(found)
            return tuple(found)

    def clear(self) -> None:
        """Forgets all, and removes the copies."""
        with self._lock:
            self._known.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _find(self, origin: Origin) -> HeldModel | None:
        same = (origin.source, origin.task, origin.fingerprint)
        for model in self._known:
            if (model.origin.source, model.origin.task, model.fingerprint) == same:
                return model
        return None

    def _hold(self, source: Source, tell: Callable[[str], object]) -> HeldModel | None:
        check_portable(source.model, ADVICE)
        tell(f"looking whether {source.origin.source} was changed in memory")
        now = source.fingerprint()
        changed = now != source.origin.fingerprint
        # Whether code of its own may run was decided here, when it was loaded; a manifest could not say it.
        if not changed and not source.origin.trust_remote_code:
            return None
        same = (source.origin, now)
        before = next((each for each in self._known if (each.origin, each.fingerprint) == same), None)
        copy = before.copy if before is not None else None
        if changed and copy is None:
            copy = self._save(source, tell)
        processor = _pickle(source.processor)
        held = HeldModel(source.origin, now, copy, processor, source.examples, source.samples)
        self._known = [*(each for each in self._known if each is not before), held]
        return held

    def _save(self, source: Source, tell: Callable[[str], object]) -> str:
        tell(f"{source.origin.source} was changed in memory: saving a copy of it")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="workbench-models-"))
        self._count += 1
        folder = self._folder / f"model-{self._count}"
        try:
            save_copy(source, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return str(folder)

    def _drop(self, used: list[HeldModel | None]) -> None:
        """Forgets what has not been used for long, and removes its copy."""
        spare = [model for model in self._known if model not in used]
        for model in spare[: max(0, len(self._known) - KEPT)]:
            self._known = [each for each in self._known if each is not model]
            if model.copy is not None and all(each.copy != model.copy for each in self._known):
                shutil.rmtree(model.copy, ignore_errors=True)


def _pickle(processor: Any) -> bytes | None:
    try:
        return pickle.dumps(processor)
    except Exception:  # it holds something of this process alone: the one beside the model will do
        return None
