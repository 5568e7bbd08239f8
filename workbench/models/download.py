"""What a model on the Hub would cost to download, asked before it is: its files, how large, and what stays there."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import LoadError
from workbench.models.hub import choose_files, explain_refusals, is_weight
from workbench.models.hub_place import find_cache, find_hub
from workbench.models.offers import OWN_PREFIXES

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

PATIENCE = 10  # seconds for the Hub's answer
SHOWN = 6  # names of files


@dataclasses.dataclass(frozen=True)
class HubFile:
    """A file of a repository.

    Attributes:
        name: Its path there.
        bytes: Its size; None where the Hub does not say.
        here: Whether the cache has it already.
    """

    name: str
    bytes: int | None
    here: bool = False


@dataclasses.dataclass(frozen=True)
class Download:
    """What loading a model from the Hub fetches, and what it leaves there.

    Attributes:
        name: The Hub id.
        revision: The branch, tag or commit asked for, if any.
        files: What loading needs.
        left_out: What else is there: weights for other frameworks, pictures, code.
        gated: Whether its authors decide who may read it.
        offline: Whether this is what the cache knows, because the Hub could not be asked.
    """

    name: str
    revision: str | None
    files: tuple[HubFile, ...]
    left_out: tuple[HubFile, ...] = ()
    gated: bool = False
    offline: bool = False

    @property
    def bytes(self) -> int:
        """What is still to be fetched; files of unknown size count as nothing."""
        return sum(file.bytes or 0 for file in self.files if not file.here)

    @property
    def bytes_here(self) -> int:
        """What the cache has of it."""
        return sum(file.bytes or 0 for file in self.files if file.here)

    @property
    def has_weights(self) -> bool:
        """Whether there are weights that the workbench reads."""
        return any(is_weight(file.name) for file in self.files)

    @property
    def headline(self) -> str:
        """What it costs, in a line."""
        missing = [file for file in self.files if not file.here]
        if not self.files:
            return f"{self.name}: nothing in it that the workbench reads"
        if not missing:
            return f"{self.name}: nothing to download; all {_size(self.bytes_here)} of it are cached"
        here = f"; {_size(self.bytes_here)} are cached already" if self.bytes_here else ""
        unknown = " or more" if any(file.bytes is None for file in missing) else ""
        return f"{self.name}: {_size(self.bytes)}{unknown} to download, in {_count(missing)}{here}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What else one should know before the download."""
        notes = []
        if self.offline:
            notes.append(
                "The Hub was not asked: it cannot be reached from here. This is what its cache holds."
            )
        if not self.has_weights:
            notes.append(
                "It has no weights as model.safetensors or pytorch_model.bin, so it cannot be loaded."
            )
        if self.gated:
            notes.append("It is gated: ask for access on its page, and set HF_TOKEN to a token of yours.")
        return tuple(notes)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "bytes": self.bytes, "bytes_here": self.bytes_here}

    def __str__(self) -> str:
        return "\n".join([self.headline, *self._lines(), *self.notes])

    def _repr_html_(self) -> str:
        rest = "".join(f"<div>{html.escape(line)}</div>" for line in (*self._lines(), *self.notes))
        return f"<div><b>{html.escape(self.headline)}</b></div>{rest}"

    def _lines(self) -> list[str]:
        lines = [f"Needed: {_list(self.files)}"] if self.files else []
        if self.left_out:
            lines.append(f"Not downloaded: {_list(self.left_out)}")
        return lines


def describe_download(name: str, *, revision: str | None = None, trust_remote_code: bool = False) -> Download:
    """Asks the Hub what loading a model would download. Nothing is fetched.

    Args:
        name: A Hub id, such as "org/model".
        revision: A branch, tag or commit.
        trust_remote_code: Whether its Python files would be fetched, too.

    Returns:
        The files with their sizes. Without the network, what the cache has.

    Raises:
        LoadError: There is no such model, or the Hub cannot be reached and the cache has nothing of it.

    Example:
        >>> describe_download("demo/qa")
        Traceback (most recent call last):
        workbench.errors.LoadError: 'demo/qa' comes with the workbench: there is nothing to download.
    """
    if name.startswith(OWN_PREFIXES):
        raise LoadError(f"{name!r} comes with the workbench: there is nothing to download.")
    with explain_refusals(name, revision):
        import requests
        from huggingface_hub import HfApi
        from huggingface_hub.errors import OfflineModeIsEnabled

        try:
            info = HfApi(find_hub()).model_info(
                name, revision=revision, files_metadata=True, timeout=PATIENCE
            )
        except (OfflineModeIsEnabled, requests.ConnectionError, requests.Timeout):
            return _describe_cache(name, revision, trust_remote_code)
        except requests.HTTPError:
            raise
        except requests.RequestException as error:  # such as an answer that is no JSON
            raise LoadError(
                f"What answers in the Hub's place about {name!r} cannot be read ({type(error).__name__}). "
                "A proxy or a login page may stand in between: look into that, and try again."
            ) from error
        files = [_describe_file(name, info.sha, entry) for entry in info.siblings or []]
        return _divide(name, revision, files, trust_remote_code, gated=bool(info.gated))


def _describe_file(name: str, commit: str | None, entry: RepoSibling) -> HubFile:
    from huggingface_hub import try_to_load_from_cache

    known = try_to_load_from_cache(name, entry.rfilename, find_cache(), revision=commit)
    return HubFile(entry.rfilename, entry.size, isinstance(known, str))


def _describe_cache(name: str, revision: str | None, trust_remote_code: bool) -> Download:
    from huggingface_hub import snapshot_download

    folder = Path(snapshot_download(name, revision=revision, cache_dir=find_cache(), local_files_only=True))
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [HubFile(path.relative_to(folder).as_posix(), path.stat().st_size, True) for path in found]
    return _divide(name, revision, files, trust_remote_code, offline=True)


def _divide(
    name: str, revision: str | None, files: list[HubFile], trust_remote_code: bool, **known: bool
) -> Download:
    wanted = set(choose_files([file.name for file in files], trust_remote_code=trust_remote_code))
    needed = tuple(file for file in files if file.name in wanted)
    return Download(name, revision, needed, tuple(file for file in files if file.name not in wanted), **known)


def _list(files: Iterable[HubFile]) -> str:
    """The largest files by name, the rest by number."""
    ordered = sorted(files, key=lambda file: -(file.bytes or 0))
    shown = [file.name + (f" ({_size(file.bytes)})" if file.bytes else "") for file in ordered[:SHOWN]]
    rest = f" and {_count(ordered[SHOWN:])} more" if len(ordered) > SHOWN else ""
    return ", ".join(shown) + rest


def _count(files: list[HubFile]) -> str:
    return f"{len(files)} file{'s' if len(files) != 1 else ''}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 50_000 else f"{count / 1e3:,.1f} kB"
