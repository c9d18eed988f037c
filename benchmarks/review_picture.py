"""The pictures of the review page in the guide, made by a browser.

Run ``python benchmarks/review_picture.py --sources ESC-10 --out docs/_static`` where
there is a Chromium. Soundscapes are mixed of the recordings, one folder for each class;
their events, some with the name of another class, get scores that tell right ones from
wrong ones but for some. Somebody who knows them judges the first hundred.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Page, sync_playwright

from sklearn_sed.datasets import make_soundscapes
from sklearn_sed.review import write_review

CLASSES = ["Dog_bark", "Rooster", "Baby_cry", "Person_sneeze"]
N_JUDGED = 100
LOOKS = {
    "review.jpg": {
        "viewport": {"width": 1280, "height": 760},
        "color_scheme": "light",
    },
    "review_phone.jpg": {
        "viewport": {"width": 390, "height": 780},
        "color_scheme": "dark",
        "has_touch": True,
    },
}


def find(truth: pd.DataFrame, rng: np.random.RandomState) -> pd.DataFrame:
    """Return events as a detector might find them; `is_right` is the truth."""
    is_right = rng.uniform(size=len(truth)) < 0.7
    other = rng.choice(CLASSES, len(truth))
    is_right |= other == truth["event_label"].to_numpy()
    label = np.where(is_right, truth["event_label"], other)
    score = np.where(is_right, rng.beta(5, 2, len(truth)), rng.beta(2, 4, len(truth)))
    return truth.assign(event_label=label, score=score, is_right=is_right)


def review(page: Page, verdicts: list[bool]) -> None:
    """Judge events as they come, then move an edge and play."""
    page.wait_for_selector("body.ready")
    for is_right in verdicts:
        page.keyboard.press("a" if is_right else "r")
    page.keyboard.press("4")
    page.wait_for_timeout(1500)
    page.keyboard.press("Shift+ ")
    page.wait_for_timeout(700)


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    rng = np.random.RandomState(0)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        scenes = make_soundscapes(
            80,
            sources=args.sources,
            classes=CLASSES,
            events_per_clip=(2, 3),
            random_state=0,
            out_dir=Path(name, "audio"),
        )
        found = [find(table, rng) for table in scenes.y]
        names = [
            f"garden/20240501_05{i // 6:02}{10 * (i % 6):02}.wav"
            for i in range(len(found))
        ]
        out = Path(name, "review")
        shown = write_review(names, found, out, audio=scenes.X, random_state=0)
        truth = pd.concat(
            [table.assign(filename=own) for own, table in zip(names, found)]
        )
        keys = ["filename", "onset", "event_label"]
        verdicts = shown.merge(truth, on=keys)["is_right"].tolist()[:N_JUDGED]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for file, look in LOOKS.items():
            page = browser.new_context(**look).new_page()
            page.goto((out / "review.html").as_uri())
            review(page, verdicts)
            page.screenshot(path=args.out / file, type="jpeg", quality=80)


if __name__ == "__main__":
    main()
