"""Says how much of a download has arrived, while it does: the bars of the Hub's client are muted."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds


class Arrival:
    """What arrives of a model in a folder of the Hub's cache.

    Args:
        name: The Hub id.
        folder: Where the client puts the contents of files, unfinished ones included.
        bytes: How many are to come; 0 where the Hub does not say.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     arrival = Arrival("org/model", Path(folder), 4_000_000)
        ...     _ = (Path(folder) / "abc.incomplete").write_bytes(bytes(1_000_000))
        ...     print(arrival)
        downloading org/model: 1.0 of 4.0 MB
    """

    def __init__(self, name: str, folder: Path, bytes: int) -> None:
        self.name, self.folder, self.bytes = name, folder, bytes
        self._before = self._count(finished=True)

    def _count(self, *, finished: bool = False) -> int:
        """The bytes that are there; only those of finished files, if asked. A download is gone on from."""
        total = 0
        with contextlib.suppress(OSError):  # there is none yet, or a file has just got its final name
            for path in self.folder.iterdir():
                if not (finished and path.suffix == ".incomplete"):
                    total += path.stat().st_size
        return total

    def __str__(self) -> str:
        arrived = max(0, self._count() - self._before) / 1e6
        whole = f" of {self.bytes / 1e6:,.1f}" if self.bytes else ""
        return f"downloading {self.name}: {arrived:,.1f}{whole} MB"


@contextlib.contextmanager
def tell_arrival(arrival: Arrival) -> Iterator[None]:
    """Logs every second what has arrived, as long as the block lasts."""
    over = threading.Event()

    def follow() -> None:
        while not over.wait(EVERY):
            log.info("%s", arrival)

    thread = threading.Thread(target=follow, daemon=True, name=f"download {arrival.name}")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
