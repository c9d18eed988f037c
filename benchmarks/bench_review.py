"""A review page of thousands of events: its size, how fast it opens and scrolls.

Run ``python benchmarks/bench_review.py`` (some minutes, 1.7 GB of disk), or with
``--events 500`` for a look. It writes recordings of noise with tones, a page of their
events at the defaults, and prints what the page takes on disk and how long writing it
took. Where there is a Chromium, it opens the page as a file, several times, and prints:

- how long it takes until the first event can be judged, from when it is asked for,
- how long a verdict takes until the next event is shown,
- how far apart the frames are while all events are scrolled through,
- the memory of the page's scripts.

Times are those of the clock. Noise takes the most room as a picture.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile

from sklearn_sed.events import make_events
from sklearn_sed.review import write_review

RATE = 32000
PER_RECORDING = 50
SPACING = 5.0  # seconds from one event to the next
SCROLL = """async () => {
    const box = document.querySelector("#cards"), times = [];
    const end = box.scrollHeight - box.clientHeight, n = 300;
    for (let i = 0; i <= n; i++) {
        box.scrollTop = end * i / n;
        times.push(await new Promise(requestAnimationFrame));
    }
    return times.slice(1).map((time, i) => time - times[i]);
}"""
JUDGE = """async () => {
    const times = [];
    for (let i = 0; i < 50; i++) {
        const start = performance.now();
        document.querySelector("#accept").click();
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - start);
    }
    return times;
}"""


def make_recordings(folder: Path, n_events: int) -> tuple[list, list]:
    """Write recordings of noise in which tones of a second are the events."""
    rng = np.random.default_rng(0)
    paths, tables = [], []
    time = np.arange(RATE) / RATE
    for index in range(-(-n_events // PER_RECORDING)):
        n_own = min(PER_RECORDING, n_events - index * PER_RECORDING)
        sound = rng.standard_normal(int(n_own * SPACING * RATE), dtype=np.float32)
        sound *= 0.05
        onsets = np.arange(n_own) * SPACING + rng.uniform(1.2, 2.8, n_own)
        for onset in onsets:
            start = int(onset * RATE)
            pitch = 2 * np.pi * rng.uniform(500, 8000)
            sound[start : start + RATE] += 0.2 * np.sin(pitch * time)
        path = folder / f"unit{index % 3}" / f"20240501_{index:06}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, sound, RATE)
        paths.append(path)
        labels = rng.choice([f"class {i}" for i in range(10)], n_own)
        tables.append(make_events(onsets, onsets + 1, labels, rng.uniform(size=n_own)))
    return paths, tables


def size_of(folder: Path, pattern: str) -> float:
    """Return how many MB files take."""
    return sum(path.stat().st_size for path in folder.rglob(pattern)) / 1e6


def measure_browser(chromium: str, page: Path, n_runs: int) -> None:
    """Print how fast the page is."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        opened = []
        for _ in range(n_runs):
            tab = browser.new_context(
                viewport={"width": 1366, "height": 768}
            ).new_page()
            start = perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector("body.ready")
            opened.append(perf_counter() - start)
        print(
            f"Opening: {np.median(opened):.2f} s, at most {max(opened):.2f} s "
            f"of {n_runs}"
        )
        verdicts = np.array(tab.evaluate(JUDGE))
        print(
            f"A verdict until the next event is there: {np.median(verdicts):.0f} ms, "
            f"95 of 100 within {np.quantile(verdicts, 0.95):.0f} ms"
        )
        frames = np.array(tab.evaluate(SCROLL))
        print(
            f"Scrolling: a frame in {np.median(frames):.0f} ms, 95 of 100 within "
            f"{np.quantile(frames, 0.95):.0f} ms"
        )
        memory = tab.evaluate("performance.memory.usedJSHeapSize") / 1e6
        print(f"Memory of the scripts: {memory:.0f} MB")
        browser.close()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--n-jobs", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, tables = make_recordings(folder, args.events)
        out = folder / "review"
        start = perf_counter()
        page = write_review(paths, tables, out, random_state=0, n_jobs=args.n_jobs)
        seconds = perf_counter() - start
        n_excerpts = page["excerpt"].nunique()
        print(f"Writing {len(page)} events in {n_excerpts} excerpts: {seconds:.0f} s")
        parts = [size_of(out, f"*.{end}") for end in ("mp3", "png", "js")]
        sound, pictures, data = parts
        print(
            f"On disk: {size_of(out, '*'):.0f} MB (sound {sound:.0f}, pictures "
            f"{pictures:.0f}, data and scripts {data:.1f})"
        )
        names = ("chromium", "chromium-browser", "google-chrome")
        chromium = next(filter(None, map(shutil.which, names)), None)
        if chromium is None:
            print("There is no Chromium to open the page")
        else:
            measure_browser(chromium, out / "review.html", args.runs)


if __name__ == "__main__":
    main()
