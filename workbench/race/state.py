"""What a race has finished, kept in the workspace: each step once, so that a race can be left and taken up again.

<workspace>/races/<source>-<key>/state.json
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import logging
import os
import platform
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from filelock import FileLock, Timeout

from workbench.compare.saving import make_plain, write_text
from workbench.machine import cpu_features, package_versions, usable_cores
from workbench.models.workspace import Workspace, slug

log = logging.getLogger("workbench.race")

Check = Callable[[Any], object]
Kind = TypeVar("Kind")
MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
FORMAT = 1
STATE = "state.json"


class RaceState:
    """The finished steps of one race.

    Args:
        folder: Where they are kept.

    Attributes:
        reused: When the oldest of the steps that were found done was done; None where none was.
        note: What a reader has to know about the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reused: str | None = None
        self._new: set[str] = set()
        self.note = ""
        self._steps: dict[str, dict[str, Any]] = {}

    def read(self, *, fresh: bool) -> None:
        """Reads what is there; what makes no sense is set aside."""
        path = self.folder / STATE
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        if not path.is_file():
            return
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            self._steps = {
                name: {"when": str(s["when"]), "value": s["value"]} for name, s in data["steps"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            aside = path.with_name(f"{STATE}.broken-{uuid.uuid4().hex[:8]}")
            path.rename(aside)
            self.note = (
                f"What an earlier race had left could not be read ({type(error).__name__}), so this one began anew. "
                f"It was set aside: {aside}"
            )
            log.warning(self.note)

    def get(self, name: str, check: Check | None = None) -> Any:
        """What a step gave; None where it was not done.

        Args:
            name: The step's.
            check: Raises where it makes no sense of what is there, which then counts as not done.
        """
        step = self._steps.get(name)
        if step is None:
            return None
        try:
            if check is not None:
                check(step["value"])
        except MALFORMED as error:
            log.info("%s cannot be read (%s: %s); it is done again.", name, type(error).__name__, error)
            del self._steps[name]
            return None
        if name not in self._new:
            self.reused = min(self.reused or step["when"], step["when"])
        return step["value"]

    def put(self, name: str, value: Any) -> Any:
        """Keeps what a step gave, on the disk at once."""
        when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._steps[name] = {"when": when, "value": make_plain(value)}
        self._new.add(name)
        text = json.dumps({"format": FORMAT, "steps": self._steps}, ensure_ascii=False, allow_nan=False)
        write_text(text + "\n", self.folder / STATE)
        return value

    def once(self, name: str, make: Callable[[], Any], check: Check | None = None) -> Any:
        """What a step gives: from the file where it was done before."""
        known = self.get(name, check)
        return known if known is not None else self.put(name, make_plain(make()))


def read_as(kind: type[Kind], value: Any) -> Kind:
    """A dataclass of texts and numbers, as a step has kept its fields.

    Raises:
        TypeError: A field is missing or of another kind, or there is one that it does not have.

    Example:
        >>> from workbench.race.selective_rows import Judged
        >>> read_as(Judged, {"kept": 1, "low": 0.9, "high": 1.0, "n": 30})
        Judged(kept=1, low=0.9, high=1.0, n=30)
        >>> read_as(Judged, {"kept": "1", "low": 0.9, "high": 1.0, "n": 30})
        Traceback (most recent call last):
        TypeError: kept is '1'
    """
    found = kind(**value)
    for name, wanted in get_type_hints(kind).items():
        kinds = get_args(wanted) or (wanted,)
        kinds += (int,) if float in kinds else ()
        one = getattr(found, name)
        if not isinstance(one, kinds) or (isinstance(one, bool) and bool not in kinds):
            raise TypeError(f"{name} is {one!r:.80}")
    return found


def make_key(facts: Any) -> str:
    """The key of a race: of what is raced, on which data, and of this machine and its packages."""
    machine = [
        platform.machine(),
        _cpu_name(),
        usable_cores(),
        os.cpu_count(),
        cpu_features(),
        package_versions(),
    ]
    text = json.dumps([facts, machine], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextlib.contextmanager
def open_state(source_name: str, key: str, *, fresh: bool = False) -> Iterator[RaceState]:
    """The state of a race; held by one process at a time, since two races at once would disturb each other.

    Raises:
        OSError: The workspace cannot be written to.
    """
    folder = Workspace().root / "races" / f"{slug(source_name)}-{key}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.parent / f".{folder.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("The same race is being run by another process: waiting until it is over.")
        lock.acquire()
    try:
        state = RaceState(folder)
        state.read(fresh=fresh)
        yield state
    finally:
        lock.release()


def _cpu_name() -> str:
    try:
        found = re.search(r"^(?:model name|CPU part)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
        return found[1].strip() if found else platform.processor()
    except OSError:  # not Linux
        return platform.processor()
