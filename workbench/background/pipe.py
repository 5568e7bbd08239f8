"""What goes over the pipes between a desk and its process: pickled messages, each with its length in front."""

from __future__ import annotations

import pickle
import threading
from typing import IO, Any


class Channel:
    """Sends pairs of a kind and a value; from several threads, one at a time."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, kind: str, value: Any) -> None:
        """Sends one pair."""
        data = pack((kind, value))
        with self._lock:
            self._stream.write(data)
            self._stream.flush()


def pack(message: Any) -> bytes:
    """A message as it goes over a pipe.

    Example:
        >>> import io
        >>> receive(io.BytesIO(pack(("log", "exporting"))))
        ('log', 'exporting')
    """
    data = pickle.dumps(message)
    return len(data).to_bytes(8, "big") + data


def receive(stream: IO[bytes]) -> Any:
    """The next thing that was sent over a pipe.

    Raises:
        EOFError: The other end is gone.
    """
    head = stream.read(8)
    size = int.from_bytes(head, "big")
    data = stream.read(size) if len(head) == 8 else b""
    if not data or len(data) < size:
        raise EOFError
    return pickle.loads(data)
