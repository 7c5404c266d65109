"""``stereo3d models``: which there are, under which licence, where their weights are, how fast they are here. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stereo3d.bench.measurements import Measurement, fastest, recall
from stereo3d.depth.registry import MODELS, ModelEntry
from stereo3d.files import file_sha256
from stereo3d.table import amount, table

__all__ = ["ModelFacts", "model_facts", "models_text", "weights_of"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model. ``state``: 'here', 'to download', 'embedded' or 'never released'. ``bytes``: of the weights, estimated where
    they are not here. ``measured``: by ``stereo3d bench depth`` on this machine, or None."""

    name: str
    title: str
    parameters_millions: float
    licence: str
    hub_id: str | None
    state: str
    place: str | None
    bytes: int
    sha256: str | None
    measured: Measurement | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def model_facts() -> tuple[ModelFacts, ...]:
    """All models of the registry, in its order."""
    measured = recall()
    return tuple(_facts(entry, fastest(measured, entry.name)) for entry in MODELS.values())


def _facts(entry: ModelEntry, measured: Measurement | None) -> ModelFacts:
    path = weights_of(entry)
    if not entry.released:
        state = "never released"
    elif entry.architecture is None:
        state = "embedded"
    else:
        state = "here" if path else "to download"
    return ModelFacts(
        name=entry.name,
        title=entry.title,
        parameters_millions=entry.parameters_millions,
        licence=entry.licence,
        hub_id=entry.hub_id,
        state=state,
        place=str(path) if path else None,
        bytes=path.stat().st_size if path else round(4e6 * entry.parameters_millions) if entry.hub_id else 0,  # float32
        sha256=file_sha256(path) if path else None,
        measured=measured,
    )


def weights_of(entry: ModelEntry) -> Path | None:
    """The weights of a model that was fetched from the hub, or None."""
    if entry.hub_id is None:
        return None
    from stereo3d.depth.hub import cached, cached_file, weight_files

    if entry.hub_file is not None:
        return cached_file(entry.hub_id, entry.hub_file)
    folder = cached(entry.hub_id)
    return weight_files(folder)[0] if folder else None


def models_text(models: Iterable[ModelFacts]) -> str:
    """A table for people, and under it what does not fit into one."""
    models = tuple(models)
    head = ("model", "parameters", "licence", "weights", "peak memory", "speed here")
    rows = [(m.name, _parameters(m), m.licence, _state(m), *_measured(m.measured)) for m in models]
    return "\n".join([table(head, rows), "", *(line for m in models for line in _details(m))])


def _parameters(model: ModelFacts) -> str:
    return f"{model.parameters_millions:g} M" if model.parameters_millions else "none"


def _state(model: ModelFacts) -> str:
    match model.state:
        case "here":
            return f"here, {model.bytes / 1e6:.0f} MB"
        case "to download":
            return f"not here; about {model.bytes / 1e6:.0f} MB to download"
        case "embedded":
            return "needs none"
    return "announced and never released"


def _measured(row: Measurement | None) -> tuple[str, str]:
    if row is None:
        return "-", "not measured"
    how = f"{row.dtype}, batch {row.batch}{', compiled' if row.compiled else ''}"
    speed = f"{amount(row.fps)} fps at {row.height}x{row.width}, {how}, {row.device}, {row.date}"
    return f"{row.peak_memory / 1e6:.0f} MB", speed + (" (random weights)" if row.random_weights else "")


def _details(model: ModelFacts) -> list[str]:
    lines = [f"{model.name}: {model.title}" + (f", {model.hub_id}" if model.hub_id else "")]
    if model.place:
        lines += [f"  {model.place}", f"  sha256 {model.sha256}"]
    if model.state == "never released":
        lines.append("  the name is kept; large is the largest model that exists")
    return lines
