"use strict";
// The page: what keys and pointers do to the events, and what is kept.

const Page = (() => {
  const NUDGE = { big: 0.05, small: 0.01 }; // seconds
  const SHORTEST = 0.01, NEW_LENGTH = 0.5;
  const AROUND = 0.3; // seconds heard on each side of an edge that was moved
  let current = 0; // position in the list
  let active = null; // the added event whose edges are moved; null: the event's own
  let settings = {};
  let cursor = null; // where sound is or was last
  const cards = new Map(); // by position
  const height = () => parseFloat(getComputedStyle($("rows")).getPropertyValue("--card"));

  const event = () => Walk.list[current];
  const { excerptOf, shownOf, isHidden } = Cards;

  // What is where ---------------------------------------------------------------------

  // The event of which the edges are moved: its times, and how they are changed.
  function activeBox() {
    const added = active !== null && Model.state.added.get(active);
    return added || shownOf(event());
  }

  function arrange() {
    const { order, label, recording, status } = settings;
    Walk.arrange({ order, label, recording, status });
    for (const card of cards.values()) card.remove();
    cards.clear();
    $("rows").style.height = `${Walk.list.length * height()}px`;
    const open = Walk.nextOpen(-1);
    go(Math.max(0, open), { quiet: true, center: false });
    $("rows").classList.toggle("empty", !Walk.list.length);
  }

  function render() {
    const box = $("cards"), size = height();
    const first = Math.max(0, Math.floor(box.scrollTop / size) - 2);
    const last = Math.min(Walk.list.length - 1,
      Math.ceil((box.scrollTop + box.clientHeight) / size) + 2);
    for (const [position, card] of cards) {
      if (position < first || position > last) {
        card.remove();
        cards.delete(position);
      }
    }
    for (let position = first; position <= last; position++) {
      if (!cards.has(position)) addCard(position);
    }
  }

  function addCard(position) {
    const card = Cards.make(Walk.list[position]);
    card.style.transform = `translateY(${position * height()}px)`;
    // Before what is in the card hears of it.
    card.addEventListener("pointerdown", () => {
      if (position !== current) go(position, { quiet: true, center: false });
    }, { capture: true });
    cards.set(position, card);
    fill(position);
    $("rows").append(card);
  }

  function fill(position) {
    const isCurrent = position === current;
    Cards.fill(cards.get(position), Walk.list[position], {
      number: `${position + 1}/${Walk.list.length}`, isCurrent,
      active: isCurrent ? active : null, cursor: isCurrent ? cursor : null,
    });
  }

  // Shows again what is on the screen, and all numbers.
  function refresh() {
    for (const position of cards.keys()) fill(position);
    const one = event();
    const isComplete = Boolean(one && Model.state.complete.has(one.excerpt));
    $("nothing-else").setAttribute("aria-pressed", isComplete);
    $("undo").disabled = !Model.log.length;
    for (const button of document.querySelectorAll(".actions button")) {
      if (button.id !== "undo") button.disabled = !one;
    }
    showProgress();
    showSpeed();
  }

  // Going through the list ---------------------------------------------------------------

  function go(position, { quiet = false, center = true } = {}) {
    if (!Walk.list.length) {
      current = 0;
      render();
      refresh();
      return;
    }
    Player.stop();
    current = Math.min(Math.max(position, 0), Walk.list.length - 1);
    active = null;
    cursor = null;
    Walk.visit(current);
    scrollToCurrent(center);
    render();
    refresh();
    Player.load(excerptOf(event()));
    if (settings.autoplay && !quiet) hear("event");
  }

  const goForth = () => go(current + 1);
  const goBack = () => go(current - 1);

  function scrollToCurrent(center) {
    const box = $("cards"), size = height(), top = current * size;
    if (center) {
      box.scrollTop = top - Math.max(0, (box.clientHeight - size) / 3);
    } else if (top < box.scrollTop || top + size > box.scrollTop + box.clientHeight) {
      box.scrollTop = Math.min(top, Math.max(top + size - box.clientHeight, top - size / 4));
    }
  }

  function goOn() {
    const open = Walk.nextOpen(current);
    if (open < 0) {
      refresh();
      say("All events of this list are judged.");
    } else {
      go(open);
    }
  }

  // Sound ------------------------------------------------------------------------------

  const choicesOfSpeed = (slowed) =>
    slowed === 1 ? [1, 0.5] : [1 / slowed, 0.5 / slowed, slowed > 16 ? 10 / slowed : 1];

  function speed() {
    const choices = choicesOfSpeed(event() ? excerptOf(event()).slowed : 1);
    return choices[(settings.speed ?? 0) % choices.length];
  }

  function nextSpeed() {
    const choices = choicesOfSpeed(excerptOf(event()).slowed);
    settings.speed = ((settings.speed ?? 0) + 1) % choices.length;
    keepSettings();
    Player.setSpeed(speed());
    showSpeed();
  }

  function showSpeed() {
    const value = speed();
    const text = value === 0.5 ? "½ ×" : value >= 1 ? "1 ×" : `1/${Math.round(1 / value)} ×`;
    $("speed-text").textContent = text;
  }

  function hear(what) {
    const excerpt = excerptOf(event()), box = activeBox();
    const [from, to] = what === "event"
      ? [box.onset, Math.max(box.offset, box.onset + 0.05)]
      : [excerpt.start, excerpt.end];
    Player.play(excerpt, from, to, speed());
  }

  function playOrStop(what) {
    if (Player.isPlaying()) Player.stop();
    else hear(what);
  }

  // Verdicts -----------------------------------------------------------------------------

  const reviewer = () => settings.reviewer ?? "";
  const byWhat = () => ({ by: Walk.sampledBy(current), reviewer: reviewer() });

  async function commit(changes) {
    const done = Model.commit(changes, event()?.index);
    countChange();
    try {
      await done;
    } catch {
      showUnkept();
    }
  }

  function judge(verdict) {
    const one = event();
    if (verdict === "accepted" && isHidden(one)) {
      askClass("What is it?", (label) => relabel(one, label));
      return;
    }
    commit([Model.judge(one, verdict, byWhat())]);
    goOn();
  }

  function relabel(one, label) {
    commit([Model.judge(one, "accepted", { change: { label }, ...byWhat() })]);
    goOn();
  }

  function setTimes(change) {
    const one = event();
    if (active === null) commit([Model.judge(one, "accepted", { change, ...byWhat() })]);
    else commit([Model.changeAdded(active, change)]);
    refresh();
  }

  function addMissed(onset, offset) {
    const one = event(), excerpt = excerptOf(one);
    askClass("Which class was missed?", (label) => {
      const change = Model.addEvent(one.excerpt, onset, offset, label, reviewer());
      active = change[1];
      commit([change]);
      refresh();
      Player.play(excerpt, onset, offset, speed());
      say(`${label} is added: 1 to 4 move its edges, Del takes it out.`);
    });
  }

  function askClass(title, callback) {
    Player.stop();
    ClassSearch.ask(title, callback);
  }

  // Where the sound is or was last, else behind the event.
  function missedHere() {
    const excerpt = excerptOf(event()), shown = shownOf(event());
    const length = Math.min(NEW_LENGTH, excerpt.duration);
    const wanted = cursor ?? shown.offset;
    const onset = Math.max(excerpt.start, Math.min(wanted, excerpt.end - length));
    addMissed(onset, onset + length);
  }

  function dropAdded(number) {
    if (number === null) return;
    if (active === number) active = null;
    commit([Model.changeAdded(number, null)]);
    refresh();
  }

  function nextBox() {
    const numbers = [null, ...Model.addedIn(event().excerpt).map(([number]) => number)];
    active = numbers[(numbers.indexOf(active) + 1) % numbers.length];
    refresh();
    hear("event");
  }

  function toggleComplete() {
    const one = event();
    const isComplete = Model.state.complete.has(one.excerpt);
    const open = excerptOf(one).events.filter(Model.isOpen).length;
    if (!isComplete && open) {
      const events = open === 1 ? "one event" : `${open} events`;
      say(`First judge the ${events} of this excerpt without a verdict.`);
      return;
    }
    commit([Model.setComplete(one.excerpt, !isComplete)]);
    refresh();
  }

  function judgeAll(verdict) {
    const open = Walk.list.filter(Model.isOpen);
    if (!open.length) return;
    const how = { by: "free", reviewer: reviewer() };
    commit(open.map((one) => Model.judge(one, verdict, how)));
    refresh();
    say(`${open.length} events are ${verdict}. Undo takes all of it back.`);
  }

  async function undo() {
    const undone = Model.undo();
    if (!undone) {
      say("There is nothing to undo.");
      return;
    }
    countChange();
    const position = Walk.list.findIndex((one) => one.index === undone.action.focus);
    if (position >= 0) go(position, { quiet: true });
    else refresh();
    try {
      await undone.done;
    } catch {
      showUnkept();
    }
  }

  // Edges -----------------------------------------------------------------------------

  function limited(edge, seconds, box, excerpt) {
    return edge === "onset"
      ? Math.max(excerpt.start, Math.min(seconds, box.offset - SHORTEST))
      : Math.min(Math.max(excerpt.end, box.offset), Math.max(seconds, box.onset + SHORTEST));
  }

  function nudge(edge, direction, isSmall) {
    const box = activeBox(), excerpt = excerptOf(event());
    const step = isSmall ? NUDGE.small : NUDGE.big;
    const seconds = limited(edge, box[edge] + direction * step, box, excerpt);
    setTimes({ [edge]: seconds });
    hearAround(seconds);
  }

  function hearAround(seconds) {
    const excerpt = excerptOf(event());
    Player.play(excerpt, seconds - AROUND, Math.min(seconds + AROUND, excerpt.end), speed());
  }

  function drag(press, handle, edge) {
    press.preventDefault();
    press.stopPropagation();
    const box = activeBox(), excerpt = excerptOf(event()), shown = handle.parentElement;
    const picture = shown.closest(".picture").getBoundingClientRect();
    const before = box[edge];
    let seconds = before;
    const move = (moved) => {
      const wanted = before + (moved.clientX - press.clientX) / picture.width * excerpt.duration;
      seconds = limited(edge, wanted, box, excerpt);
      const at = { onset: box.onset, offset: box.offset, [edge]: seconds };
      Cards.setBox(shown, excerpt, at.onset, at.offset);
    };
    track(press, handle, move, (isDone) => {
      if (!isDone || seconds === before) {
        refresh();
        return;
      }
      setTimes({ [edge]: seconds });
      hearAround(seconds);
    });
  }

  // A click in the picture plays from there; drawing over it makes an event.
  function draw(press, picture, one) {
    if (press.button || event() !== one) return;
    const chosen = press.target.closest(".box.added");
    const excerpt = excerptOf(one), frame = picture.getBoundingClientRect();
    const at = (moved) => excerpt.start
      + Math.min(1, Math.max(0, (moved.clientX - frame.left) / frame.width)) * excerpt.duration;
    const from = at(press), box = element("div", "box drawn");
    let to = from, isDrawn = false;
    const move = (moved) => {
      if (!isDrawn && Math.abs(moved.clientX - press.clientX) < 8) return;
      if (!isDrawn) picture.querySelector(".boxes").append(box);
      isDrawn = true;
      to = at(moved);
      Cards.setBox(box, excerpt, Math.min(from, to), Math.max(from, to));
    };
    track(press, picture, move, (isDone) => {
      box.remove();
      if (!isDone) return;
      if (isDrawn && Math.abs(to - from) >= SHORTEST) {
        addMissed(Math.min(from, to), Math.max(from, to));
      } else if (chosen) {
        active = Number(chosen.dataset.number);
        refresh();
        hear("event");
      } else if (press.target.closest(".box.own")) {
        active = null;
        refresh();
        playOrStop("event");
      } else {
        Player.play(excerpt, from, excerpt.end, speed());
      }
    });
  }

  function track(press, target, move, end) {
    target.setPointerCapture(press.pointerId);
    const stop = (last) => {
      target.removeEventListener("pointermove", move);
      target.removeEventListener("pointerup", stop);
      target.removeEventListener("pointercancel", stop);
      end(last.type === "pointerup");
    };
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", stop);
    target.addEventListener("pointercancel", stop);
  }

  // Notes and examples ---------------------------------------------------------------------

  function writeNote() {
    Player.stop();
    $("note-text").value = Model.verdictOf(event())?.note ?? "";
    $("note-dialog").returnValue = "";
    $("note-dialog").showModal();
    $("note-text").focus();
  }

  function takeNote() {
    if ($("note-dialog").returnValue !== "ok") return;
    const one = event(), note = $("note-text").value.trim().replace(/\s+/g, " ");
    const verdict = Model.verdictOf(one);
    if (note === (verdict?.note ?? "")) return;
    const kind = !verdict || verdict.verdict === "unsure" ? "unsure"
      : verdict.verdict === "rejected" ? "rejected" : "accepted";
    commit([Model.judge(one, kind, { note, ...byWhat() })]);
    refresh();
    if (!verdict) say("An event with a note alone is kept as unsure.");
  }

  function compare() {
    const one = event(), { label } = shownOf(one);
    const example = isHidden(one) ? null : Model.exampleOf(label, one);
    if (!example) {
      $("example").hidden = true;
      say(isHidden(one) ? "The class is hidden." : `No other ${label} is confirmed yet.`);
      return;
    }
    const excerpt = excerptOf(example), at = shownOf(example);
    const image = element("img");
    image.src = `review_files/excerpts/${excerpt.name}.png`;
    image.alt = "";
    $("example").querySelector(".picture").replaceChildren(
      image, Cards.makeBox("own", at, excerpt, at.label));
    $("example-text").textContent = `A confirmed ${label}`;
    $("example").hidden = false;
    Player.play(excerpt, at.onset, at.offset, choicesOfSpeed(excerpt.slowed)[0]);
  }

  function closeExample() {
    $("example").hidden = true;
    Player.stop();
  }

  // Numbers --------------------------------------------------------------------------------

  function showProgress() {
    const total = Model.events.length, judged = Model.state.verdicts.size;
    $("progress").max = total || 1;
    $("progress").value = judged;
    $("progress-text").textContent = `${judged} of ${total} judged`
      + (Model.state.added.size ? `, ${Model.state.added.size} added` : "");
    const n = settings.nChanges ?? 0;
    $("saved-text").textContent = n
      ? `${n} ${n === 1 ? "change" : "changes"} since the last save` : "";
    ClassPanel.show();
  }

  // What is kept and saved --------------------------------------------------------------------

  function countChange() {
    settings.nChanges = (settings.nChanges ?? 0) + 1;
    keepSettings();
  }

  function keepSettings() {
    Store.settings.write(settings);
  }

  let toast = 0;

  function say(text) {
    $("status").textContent = text;
    $("status").classList.add("shown");
    clearTimeout(toast);
    toast = setTimeout(() => $("status").classList.remove("shown"), 5000);
  }

  // Tells something that lasts until it is dealt with.
  function banner(id, text, kind, action) {
    $(id)?.remove();
    const made = element("div", `banner ${kind}`);
    made.id = id;
    made.append(element("span", "", text));
    if (action) {
      const button = element("button", "", action[0]);
      button.type = "button";
      button.addEventListener("click", action[1]);
      made.append(button);
    }
    $("banners").append(made);
    layout();
  }

  function closeBanner(id) {
    $(id)?.remove();
    layout();
  }

  function showUnkept() {
    banner("unkept", "Not saved: this browser does not keep your work. Download it now, "
      + "and again before you close the page.", "bad", ["Download", save]);
  }

  function save() {
    const who = reviewer().replace(/[^\p{L}\p{N}_-]+/gu, "_");
    const when = new Date(Date.now() - 60000 * new Date().getTimezoneOffset())
      .toISOString().slice(0, 16).replace("T", "_").replace(":", "");
    const link = element("a");
    const blob = new Blob([Model.table()], { type: "text/tab-separated-values" });
    link.href = URL.createObjectURL(blob);
    link.download = ["reviewed", who, when].filter(Boolean).join("_") + ".tsv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    settings.nChanges = 0;
    keepSettings();
    Model.forgetUnkept();
    closeBanner("unkept");
    showProgress();
    say("The table is in your downloads.");
  }

  async function loadFile(file) {
    try {
      const { changes, unknown, nRows } = Model.read(await file.text());
      if (changes.length) await commit(changes);
      arrange();
      say(`${nRows - unknown} rows of ${file.name} are taken; ${changes.length} changes.`);
      if (unknown) {
        banner("unknown", `${unknown} rows of ${file.name} are about no event of this page `
          + "and are not taken.", "warn", ["Close", () => closeBanner("unknown")]);
      }
    } catch (error) {
      banner("unread", `${file.name} could not be loaded: ${error.message}.`, "bad",
        ["Close", () => closeBanner("unread")]);
    }
  }

  function showHelp() {
    $("help").showModal();
    $("help").scrollTop = 0; // not where its button is
  }

  // Keys and pointers -----------------------------------------------------------------------

  const KEYS = {
    a: () => judge("accepted"),
    r: () => judge("rejected"),
    u: () => judge("unsure"),
    c: () => askClass("Which class is it?", (label) => relabel(event(), label)),
    j: goForth, ArrowDown: goForth, ArrowRight: goForth,
    k: goBack, ArrowUp: goBack, ArrowLeft: goBack,
    z: undo,
    p: () => playOrStop("context"),
    h: nextSpeed,
    m: missedHere,
    t: nextBox,
    e: toggleComplete,
    n: writeNote,
    x: () => ($("example").hidden ? compare() : closeExample()),
    s: save,
    Delete: () => dropAdded(active),
    Backspace: () => dropAdded(active),
    "?": showHelp,
  };
  const DIGITS = {
    Digit1: ["onset", -1], Digit2: ["onset", 1], Digit3: ["offset", -1], Digit4: ["offset", 1],
    Numpad1: ["onset", -1], Numpad2: ["onset", 1], Numpad3: ["offset", -1], Numpad4: ["offset", 1],
  };
  const WITHOUT_EVENT = new Set(["z", "s", "?"]);

  function onKey(press) {
    const isElsewhere = document.querySelector("dialog[open]");
    if (press.defaultPrevented || press.isComposing || isElsewhere) return;
    const target = press.target;
    const isTyping = target.matches("input[type=text], select, textarea");
    const isOwnKey = target.matches("input[type=range]") && press.key.startsWith("Arrow");
    if (isTyping || isOwnKey || press.altKey) return;
    const name = press.key.length === 1 ? press.key.toLowerCase() : press.key;
    if (press.ctrlKey || press.metaKey) {
      if (!["z", "s"].includes(name) || press.shiftKey) return;
    } else if (press.key === " ") {
      if (target.matches("button, input")) return;
      press.preventDefault();
      toEvent(() => playOrStop(press.shiftKey ? "context" : "event"));
      return;
    } else if (DIGITS[press.code]) {
      press.preventDefault();
      toEvent(() => nudge(...DIGITS[press.code], press.shiftKey));
      return;
    }
    const act = KEYS[name];
    if (!act) return;
    press.preventDefault();
    if (WITHOUT_EVENT.has(name)) act();
    else toEvent(act);
  }

  function togglePanel() {
    const isOpen = document.body.classList.toggle("panel-open");
    $("panel-toggle").setAttribute("aria-expanded", isOpen);
  }

  // Does something to the current event, but not to one that is out of sight.
  function toEvent(act) {
    if (!event()) return;
    if (document.body.classList.contains("panel-open") && $("panel-toggle").offsetParent) {
      togglePanel();
      return;
    }
    const box = $("cards"), top = current * height() - box.scrollTop;
    if (top > -height() / 2 && top < box.clientHeight - height() / 2) {
      act();
      return;
    }
    scrollToCurrent(true);
    say("This is where you are.");
  }

  function listen() {
    const ofEvent = {
      accept: KEYS.a, reject: KEYS.r, unsure: KEYS.u, relabel: KEYS.c, next: KEYS.j,
      previous: KEYS.k, play: () => playOrStop("event"), context: KEYS.p,
      speed: nextSpeed, compare, missed: missedHere, "nothing-else": toggleComplete,
      note: writeNote,
    };
    const clicks = {
      undo, save, "help-button": showHelp, "example-close": closeExample,
      load: () => $("load-file").click(),
      "bulk-accept": () => judgeAll("accepted"), "bulk-reject": () => judgeAll("rejected"),
      "note-cancel": () => $("note-dialog").close(""),
      "panel-toggle": togglePanel,
    };
    for (const [id, act] of Object.entries(ofEvent)) clicks[id] = () => toEvent(act);
    for (const [id, act] of Object.entries(clicks)) {
      $(id).addEventListener("click", (press) => {
        act();
        // Space shall play again, not press the button once more.
        if (press.detail) $(id).blur();
      });
    }
    document.addEventListener("keydown", onKey);
    $("cards").addEventListener("scroll", render, { passive: true });
    addEventListener("resize", () => { layout(); scrollToCurrent(true); render(); });
    ClassSearch.listen();
    Cards.use({
      draw, drag, nudge,
      drop: dropAdded,
      choose: (number) => {
        active = number;
        refresh();
        hear("event");
      },
    });
    $("note-dialog").addEventListener("close", takeNote);
    $("load-file").addEventListener("change", async ({ target }) => {
      const [file] = target.files;
      target.value = "";
      if (file) await loadFile(file);
    });
    addEventListener("beforeunload", (leaving) => {
      if (Model.nUnkept) leaving.preventDefault();
    });
    Player.listen(
      (excerpt, seconds) => {
        if (seconds === null || !event() || excerpt !== excerptOf(event())) return;
        cursor = seconds;
        const line = document.querySelector(".current .cursor");
        if (!line) return;
        line.hidden = false;
        Cards.moveTo(line, excerpt, seconds);
      },
      (excerpt) => say(`The sound of excerpt ${excerpt.name} cannot be played.`),
    );
  }

  function layout() {
    for (const [position, card] of cards) {
      card.style.transform = `translateY(${position * height()}px)`;
    }
    $("rows").style.height = `${Walk.list.length * height()}px`;
  }

  function makeChoices() {
    const { head } = Model;
    const fillSelect = (id, first, names) => {
      $(id).replaceChildren(...[["", first], ...names.map((name, i) => [i, name])]
        .map(([value, text]) => Object.assign(element("option", "", text), { value })));
    };
    fillSelect("class-filter", "all classes", head.labels);
    const names = head.recordings.map(([name]) => lastParts(name));
    fillSelect("recording-filter", "all recordings", names);
    if (head.blind) {
      for (const order of ["uncertain", "score", "class"]) {
        $("order").querySelector(`[value=${order}]`).remove();
      }
      $("class-filter").closest("label").hidden = true;
    }
    if (!head.hasScores) {
      for (const order of ["uncertain", "score"]) {
        $("order").querySelector(`[value=${order}]`)?.remove();
      }
    }
    const choices = {
      order: "order", label: "class-filter", recording: "recording-filter",
      status: "status-filter",
    };
    for (const [name, id] of Object.entries(choices)) {
      $(id).value = settings[name];
      if ($(id).selectedIndex < 0) $(id).selectedIndex = 0;
      settings[name] = $(id).value;
      $(id).addEventListener("change", () => {
        settings[name] = $(id).value;
        keepSettings();
        arrange();
        $(id).blur();
      });
    }
    const kept = { reviewer: "value", autoplay: "checked", contrast: "value", brightness: "value" };
    for (const [name, property] of Object.entries(kept)) {
      $(name)[property] = settings[name] ?? $(name)[property];
      $(name).addEventListener("input", () => {
        settings[name] = $(name)[property];
        keepSettings();
        showContrast();
      });
    }
    showContrast();
  }

  function showContrast() {
    document.body.style.setProperty("--contrast", $("contrast").value);
    document.body.style.setProperty("--brightness", $("brightness").value);
  }

  async function start() {
    const key = `${Model.head.id}-${Model.head.hash}`;
    let cannotKeep = false;
    try {
      Model.restore(await Store.open(key));
    } catch {
      cannotKeep = true;
    }
    const first = { order: "mixed", label: "", recording: "", status: "" };
    settings = { ...first, ...Store.settings.read() };
    $("loading").remove();
    $("app").hidden = false;
    makeChoices();
    ClassPanel.make(settings.thresholds ?? {}, (label, threshold) => {
      settings.thresholds = { ...settings.thresholds, [label]: threshold };
      keepSettings();
    });
    listen();
    arrange();
    const when = Model.head.written.slice(0, 16).replace("T", " ");
    $("about").textContent = `Written on ${when}. Recordings: ${Model.head.recordings.length}`;
    if (cannotKeep) showUnkept();
    Store.watchTabs(() => banner("tabs", "This review is open in another tab too. Close one of "
      + "them; then load this page anew, so that it shows all that was done.", "warn",
    ["Load anew", () => location.reload()]));
    $("cards").focus({ preventScroll: true });
    document.body.classList.add("ready");
  }

  return { start };
})();

// Loads what there is beyond the first file of data, then begins.
addEventListener("load", async () => {
  const missing = (name) =>
    new Error(`review_files/${name} is missing: copy the whole folder`);
  const load = (name) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `review_files/${name}`;
    script.async = false; // one after the other, but fetched at the same time
    script.onload = resolve;
    script.onerror = () => reject(missing(name));
    document.head.append(script);
  });
  try {
    if (!Model.head) throw missing("data-000.js");
    const numbers = Array.from({ length: Model.head.nFiles }, (_, i) => i + 1);
    await Promise.all(numbers.map((i) => load(`data-${String(i).padStart(3, "0")}.js`)));
    Model.complete();
    await Page.start();
  } catch (error) {
    $("loading").textContent = error.message;
    throw error;
  }
});
