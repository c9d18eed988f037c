"""The page in a browser: what is done there, kept, saved, and never sent anywhere.

The tests drive a Chromium without a window, with the page opened as a file.
"""

import os
import shutil

import numpy as np
import pandas as pd
import pytest

from sklearn_sed.events import make_events, read_events
from sklearn_sed.review import estimate_precision, write_review
from tests.review._page import read_data, write_recordings, write_sound

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(
        None,
        map(
            shutil.which,
            ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
        ),
    ),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open a page"),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


class Reviewer:
    """Somebody at a page, and all that the browser did meanwhile."""

    def __init__(self, context, out, problems):
        self.context, self.out, self.problems = context, out, problems
        self.open()

    def open(self):
        self.page = self.context.new_page()
        problems = self.problems
        self.page.on("pageerror", lambda error: problems.append(str(error)))
        self.page.on(
            "console",
            lambda said: (
                said.type in ("error", "warning") and problems.append(said.text)
            ),
        )
        self.page.goto((self.out / "review.html").as_uri())
        self.page.wait_for_selector("body.ready")
        return self

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def type(self, text):
        self.page.keyboard.type(text)
        return self

    def choose(self, what, value):
        self.page.select_option(f"#{what}", value)

    def text(self, selector):
        return self.page.locator(selector).first.text_content()

    def current(self, part):
        return self.text(f".card.current {part}")

    @property
    def position(self):
        return int(self.current(".number").split("/")[0])

    def until(self, expression):
        """Wait, from outside: the page evaluates no text as code."""
        for _ in range(200):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(25)
        pytest.fail(f"this did not come true: {expression}")

    def box(self, selector):
        return self.page.locator(f".card.current {selector}").first.bounding_box()

    def drag(self, start, to):
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + to[0]) / 2, start[1])
        mouse.move(*to)
        mouse.up()

    def at(self, share, height=0.25):
        """Return where in the current picture a share of its width is."""
        box = self.box(".picture")
        return box["x"] + share * box["width"], box["y"] + height * box["height"]

    def save(self, path):
        with self.page.expect_download() as download:
            self.press("s")
        download.value.save_as(path)
        return path

    def saved(self, path):
        """Return the saved events as one table."""
        names, tables = read_events(self.save(path))
        parts = [own.assign(filename=name) for name, own in zip(names, tables)]
        return pd.concat(parts, ignore_index=True)

    def load(self, path):
        self.page.set_input_files("#load-file", path)
        self.page.wait_for_selector("#status.shown")


