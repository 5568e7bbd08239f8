"""Which folder a source's name means: a bundled demo's, one on this machine, or one in the Hub's cache."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import LoadError

DEMO = "demo/"


def find_folder(source: str | Path, *, revision: str | None, trust_remote_code: bool) -> Path:
    """The folder that holds the model; only a Hub id may cost network."""
    given = str(source)
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise LoadError(f"{given} is a file. Give the folder around it, with its config.json.")
    if isinstance(source, Path) or path.is_absolute() or given.startswith((".", "~")) or "\\" in given:
        raise LoadError(f"The folder {given} does not exist. Check the path, or give a Hub id ('org/model').")
    if given.startswith(DEMO):
        return _find_demo(given)
    from workbench.models.hub import fetch_model

    return fetch_model(given, revision=revision, trust_remote_code=trust_remote_code)


def _find_demo(given: str) -> Path:
    from workbench import demo

    name = given.removeprefix(DEMO)
    known = demo.demo_names()
    if name not in known:
        names = ", ".join(repr(DEMO + name) for name in known)
        raise LoadError(f"There is no demo {given!r}. Bundled demos: {names}.")
    return Path(demo.model_folder(name))
