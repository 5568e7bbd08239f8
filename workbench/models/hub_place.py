"""Where the Hub is, and where what came from it is kept, as the environment says now.

The Hub's client reads that once, when it is imported: in a notebook that may have been long ago.
"""

from __future__ import annotations

import os
from pathlib import Path

_TRUE = ("1", "ON", "YES", "TRUE")
_CACHES = (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub"))


def find_hub() -> str | None:
    """The Hub's address; None for the one that its client knows."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def find_cache() -> Path | None:
    """The folder with what was downloaded; None for the one that the Hub's client knows."""
    for name, below in _CACHES:
        if found := os.environ.get(name):
            return Path(os.path.expandvars(os.path.expanduser(found))) / below
    return None


def follow_environment() -> None:
    """Tells the Hub's client whether it may ask the Hub at all, and that it shall not count the loads."""
    from huggingface_hub import constants
    from huggingface_hub.utils import reset_sessions

    constants.HF_HUB_DISABLE_TELEMETRY = _is_on("HF_HUB_DISABLE_TELEMETRY", "1")
    offline = _is_on("HF_HUB_OFFLINE") or _is_on("TRANSFORMERS_OFFLINE")
    if offline != constants.HF_HUB_OFFLINE:
        constants.HF_HUB_OFFLINE = offline
        reset_sessions()  # those that there are stay as they were made


def _is_on(name: str, usual: str = "") -> bool:
    return os.environ.get(name, usual).upper() in _TRUE
