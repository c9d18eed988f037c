"""Tell what a model hears, which classes it knows, and how it decides.

For example:
  sklearn-sed info model.sed
  sklearn-sed info model.sed --json

Of each class you see in how many clips it was learned from; where clips were held back,
how many of these hold it, and how well it was told in them, by F1 and average
precision (thresholds are chosen on the same clips). Then what its scores must exceed:
"tag" for the class in a window, "threshold" for moments within it; "low" ends an event;
events shorter than "min_duration" are left out and gaps shorter than "min_gap" closed,
in seconds. "-" is where there is no such number.
"""

import argparse
import json
from pathlib import Path
from typing import Any

# What is shown of each class, even where all have the same.
ALWAYS = ("threshold", "low", "min_duration", "min_gap")
# What is shown of clips that were held back, and how it is recorded.
HELD_BACK = {
    "held_back": "class_count",
    "F1": "f1",
    "average_precision": "average_precision",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("model", type=Path, help="the model file")
    add("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    from sklearn_sed._learners._inside import networks_in
    from sklearn_sed._persistence import load_model
    from sklearn_sed._persistence._archive import read_schema
    from sklearn_sed._version import __version__
    from sklearn_sed.inference._model import take_apart

    parts = take_apart(load_model(args.model), "classes_")
    networks = list(networks_in(parts.scorer))
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
        "networks": list(map(_network, networks)),
        "decoder": _decoder(parts.decoder),
        "classes": _classes(parts, networks),
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


def _network(network: Any) -> dict[str, Any]:
    """Return what is known of a trained network; what is not recorded is None."""
    trained = None
    if network.training_ is not None:
        trained = {"clip_duration": network.clip_duration_, **network.training_}
    parameters = network.net_.module_.parameters()
    return {
        "estimator": type(network).__name__,
        "epochs": network.n_iter_,
        "weights": sum(values.numel() for values in parameters),
        "trained": trained,
    }


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


def _classes(parts: Any, networks: list[Any]) -> list[dict[str, Any]]:
    """Return how each class was learned, and what decides on its events."""
    from sklearn_sed._decoding._decoder import EventDecoder

    labels = parts.classes
    rows = [
        {"class": label, **learned, "tag": threshold}
        for label, learned, threshold in zip(
            labels,
            _learned(parts.scorer, labels, networks),
            _tag_thresholds(parts.scorer, labels),
        )
    ]
    if isinstance(parts.decoder, EventDecoder):
        for row, own in zip(rows, parts.decoder._check(labels)):
            settings = {**own._asdict(), "low": own.low}
            del settings["low_threshold"]
            row |= {name: settings[name] for name in (*ALWAYS, *settings)}
    return rows


def _learned(
    scorer: Any, labels: list[Any], networks: list[Any]
) -> list[dict[str, Any]]:
    """Return how many clips held each class, and how well it was told, if recorded."""
    from sklearn_sed._learners._predict import tag_columns

    if not networks or networks[0].training_ is None:
        return [{} for _ in labels]
    record = networks[0].training_
    columns = {"clips": record["class_count"]}
    if record["held_back"] is not None:
        for name, key in HELD_BACK.items():
            columns[name] = record["held_back"][key]
    return [
        {name: values[column] for name, values in columns.items()}
        for column in tag_columns(networks[0], scorer.classes_)
    ]


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
    trained = [network["trained"] for network in facts["networks"]]
    lines["trained"] = _training(trained)
    table = pd.DataFrame(facts["classes"])
    shared = dict(facts["decoder"] or {})
    first = table.columns.get_loc("tag") + 1
    for name in table.columns[first:]:
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


def _training(trained: list[dict[str, Any] | None]) -> str:
    """Return when networks were trained, and on what, as the first of them was."""
    if not trained or trained[0] is None:
        return "not recorded"
    first, dates = trained[0], [own["date"] for own in trained if own]
    seconds, held_back = first["clip_duration"], first["held_back"]
    length = "" if seconds is None else f" of {seconds:.4g} s"
    rest = "none held back"
    if held_back is not None:
        rest = f"{held_back['n_clips']} more held back"
    return f"{max(dates)[:10]}, on {first['n_clips']} clips{length}, {rest}"


def _cell(value: Any) -> str:
    """Return a setting as text."""
    if value is None or value != value:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