@pytest.fixture
def visit(browser, request):
    """Return a function that opens a page; in the end nothing must have gone wrong."""
    contexts, problems = [], []

    def visit(out, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        asked = lambda request: (  # noqa: E731
            request.url.startswith(("file:", "blob:")) or problems.append(request.url)
        )
        context.on("request", asked)
        context.on("requestfailed", lambda lost: problems.append(f"lost {lost.url}"))
        return Reviewer(context, out, problems)

    yield visit
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the folder of a page of twelve events, and these in suggested order."""
    folder = tmp_path_factory.mktemp("page")
    paths, tables = write_recordings(folder)
    page = write_review(
        paths, tables, folder / "review", classes=["Owl"], random_state=0
    )
    return folder / "review", page, tables


def test_the_whole_way(written, visit, tmp_path):
    out, page, _ = written
    me = visit(out)
    me.page.fill("#reviewer", "Ada")
    me.page.locator("#cards").focus()
    assert me.current(".label") == page["event_label"][0]
    seconds = int(page["onset"][0])
    assert me.current("time") == f"2024-05-01 05:30:{seconds:02}"
    me.press("a", "r", "u")
    me.press("c").type("ow").press("Enter")
    assert me.position == 5
    # An edge is dragged by a third of the picture, which is a second.
    handle = me.box(".handle.offset")
    start = handle["x"] + 5, handle["y"] + handle["height"] / 2
    me.drag(start, (start[0] + me.box(".picture")["width"] / 6, start[1]))
    assert me.current(".badge") == "corrected"
    me.press("j", "a")
    # A missed event is drawn, and one is added by keys.
    me.drag(me.at(0.05), me.at(0.25))
    me.type("new one").press("Enter")
    me.press("4", "4", "Shift+3")
    me.press("m").type("Cat").press("Enter")
    assert me.page.locator(".card.current .box.added").count() == 2
    me.press("Delete")
    assert me.page.locator(".card.current .box.added").count() == 1
    me.press("e")
    assert "First judge the one event" in me.text("#status")
    me.press("r", "k", "e")
    assert "nothing else here" in me.current(".foot")
    me.press("j", "n").type('wind,\tor "rain"?').press("Enter")
    assert me.current(".badge") == "unsure"
    me.press("j", "a", "z")
    assert me.position == 9
    table = me.saved(tmp_path / "reviewed.tsv")
    expected = page[:8].assign(
        verdict=[
            *("accepted", "rejected", "unsure", "corrected", "corrected"),
            *("accepted", "rejected", "unsure"),
        ]
    )
    expected.loc[3, "event_label"] = "Owl"
    assert len(table) == 9
    found = table[table["verdict"] != "added"]
    both = expected.merge(
        found,
        left_on=["filename", "onset"],
        right_on=["filename", "found_onset"],
        suffixes=("", "_saved"),
    )
    assert len(both) == 8
    for name in ("verdict", "event_label", "score", "sampled_by"):
        assert both[name].tolist() == both[f"{name}_saved"].tolist()
    np.testing.assert_allclose(both["onset"], both["onset_saved"], atol=1e-6)
    moved = (both["offset_saved"] - both["offset"]).to_numpy()
    assert moved[4] == pytest.approx(0.5, abs=0.02)
    assert np.delete(moved, 4) == pytest.approx(np.zeros(7), abs=1e-6)
    assert set(table["reviewer"]) == {"Ada"}
    assert both["note"].tolist()[7] == 'wind, or "rain"?'
    assert both["complete"].tolist() == [0] * 6 + [1, 0]
    [added] = table[table["verdict"] == "added"].to_dict("records")
    assert (added["event_label"], added["score"]) == ("new one", 1)
    begin = page["excerpt_onset"][6]
    assert added["onset"] - begin == pytest.approx(0.15, abs=0.03)
    assert added["offset"] - begin == pytest.approx(0.75 + 0.09, abs=0.03)
    assert added["complete"] == 1

    # All of it is there when the page is opened again, and can still be undone.
    first = (tmp_path / "reviewed.tsv").read_bytes()
    me.page.close()
    me.open()
    assert me.text("#progress-text") == "8 of 12 judged, 1 added"
    assert me.position == 9
    assert me.save(tmp_path / "again.tsv").read_bytes() == first
    # The file brings it to another browser.
    other = visit(out)
    assert other.text("#progress-text") == "0 of 12 judged"
    other.load(tmp_path / "reviewed.tsv")
    assert other.text("#progress-text") == "8 of 12 judged, 1 added"
    assert other.save(tmp_path / "other.tsv").read_bytes() == first
    other.press("z")
    assert other.text("#progress-text") == "0 of 12 judged"
    for _ in range(20):
        me.press("z")
    assert me.text("#progress-text") == "0 of 12 judged"
    none = me.save(tmp_path / "none.tsv")
    assert none.read_text().count("\n") == 1
    assert read_events(none)[0] == []


def test_what_is_out_of_sight_is_not_judged(written, visit):
    me = visit(written[0])
    me.page.evaluate("document.querySelector('#cards').scrollTop = 1e6")
    me.page.wait_for_timeout(100)
    me.press("a")
    assert me.text("#progress-text") == "0 of 12 judged"
    assert me.position == 1
    me.press("a")
    assert me.text("#progress-text") == "1 of 12 judged"


def test_a_click_plays(written, visit):
    me = visit(written[0])
    second = me.page.locator(".card").nth(1)
    second.locator(".box.own").click()
    me.until("Player.isPlaying()")
    assert me.position == 2
    me.until("!Player.isPlaying()")
    assert 1.95 < me.page.evaluate("Player.audio.currentTime") < 2.7
    me.page.mouse.click(*me.at(0.8))
    me.until("Player.isPlaying()")
    assert 2.3 < me.page.evaluate("Player.audio.currentTime") <= 3.0
    assert me.text("#progress-text") == "0 of 12 judged"


def test_keys_alone_move_edges(written, visit, tmp_path):
    out, page, _ = written
    me = visit(out)
    me.press("1", "1", "2", "Shift+2", "4", "Shift+3")
    me.press("j", "j")
    me.page.locator(".card.current .handle.onset").focus()
    me.press("ArrowLeft", "ArrowLeft", "Shift+ArrowRight")
    table = me.saved(tmp_path / "reviewed.tsv").set_index("found_onset")
    assert set(table["verdict"]) == {"corrected"}
    rows = page.merge(
        table,
        left_on=["filename", "onset"],
        right_on=["filename", "found_onset"],
        suffixes=("", "_saved"),
    )
    np.testing.assert_allclose(rows["onset_saved"] - rows["onset"], [-0.04, -0.09])
    np.testing.assert_allclose(rows["offset_saved"] - rows["offset"], [0.04, 0])


def test_an_edge_stays_in_the_excerpt_and_behind_the_other(written, visit, tmp_path):
    out, page, _ = written
    me = visit(out)
    handle = me.box(".handle.onset")
    start = handle["x"] + handle["width"] - 4, handle["y"] + 60
    me.drag(start, (5, start[1]))
    me.press("j")
    handle = me.box(".handle.offset")
    start = handle["x"] + 4, handle["y"] + 60
    me.drag(start, (5, start[1]))
    table = me.saved(tmp_path / "reviewed.tsv").sort_values("judged_at", kind="stable")
    rows = page[:2].merge(
        table,
        left_on=["filename", "onset"],
        right_on=["filename", "found_onset"],
        suffixes=("", "_saved"),
    )
    assert rows["onset_saved"][0] == pytest.approx(page["excerpt_onset"][0])
    assert rows["offset_saved"][1] == pytest.approx(page["onset"][1] + 0.01)


def test_sound_is_that_of_the_event_at_the_speed_asked_for(written, visit):
    out, page, _ = written
    me = visit(out)

    me.page.evaluate(
        """() => {
            window.heard = [];
            for (const name of ["playing", "pause"]) {
                Player.audio.addEventListener(name, () =>
                    window.heard.push(Player.audio.currentTime));
            }
        }"""
    )

    def heard(*keys):
        """Return where the sound began and, when it is over, where it ended."""
        me.page.evaluate("() => { window.heard = []; }")
        me.press(*keys)
        me.until("window.heard.length === 2")
        return me.page.evaluate("window.heard")

    assert page["onset"][0] - page["excerpt_onset"][0] == 1.0
    first, last = heard(" ")
    assert first == pytest.approx(1.0, abs=0.05)
    assert 1.95 < last < 2.7  # later where the machine is busy
    assert not me.page.locator(".card.current .cursor").is_hidden()
    first, last = heard("Shift+ ")
    assert first < 0.1
    assert last == pytest.approx(3.0, abs=0.1)
    me.press("h")
    assert me.text("#speed-text") == "½ ×"
    first, last = heard(" ")
    assert first == pytest.approx(1.0, abs=0.05)
    assert 1.95 < last < 2.7
    assert me.page.evaluate("Player.audio.playbackRate") == 0.5
    assert me.page.evaluate("Player.audio.preservesPitch") is False
    me.press(" ")
    me.until("Player.isPlaying()")
    me.press(" ")
    assert not me.page.evaluate("Player.isPlaying()")


def test_moving_on_plays_where_wanted(written, visit):
    me = visit(written[0])
    me.page.evaluate("Player.audio.muted = true")
    me.press("a")
    assert not me.page.evaluate("Player.isPlaying()")
    me.page.check("#autoplay")
    me.page.locator("#cards").focus()
    me.press("a")
    me.until("Player.isPlaying()")


def test_ultrasound_plays_slowly_and_times_are_of_the_recording(visit, tmp_path):
    path = write_sound(tmp_path / "bat.wav", 3.0, 250000, tone=40000.0)
    events = make_events([1.0], [1.2], ["Bat"], [0.7])
    write_review([path], [events], tmp_path / "review", pad=0.5)
    me = visit(tmp_path / "review")
    assert "plays at 1/10 speed" in me.current(".foot")
    assert "0:01.00 – 0:01.20" in me.current(".foot")
    assert me.text("#speed-text") == "1/10 ×"
    me.press(" ")
    me.until("Player.isPlaying()")
    assert 4.9 < me.page.evaluate("Player.audio.currentTime") < 7.1
    assert me.page.evaluate("Player.audio.playbackRate") == 1
    me.press("h", "h")
    assert me.text("#speed-text") == "1 ×"
    assert me.page.evaluate("Player.audio.playbackRate") == 10
    me.press("4")
    assert me.saved(tmp_path / "r.tsv")["offset"].tolist() == [1.25]


def test_by_which_order_an_event_was_judged(written, visit, tmp_path):
    out, page, _ = written
    me = visit(out)
    me.press("a", "j", "a", "a")  # the second is passed over, which is seen
    me.press("k", "k", "k", "a")
    cards = me.page.locator(".card")
    me.choose("order", "score")
    me.page.locator("#cards").focus()
    me.press("a")
    me.choose("recording-filter", "0")
    me.page.locator("#cards").focus()
    me.press("a")
    me.choose("recording-filter", "")
    me.choose("order", "random")
    me.page.mouse.move(600, 400)
    me.page.mouse.wheel(0, 100000)
    me.page.wait_for_timeout(200)
    last = cards.last
    last.click(position={"x": 20, "y": 10})
    me.press("a")
    table = me.saved(tmp_path / "r.tsv").sort_values("judged_at", kind="stable")
    first = page[:4]["sampled_by"].value_counts().to_dict()
    counts = table["sampled_by"].value_counts().to_dict()
    assert counts.pop("score") == 1
    assert counts.pop("free") == 2
    assert counts == first


def test_precision_is_that_of_python(visit, tmp_path):
    rng = np.random.default_rng(0)
    path = write_sound(tmp_path / "a.wav", 130.0, 8000)
    onset = np.arange(1, 121)
    score = rng.uniform(size=120).round(3)
    events = make_events(onset, onset + 0.5, ["Dog"] * 120, score)
    out = tmp_path / "review"
    page = write_review([path], [events], out, pad=0.2, random_state=0)
    me = visit(out)
    assert me.text(".right") == "too few: 0 of 10 audited"
    is_right = rng.uniform(size=120) < page["score"]
    for right in is_right[:70]:
        me.press("a" if right else "r")
    _, reviewed = read_events(me.save(tmp_path / "r.tsv"))
    compared = 0
    for threshold in (0.0, 0.3, 0.5, 0.75, 0.98):
        me.page.evaluate(
            """(value) => {
                const slide = document.querySelector("#classes input");
                slide.value = value;
                slide.dispatchEvent(new Event("input"));
            }""",
            threshold,
        )
        dog = estimate_precision(
            [events], reviewed, threshold=threshold, random_state=0
        )["Dog"]
        told = me.page.evaluate("(t) => Model.assess(0, t)", threshold)
        assert told["nEvents"] == dog.n_events
        assert told["nAudit"] == dog.n_audit
        assert me.text(".stay") == f"{dog.n_events} of 120 stay"
        if dog.value is None:
            assert told["value"] is None
            assert me.text(".right").startswith("too few")
            continue
        compared += 1
        assert told["value"] == pytest.approx(dog.value, abs=1e-9)
        assert told["low"] == pytest.approx(dog.low, abs=0.02)
        assert told["high"] == pytest.approx(dog.high, abs=0.02)
        assert me.text(".right").startswith(f"{100 * dog.value:.0f} % right")
    assert compared >= 3


def test_what_is_not_kept_is_told_until_it_is_saved(written, visit, tmp_path):
    me = visit(written[0])
    me.press("a")
    assert me.page.locator(".banner").count() == 0
    me.page.evaluate(
        """() => {
            IDBObjectStore.prototype.put = () => { throw new Error("full"); };
            Storage.prototype.setItem = () => { throw new Error("full"); };
        }"""
    )
    me.press("a")
    me.page.wait_for_selector("#unkept")
    assert "Not saved" in me.text("#unkept")
    me.press("r", "z", "j", "k")
    me.page.wait_for_timeout(5500)  # longer than what is only said
    assert me.page.locator("#unkept").is_visible()
    with me.page.expect_download() as download:
        me.page.click("#unkept button")
    download.value.save_as(tmp_path / "r.tsv")
    assert len(read_events(tmp_path / "r.tsv")[0]) > 0
    assert me.page.locator("#unkept").count() == 0
    me.press("a")
    me.page.wait_for_selector("#unkept")


def test_without_a_database_the_other_store_keeps_all(written, visit):
    out, _, _ = written
    me = visit(out)
    me.context.add_init_script("IDBFactory.prototype.open = () => { throw 0; };")
    me.page.close()
    me.open()
    me.press("a", "a", "r", "z")
    assert me.page.locator(".banner").count() == 0
    me.page.close()
    me.open()
    assert me.text("#progress-text") == "2 of 12 judged"


def test_a_second_tab_is_told_in_both(written, visit):
    me = visit(written[0])
    first = me.page
    me.open()
    me.page.wait_for_selector("#tabs")
    first.wait_for_selector("#tabs")


def test_another_review_does_not_mix_in(written, visit, tmp_path):
    out, _, tables = written
    me = visit(out)
    me.press("a", "a")
    paths, _ = write_recordings(tmp_path)
    write_review(paths, tables, tmp_path / "review")
    me.out = tmp_path / "review"
    me.open()
    assert me.text("#progress-text") == "0 of 12 judged"
    assert me.page.locator(".banner").count() == 0


def test_a_saved_table_loads_into_a_page_that_was_written_anew(visit, tmp_path):
    paths, tables = write_recordings(tmp_path)
    out = tmp_path / "review"
    write_review(paths, tables, out, random_state=0)
    me = visit(out)
    me.press("a", "r", "4", "m").type("Cat").press("Enter")
    me.page.wait_for_selector(".card.current .box.added")
    me.save(tmp_path / "r.tsv")
    lost = (tmp_path / "r.tsv").read_text().replace("unit0", "elsewhere")
    (tmp_path / "lost.tsv").write_text(lost)
    write_review(paths, tables, out, random_state=5, pad=0.8, overwrite=True)
    other = visit(out)
    other.load(tmp_path / "r.tsv")
    assert other.text("#progress-text") == "3 of 12 judged, 1 added"
    n_lost = lost.count("elsewhere")
    other.load(tmp_path / "lost.tsv")
    if n_lost:
        assert f"{n_lost} rows of lost.tsv" in other.text("#unknown")
    (tmp_path / "odd.tsv").write_text("filename\tonset\n")
    other.page.set_input_files("#load-file", tmp_path / "odd.tsv")
    other.page.wait_for_selector("#unread")


def test_filters_and_orders(written, visit):
    out, page, _ = written
    me = visit(out)
    me.choose("class-filter", "0")
    assert me.current(".label") == "Cat"
    assert me.current(".number") == "1/3"
    me.page.locator("#cards").focus()
    me.press("r")
    me.choose("status-filter", "rejected")
    assert me.current(".number") == "1/1"
    me.choose("status-filter", "open")
    assert me.current(".number") == "1/2"
    me.choose("status-filter", "note")
    assert me.page.locator(".card").count() == 0
    me.page.locator("#cards").focus()
    me.press("a", "j", " ", "m", "4", "n", "e", "c", "x")  # nothing to do it to
    assert me.page.locator("dialog[open]").count() == 0
    me.choose("status-filter", "")
    me.choose("class-filter", "")
    me.choose("order", "score")
    scores = sorted(page["score"], reverse=True)
    me.page.evaluate("document.querySelector('#cards').scrollTop = 0")
    me.page.wait_for_timeout(100)
    assert me.text(".card[aria-current] .score") == f"{scores[0]:.2f}"
    me.choose("order", "time")
    assert me.current(".number") == "1/12"


def test_all_that_is_shown_at_once(written, visit, tmp_path):
    me = visit(written[0])
    me.press("a")
    me.choose("class-filter", "1")
    me.page.click("#bulk-reject")
    table = me.saved(tmp_path / "r.tsv")
    assert set(table.loc[table["verdict"] == "rejected", "event_label"]) == {"Dog"}
    assert (table["verdict"] == "rejected").sum() >= 8
    me.press("z")
    assert me.text("#progress-text") == "1 of 12 judged"


def test_a_confirmed_example(written, visit):
    me = visit(written[0])
    me.choose("class-filter", "1")
    me.page.locator("#cards").focus()
    me.press("x")
    assert "No other Dog is confirmed yet" in me.text("#status")
    me.press("a", "x")
    assert me.page.locator("#example").is_visible()
    me.until("Player.isPlaying()")
    me.press("x")
    assert not me.page.locator("#example").is_visible()


def test_blind(visit, tmp_path):
    paths, tables = write_recordings(tmp_path)
    page = write_review(paths, tables, tmp_path / "review", blind=True, random_state=0)
    me = visit(tmp_path / "review")
    assert me.current(".label") == "?"
    assert me.page.locator(".card.current .score").count() == 0
    assert page["event_label"][0] not in me.page.locator("#cards").inner_html()
    for label, badge in ((page["event_label"][0], "accepted"), ("Owl", "corrected")):
        me.press("a").type(label).press("Enter")
        me.press("k")
        assert me.current(".badge") == badge
        assert me.current(".label") == label
        me.press("j")
    me.press("r", "k")
    assert me.current(".label") == page["event_label"][2]


HOSTILE = [
    *("</script><script>window.hurt = 1</script>", "<img src=x onerror='hurt = 1'>"),
    *('a\tb "c"', "__proto__", "\u202eevil", "${hurt = 1}", "'\"><svg onload=hurt=1>"),
]


def test_hostile_names_do_no_harm(visit, tmp_path):
    path = write_sound(tmp_path / "a.wav")
    n = len(HOSTILE)
    events = make_events([1.0] * n, [2.0] * n, np.array(HOSTILE, object), [0.5] * n)
    names = [f"../{name}.wav" for name in HOSTILE]
    page = write_review(
        names, [events] * n, tmp_path / "review", audio=[path] * n, random_state=0
    )
    me = visit(tmp_path / "review")
    assert me.current(".label") == page["event_label"][0]
    for key in ("a", "r", "4"):
        me.press(key)
    me.press("m").type("<b>").press("Enter")
    me.press("c").type("__pro").press("Enter")
    me.press("x", "n").type("<i>").press("Enter")
    assert me.page.evaluate("window.hurt") is None
    assert (
        me.page.locator("#app b, #app i, #app svg, .card img:not([src*=png])").count()
        == 0
    )
    table = me.saved(tmp_path / "r.tsv")
    assert set(table["filename"]) <= set(names)
    assert set(table["found_label"].dropna()) <= set(HOSTILE)
    other = visit(tmp_path / "review")
    other.load(tmp_path / "r.tsv")
    again = other.save(tmp_path / "again.tsv")
    assert again.read_bytes() == (tmp_path / "r.tsv").read_bytes()


def test_a_page_without_its_folder_says_so(written, browser, tmp_path):
    out, _, _ = written
    shutil.copy(out / "review.html", tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / "review.html").as_uri())
    assert "is not beside this page" in page.text_content("body")
    shutil.copytree(out / "review_files", tmp_path / "review_files")
    (tmp_path / "review_files" / "data-001.js").unlink()
    page.reload()
    page.wait_for_selector("text=data-001.js is missing")
    page.close()


def test_a_phone(written, visit, tmp_path):
    out, _, _ = written
    phone = {"width": 360, "height": 720}
    me = visit(out, viewport=phone, has_touch=True, is_mobile=True)
    width = me.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    for name in ("reject", "unsure", "accept", "play", "save", "panel-toggle"):
        box = me.page.locator(f"#{name}").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["height"] >= 32
    me.page.tap("#accept")
    me.page.tap("#panel-toggle")
    assert me.page.locator("#classes").is_visible()
    me.page.tap("#accept")  # shows the event, which is not judged unseen
    assert not me.page.locator("#classes").is_visible()
    assert me.text("#progress-text") == "1 of 12 judged"
    # A finger drags the edge.
    handle = me.box(".handle.offset")
    assert handle["width"] >= 40
    x, y = handle["x"] + 8, handle["y"] + handle["height"] / 2
    touch = me.context.new_cdp_session(me.page)
    for kind, to in (("touchStart", x), ("touchMove", x + 20), ("touchMove", x + 40)):
        points = [{"x": to, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert me.current(".badge") == "corrected"
    table = me.saved(tmp_path / "r.tsv")
    [moved] = table[table["verdict"] == "corrected"].to_dict("records")
    share = 40 / me.box(".picture")["width"]
    assert moved["offset"] - moved["found_offset"] == pytest.approx(3 * share, abs=0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(scheme, written, visit):
    me = visit(written[0], color_scheme=scheme)
    text, behind = me.page.evaluate(
        """() => {
            const style = getComputedStyle(document.querySelector(".card .inner"));
            const brightness = (colour) =>
                colour.match(/\\d+/g).slice(0, 3)
                    .reduce((sum, part) => sum + Number(part), 0) / 765;
            return [style.color, style.backgroundColor].map(brightness);
        }"""
    )
    assert (text < behind) == (scheme == "light")
    assert abs(text - behind) > 0.6


def test_only_what_is_in_view_is_there(visit, tmp_path):
    n = 3000
    path = write_sound(tmp_path / "a.wav", 600.0, 8000)
    rng = np.random.default_rng(0)
    onset = np.sort(rng.uniform(1, 598, n))
    events = make_events(
        onset, onset + 0.5, rng.choice(["a", "b"], n), rng.uniform(size=n)
    )
    write_review([path], [events], tmp_path / "review", random_state=0)
    head, rows, _ = read_data(tmp_path / "review")
    assert (head["nFiles"], len(rows)) == (3, n)
    me = visit(tmp_path / "review")
    assert me.text("#progress-text") == f"0 of {n} judged"
    seen = me.page.evaluate(
        """async () => {
            const box = document.querySelector("#cards"), counts = [];
            for (let i = 0; i < 60; i++) {
                box.scrollTop = box.scrollHeight * i / 60;
                await new Promise(requestAnimationFrame);
                counts.push(document.querySelectorAll(".card").length);
            }
            return counts;
        }"""
    )
    assert max(seen) < 20
    assert min(seen) >= 3
