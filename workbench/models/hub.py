"""Fetches a model from the Hub into its cache: what loading needs and no more, resumed where it broke off."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import LoadError
from workbench.models.arrival import Arrival, tell_arrival
from workbench.models.hub_place import find_cache, find_hub, follow_environment

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

log = logging.getLogger(__name__)

ATTEMPTS = 5
_SMALL = re.compile(r"[^/]+\.(json|txt|model|spm|jinja)")
_SAFE = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
_PICKLED = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin")


def fetch_model(name: str, *, revision: str | None = None, trust_remote_code: bool = False) -> Path:
    """The folder in the Hub's cache that holds a model, after fetching what is missing.

    Without the network, what the cache has is taken.

    Args:
        name: A Hub id, such as "org/model".
        revision: A branch, tag or commit.
        trust_remote_code: Whether its Python files are fetched, too.

    Raises:
        LoadError: There is no such model, it may not be read, or the network failed.
    """
    with explain_refusals(name, revision):
        return _fetch(name, revision, trust_remote_code)


@contextlib.contextmanager
def explain_refusals(name: str, revision: str | None) -> Iterator[None]:
    """Turns what the Hub's client raises into errors that say what to do.

    Raises:
        LoadError: The Hub has no such model, does not hand it out, or cannot be reached.
    """
    import requests
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    follow_environment()
    where = f" at revision {revision!r}" if revision else ""
    try:
        yield
    except HFValidationError as error:
        raise LoadError(
            f"{name!r} is neither a folder here nor a possible Hub id. "
            "Give a folder, 'org/model', 'demo/<name>' or 'random/<architecture>'."
        ) from error
    except GatedRepoError as error:
        raise LoadError(
            f"The model {name!r} is gated: its authors decide who may read it. Ask for access on its page, "
            "then set HF_TOKEN to a token of yours."
        ) from error
    except RevisionNotFoundError as error:
        raise LoadError(
            f"The model {name!r} has no revision {revision!r}. Give a branch, tag or commit of it."
        ) from error
    except RepositoryNotFoundError as error:
        raise LoadError(
            f"There is no model {name!r} on the Hub, and no folder of that name here. "
            "Check the spelling; for a private model set HF_TOKEN."
        ) from error
    except LocalEntryNotFoundError as error:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the Hub cannot be reached"
        raise LoadError(
            f"The model {name!r}{where} is neither a folder here nor in the Hub's cache, and {why}. "
            "Connect and try again, or give a folder, 'demo/<name>' or 'random/<architecture>'."
        ) from error
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "no status"
        raise LoadError(
            f"The Hub did not hand out {name!r}{where} (HTTP {status}). Try again later; "
            "for a private model check HF_TOKEN."
        ) from error
    except (requests.RequestException, OSError) as error:
        raise LoadError(
            f"The download of {name!r}{where} broke off {ATTEMPTS} times ({type(error).__name__}). "
            "What has arrived is kept: call load_model again to go on from there."
        ) from error


def _fetch(name: str, revision: str | None, trust_remote_code: bool) -> Path:
    import requests
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import OfflineModeIsEnabled

    log.info("asking the Hub about %s", name)
    try:
        info = HfApi(find_hub()).model_info(name, revision=revision, files_metadata=True)
    except (OfflineModeIsEnabled, requests.ConnectionError, requests.Timeout):
        folder = snapshot_download(name, revision=revision, cache_dir=find_cache(), local_files_only=True)
        return Path(folder)
    entries = info.siblings or []
    wanted = choose_files([entry.rfilename for entry in entries], trust_remote_code=trust_remote_code)
    missing = _find_missing(name, info.sha, [entry for entry in entries if entry.rfilename in wanted])
    if not missing:
        return _download(name, revision, wanted)
    size = sum(entry.size or 0 for entry in missing)
    count = f"{len(missing)} file{'s' if len(missing) != 1 else ''}"
    log.info("downloading %s: %s%s", name, count, f", {size / 1e6:,.1f} MB" if size else "")
    with tell_arrival(Arrival(name, _find_contents(name), size)):
        return _download(name, revision, wanted)


def _find_missing(name: str, commit: str | None, entries: list[RepoSibling]) -> list[RepoSibling]:
    """Those that the cache does not have."""
    from huggingface_hub import try_to_load_from_cache

    return [
        entry
        for entry in entries
        if not isinstance(try_to_load_from_cache(name, entry.rfilename, find_cache(), revision=commit), str)
    ]


def _find_contents(name: str) -> Path:
    """Where the Hub's client keeps the contents of a model's files."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return (
        (find_cache() or Path(constants.HF_HUB_CACHE))
        / repo_folder_name(repo_id=name, repo_type="model")
        / "blobs"
    )


def _download(name: str, revision: str | None, wanted: list[str]) -> Path:
    import requests
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    fetch = functools.partial(
        snapshot_download,
        name,
        revision=revision,
        allow_patterns=wanted,
        cache_dir=find_cache(),
        endpoint=find_hub(),
    )
    for _ in range(ATTEMPTS - 1):
        try:
            return Path(fetch())
        except (requests.HTTPError, HFValidationError, LocalEntryNotFoundError):
            raise
        except (requests.RequestException, OSError):  # it broke off; the next attempt goes on where it did
            log.info("the download of %s broke off; going on from there", name)
    return Path(fetch())


def choose_files(names: list[str], *, trust_remote_code: bool = False) -> list[str]:
    """What of a repository is needed: safetensors where there are some, else pickled weights, and the small files.

    Example:
        >>> choose_files(["config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.onnx", "run.py"])
        ['config.json', 'model.safetensors']
    """
    weights = [name for name in names if _SAFE.fullmatch(name)]
    weights = weights or [name for name in names if _PICKLED.fullmatch(name)]
    code = [name for name in names if name.endswith(".py")] if trust_remote_code else []
    return [name for name in names if _SMALL.fullmatch(name)] + weights + code


def is_weight(name: str) -> bool:
    """Whether a file of a repository holds weights that loading reads.

    Example:
        >>> is_weight("model-00001-of-00002.safetensors"), is_weight("tf_model.h5")
        (True, False)
    """
    return bool(_SAFE.fullmatch(name) or _PICKLED.fullmatch(name))
