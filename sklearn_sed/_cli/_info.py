"""Tell what a model hears, which classes it knows, and how it decides.

For example:
  sklearn-sed info model.sed
  sklearn-sed info model.sed --json

Of each class you see what its scores must exceed: "tag" for the class in a window,
"threshold" for moments within it; "low" ends an event; events shorter than
"min_duration" are left out and gaps shorter than "min_gap" closed, in seconds. "-" is
where there is no such number.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What is shown of each class, even where all have the same.
ALWAYS = ("threshold", "low", "min_duration", "min_gap")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", type=Path, help="the model file")
    add("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn_sed._persistence import load_model
    from sklearn_sed._persistence._archive import read_schema
    from sklearn_sed._version import __version__
    from sklearn_sed.inference._model import take_apart

    model = load_model(args.model)
    parts = take_apart(model, "classes_")
    content = args.model.read_bytes()
    facts = {
        "file": str(args.model),
        "bytes": len(content),
        "saved_by": read_schema(content)["sklearn_sed"],
        "read_by": __version__,
        "steps": [
            type(step).__name__
            for step in (parts.transformer, *parts.steps, parts.scorer)
        ],
        "hears": _hearing(parts.transformer),
        "networks": list(_networks(parts.scorer)),
        "decoder": _decoder(parts.decoder),
        "classes": _classes(parts),
    }
    if args.json:  # which has no numbers of NumPy
        print(json.dumps(facts, indent=2, default=lambda value: value.item()))
    else:
        print(_as_text(facts))
    return 0


def _hearing(transformer: Any) -> dict[str, Any]:
    """Return how sound is taken in: frequencies in Hz, times in seconds."""
    rate, fmax = transformer.sample_rate, transformer.fmax
    return {
        "sample_rate": rate,
        "n_mels": transformer.n_mels,
        "fmin": transformer.fmin,
        "fmax": rate / 2 if fmax is None else fmax,
        "frame_length": transformer.n_fft / rate,
        "time_resolution": transformer.hop_length / rate,
        "duration": transformer.duration,
    }


def _networks(model: Any) -> Iterator[dict[str, Any]]:
    """Yield what is known of the trained networks in a model."""
    from sklearn_sed._learners._ensemble import SeedEnsemble
    from sklearn_sed._unwrap import unwrap

    model = unwrap(model, "classes_", deep=True).estimator
    if hasattr(model, "net_"):
        parameters = model.net_.module_.parameters()
        yield {
            "estimator": type(model).__name__,
            "epochs": model.n_iter_,
            "weights": sum(values.numel() for values in parameters),
        }
    one = getattr(model, "_is_one_network", False)
    for name in ["detector"] if one else ["tagger", "detector"]:
        if hasattr(model, f"{name}_"):
            yield from _networks(getattr(model, f"{name}_"))
    if isinstance(model, SeedEnsemble):
        for member in model.estimators_:
            yield from _networks(member)


def _decoder(decoder: Any) -> dict[str, Any] | None:
    """Return the settings of a decoder that all classes share by nature."""
    from sklearn_sed._decoding._decoder import ClassSettings, EventDecoder

    if not isinstance(decoder, EventDecoder):
        return None if decoder is None else {"decoder": type(decoder).__name__}
    own = decoder.get_params()
    shared = {name: own[name] for name in own if name not in ClassSettings._fields}
    if decoder.segmenter != "derivative":
        shared = {"segmenter": decoder.segmenter}
    return {"decoder": type(decoder).__name__, **shared}


def _classes(parts: Any) -> list[dict[str, Any]]:
    """Return what decides on the events of each class."""
    from sklearn_sed._decoding._decoder import EventDecoder

    labels = parts.classes
    rows = [
        {"class": label, "tag": threshold}
        for label, threshold in zip(labels, _tag_thresholds(parts.scorer, labels))
    ]
    if isinstance(parts.decoder, EventDecoder):
        for row, own in zip(rows, parts.decoder._check(labels)):
            settings = {**own._asdict(), "low": own.low}
            del settings["low_threshold"]
            row |= {name: settings[name] for name in (*ALWAYS, *settings)}
    return rows


def _tag_thresholds(scorer: Any, labels: list[Any]) -> list[float | None]:
    """Return what clip scores must exceed; None where no number decides."""
    from sklearn_sed._learners._predict import tag_columns
    from sklearn_sed._unwrap import unwrap

    tagger = unwrap(getattr(scorer, "tagger_", scorer), "classes_").estimator
    thresholds = getattr(tagger, "thresholds_", None)
    takes_likeliest = getattr(tagger, "_single", False) and not tagger._scores_frames
    if thresholds is None or takes_likeliest:
        return [None] * len(labels)
    return [
        float(thresholds[column]) for column in tag_columns(tagger, scorer.classes_)
    ]


def _as_text(facts: dict[str, Any]) -> str:
    """Return the facts for people."""
    import pandas as pd

    hears, size = facts["hears"], facts["bytes"] / 1e6
    clips = f", clips of {hears['duration']:g} s" if hears["duration"] else ""
    lines = {
        "file": f"{facts['file']}, {size:.1f} MB, saved by sklearn_sed "
        f"{facts['saved_by']}",
        "steps": ", ".join(facts["steps"]),
        "hears": f"{hears['sample_rate']} Hz, {hears['n_mels']} mel bands from "
        f"{hears['fmin']:g} to {hears['fmax']:g} Hz, frames of "
        f"{1000 * hears['frame_length']:.1f} ms every "
        f"{1000 * hears['time_resolution']:.1f} ms{clips}",
    }
    for i, network in enumerate(facts["networks"]):
        lines[f"network {i + 1}"] = (
            f"{network['estimator']}, {network['weights']} weights, epochs learned: "
            f"{network['epochs']}"
        )
    table = pd.DataFrame(facts["classes"])
    shared = dict(facts["decoder"] or {})
    for name in table.columns[2:]:
        if name not in ALWAYS and table[name].map(repr).nunique() == 1:
            shared[name] = table.pop(name)[0]
    if shared:
        kind = shared.pop("decoder")
        lines["decoder"] = f"{kind}: " + ", ".join(
            f"{name} {_cell(value)}" for name, value in shared.items()
        )
    width = max(map(len, lines)) + 2
    text = [f"{name + ':':{width}}{line}" for name, line in lines.items()]
    return "\n".join([*text, "", table.map(_cell).to_string(index=False)])


def _cell(value: Any) -> str:
    """Return a setting as text."""
    if value is None or value != value:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
