"""Models from the hub: first the local cache, then a download that resumes; never a long wait without a network."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from stereo3d.depth.folder import read_config
from stereo3d.errors import WeightsError

__all__ = [
    "Progress",
    "cached",
    "cached_file",
    "fetch",
    "fetch_file",
    "licence_notes",
    "licence_of",
    "reachable",
    "weight_files",
]

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes of this file)."""

_REACH_SECONDS = 4.0
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
_OPTIONAL = ("preprocessor_config.json", "README.md")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The weight files of a model folder in the transformers layout, all present. Raises WeightsError."""
    for name in _WEIGHTS:
        if (folder / name).is_file():
            files = _shards(folder) if name.endswith(".index.json") else (folder / name,)
            lost = [path.name for path in files if not path.is_file()]
            if lost:
                raise WeightsError(f"{folder} lacks {lost[0]}", hint="copy the whole model folder")
            return files
    raise WeightsError(
        f"{folder} holds no weights ({', '.join(_WEIGHTS)})",
        hint="--model DIR takes a folder saved by the transformers library",
    )


def fetch(hub_id: str, progress: Progress | None = None) -> Path:
    """The folder of a hub model in the local cache, downloaded there first if need be (an interrupted one continues).

    Raises WeightsError, within seconds when there is no network.
    """
    return cached(hub_id) or _online(hub_id, lambda: _download(hub_id, progress))


def fetch_file(hub_id: str, name: str, progress: Progress | None = None) -> Path:
    """One file of a hub model, likewise: for models that are not kept in the transformers layout. Raises WeightsError."""
    return cached_file(hub_id, name) or _online(hub_id, lambda: Path(_file(hub_id, name, progress)))


def _online(hub_id: str, download: Callable[[], Path]) -> Path:
    if constants.HF_HUB_OFFLINE or not reachable():
        reason = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else f"{constants.ENDPOINT} cannot be reached"
        raise _no_weights(hub_id, f"not in the local cache, and {reason}")
    try:
        return download()
    except RepositoryNotFoundError:
        raise WeightsError(
            f"the hub has no model {hub_id!r}, or it is private or gated",
            hint="check the spelling, or log in with: hf auth login",
        ) from None
    except (HfHubHTTPError, OSError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise _no_weights(hub_id, f"download failed: {reason[:120]}") from None


def _no_weights(hub_id: str, reason: str) -> WeightsError:
    return WeightsError(
        f"no weights of {hub_id}: {reason}",
        hint="fetch them on another machine and give --weights FILE; or give a model folder with --model DIR; "
        "or use --model classic, which needs none",
    )


def cached(hub_id: str) -> Path | None:
    """The complete folder of a hub model in the local cache, or None."""
    config = try_to_load_from_cache(hub_id, "config.json")
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        weight_files(folder)
    except WeightsError:
        return None
    return folder


def cached_file(hub_id: str, name: str) -> Path | None:
    """One file of a hub model in the local cache, or None."""
    path = try_to_load_from_cache(hub_id, name)
    return Path(path) if isinstance(path, str) else None


def reachable() -> bool:
    """One short request before the hub client, whose own retries take half a minute to give up. Honours proxies."""
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD", headers={"User-Agent": "stereo3d"})
    try:
        urllib.request.urlopen(request, timeout=_REACH_SECONDS).close()
    except urllib.error.HTTPError as answer:
        answer.close()
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)  # the hub client brings its own certificates
    except OSError:
        return False
    return True


def _download(hub_id: str, progress: Progress | None) -> Path:
    folder = Path(_file(hub_id, "config.json", None)).parent
    for name in _OPTIONAL:
        _optional(hub_id, name, None)
    for name in _WEIGHTS:
        if _optional(hub_id, name, progress):
            if name.endswith(".index.json"):
                for shard in _shards(folder):
                    _file(hub_id, shard.name, progress)
            return folder
    raise WeightsError(f"{hub_id} has no weights that can be read ({', '.join(_WEIGHTS)})", hint="choose another model")


def _optional(hub_id: str, name: str, progress: Progress | None) -> bool:
    try:
        _file(hub_id, name, progress)
    except LocalEntryNotFoundError:  # the network failed; its base class says that the repository lacks the file
        raise
    except EntryNotFoundError:
        return False
    return True


def _file(hub_id: str, name: str, progress: Progress | None) -> str:
    return hf_hub_download(hub_id, name, tqdm_class=_bar(progress))


def _shards(folder: Path) -> tuple[Path, ...]:
    names = read_config(folder, "model.safetensors.index.json").get("weight_map", {}).values()
    return tuple(folder / Path(name).name for name in sorted(set(names)))


def _bar(progress: Progress | None) -> Any:
    """The hub client reports only to bars, as a class: one that draws nothing and calls ``progress``."""

    class Bar:
        def __init__(self, *_args: Any, total: float | None = None, initial: float = 0, **_options: Any) -> None:
            self.n, self.total = int(initial), total

        def update(self, n: float | None = 1) -> None:
            self.n += int(n or 0)
            if progress is not None:
                progress(self.n, max(int(self.total or 0), self.n))

        def update_transfer(self, _n: float | None = 1) -> None:
            """Bytes over the wire, where they differ from bytes of the file; having it keeps them out of update()."""

        def set_transfer_total(self, _total: float | None = None) -> None: ...

        def set_transfer_postfix_str(self, *_args: Any, **_options: Any) -> None: ...

        def set_description(self, *_args: Any, **_options: Any) -> None: ...

        def set_postfix_str(self, *_args: Any, **_options: Any) -> None: ...

        def refresh(self, *_args: Any, **_options: Any) -> None: ...

        def close(self) -> None: ...

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_exc: object) -> None: ...

    return Bar


def licence_of(folder: Path) -> str:
    """The licence that the model card in a folder states, or 'unknown'."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    head = card.split("\n---", 1)[0] if card.startswith("---") else ""
    for line in head.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "license" and value.strip():
            return value.strip()
    return "unknown"


def licence_notes(licence: str) -> tuple[str, ...]:
    """What the user must be told of a licence as model cards write it."""
    if licence == "unknown":
        return ("the licence of these weights is not stated with them: see where they came from",)
    return (f"the weights are licensed {licence}: no commercial use",) if "-nc" in licence.lower() else ()
