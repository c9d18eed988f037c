"use strict";
// Cards: what an event looks like. What is done to it is told to those who asked.

const $ = (id) => document.getElementById(id);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function clock(seconds) {
  const s = Math.round(100 * Math.max(0, seconds)) / 100;
  const hours = Math.floor(s / 3600), minutes = Math.floor(s / 60) % 60;
  const rest = (s % 60).toFixed(2).padStart(5, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// When something was, by the clock of the recorder, whatever the reader's time zone.
function timeOfDay(begin, seconds) {
  const time = new Date(Date.parse(`${begin}Z`) + 1000 * seconds);
  return time.toISOString().slice(0, 19).replace("T", " ");
}

const lastParts = (name) => name.split(/[\\/]/).filter(Boolean).slice(-2).join("/") || name;
const percent = (share) => `${Math.round(100 * share)} %`;

const Cards = (() => {
  let act = null; // draw, drag, nudge, choose, drop: called with what was done

  const excerptOf = (one) => Model.excerpts[one.excerpt];
  const shownOf = (one) => Model.verdictOf(one) ?? one;
  const isHidden = (one) => Model.head.blind && Model.isOpen(one);

  function make(one) {
    const card = element("article", "card");
    card.setAttribute("role", "listitem");
    const inner = element("div", "inner");
    inner.append(element("div", "head"), makePicture(one), element("div", "foot"));
    card.append(inner);
    return card;
  }

  function makePicture(one) {
    const excerpt = excerptOf(one), picture = element("div", "picture");
    const image = element("img");
    image.src = `review_files/excerpts/${excerpt.name}.png`;
    image.alt = "";
    image.draggable = false;
    const ticks = element("div", "ticks");
    for (const [share, text] of Model.head.ticks) {
      const tick = element("span", "", text);
      tick.style.bottom = `${100 * share}%`;
      ticks.append(tick);
    }
    picture.append(image, element("div", "boxes"), ticks, element("div", "cursor"));
    picture.addEventListener("pointerdown", (press) => act.draw(press, picture, one));
    return picture;
  }

  // Fills in what may have changed.
  // `view` is its number in the list, whether it is the current one, the added event
  // whose edges are moved (null: those of its own), and where sound is.
  function fill(card, one, { number, isCurrent, active, cursor }) {
    const excerpt = excerptOf(one);
    const verdict = Model.verdictOf(one), shown = shownOf(one);
    card.classList.toggle("current", isCurrent);
    card.dataset.verdict = verdict?.verdict ?? "";
    card.setAttribute("aria-current", isCurrent);
    fillHead(card.querySelector(".head"), one, number, verdict, shown, excerpt);
    fillBoxes(card.querySelector(".boxes"), one, shown, excerpt, isCurrent, active);
    fillFoot(card.querySelector(".foot"), one, shown, verdict, excerpt);
    const cursorLine = card.querySelector(".cursor");
    cursorLine.hidden = !(isCurrent && cursor !== null);
    if (isCurrent && cursor !== null) moveTo(cursorLine, excerpt, cursor);
  }

  function fillHead(head, one, number, verdict, shown, excerpt) {
    const [name, begin] = Model.head.recordings[excerpt.recording];
    const label = element("strong", "label", isHidden(one) ? "?" : shown.label);
    head.replaceChildren(label);
    if (verdict && verdict.label !== one.label) {
      head.append(element("s", "was", one.label));
    }
    if (one.score !== null && !isHidden(one)) {
      head.append(element("span", "score", one.score.toFixed(2)));
    }
    const place = element("span", "place", lastParts(name));
    place.title = name;
    head.append(place);
    if (begin) head.append(element("time", "", timeOfDay(begin, shown.onset)));
    head.append(element("span", "number", number));
    if (verdict) head.append(element("span", "badge", verdict.verdict));
  }

  function fillBoxes(boxes, one, shown, excerpt, isCurrent, active) {
    boxes.replaceChildren();
    for (const other of excerpt.events) {
      if (other === one || isHidden(other)) continue;
      const at = shownOf(other);
      if (Model.verdictOf(other)?.verdict === "rejected") continue;
      const box = makeBox("other", at, excerpt, at.label);
      boxes.append(box);
    }
    for (const [number, own] of Model.addedIn(one.excerpt)) {
      const box = makeBox("added", own, excerpt, own.label);
      box.dataset.number = number;
      if (isCurrent && number === active) addHandles(box, own, excerpt, own.label);
      boxes.append(box);
    }
    const text = isHidden(one) ? "event" : shown.label;
    const own = makeBox("own", shown, excerpt, text);
    if (isCurrent && active === null) addHandles(own, shown, excerpt, text);
    boxes.append(own);
  }

  function makeBox(kind, { onset, offset }, excerpt, label) {
    const box = element("div", `box ${kind}`);
    box.title = `${label} ${clock(onset)} – ${clock(offset)}`;
    if (kind !== "own") box.append(element("span", "tag", label));
    setBox(box, excerpt, onset, offset);
    return box;
  }

  const share = (excerpt, seconds) =>
    Math.min(1, Math.max(0, (seconds - excerpt.start) / excerpt.duration));

  function setBox(box, excerpt, onset, offset) {
    const [from, to] = [share(excerpt, onset), share(excerpt, offset)];
    box.style.left = `${100 * from}%`;
    box.style.width = `${100 * (to - from)}%`;
    box.classList.toggle("goes-on", offset > excerpt.end + 1e-6);
  }

  function moveTo(line, excerpt, seconds) {
    line.style.left = `${100 * share(excerpt, seconds)}%`;
  }

  function fillFoot(foot, one, shown, verdict, excerpt) {
    const length = shown.offset - shown.onset;
    const times = `${clock(shown.onset)} – ${clock(shown.offset)} · ${length.toFixed(2)} s`;
    foot.replaceChildren(element("span", "times", times));
    if (shown.offset > excerpt.end + 1e-6) {
      const here = Math.round(excerpt.end - shown.onset);
      foot.append(element("span", "chip warn", `only the first ${here} s are here`));
    }
    if (excerpt.slowed > 1) {
      foot.append(element("span", "chip warn", `plays at 1/${excerpt.slowed} speed`));
    }
    for (const [number, own] of Model.addedIn(one.excerpt)) {
      const chip = element("span", "chip added");
      const choose = element("button", "", `+ ${own.label} ${clock(own.onset)}`);
      choose.type = "button";
      choose.tabIndex = -1;
      choose.addEventListener("click", () => act.choose(number));
      const drop = element("button", "drop", "×");
      drop.type = "button";
      drop.tabIndex = -1;
      drop.setAttribute("aria-label", `Take out ${own.label}`);
      drop.addEventListener("click", () => act.drop(number));
      chip.append(choose, drop);
      foot.append(chip);
    }
    if (Model.state.complete.has(one.excerpt)) {
      foot.append(element("span", "chip", "nothing else here"));
    }
    if (verdict?.note) {
      const note = element("span", "chip note", verdict.note);
      note.title = verdict.note;
      foot.append(note);
    }
  }

  function addHandles(box, at, excerpt, label) {
    for (const edge of ["onset", "offset"]) {
      const handle = element("div", `handle ${edge}`);
      handle.tabIndex = 0;
      handle.setAttribute("role", "slider");
      handle.setAttribute("aria-label", `${edge} of ${label}`);
      handle.setAttribute("aria-valuemin", excerpt.start.toFixed(3));
      handle.setAttribute("aria-valuemax", excerpt.end.toFixed(3));
      handle.setAttribute("aria-valuenow", at[edge].toFixed(3));
      handle.setAttribute("aria-valuetext", clock(at[edge]));
      handle.addEventListener("pointerdown", (press) => act.drag(press, handle, edge));
      handle.addEventListener("keydown", (press) => {
        const direction = { ArrowLeft: -1, ArrowRight: 1 }[press.key];
        if (!direction) return;
        press.preventDefault();
        press.stopPropagation();
        act.nudge(edge, direction, press.shiftKey);
        document.querySelector(`.current .handle.${edge}`)?.focus();
      });
      box.append(handle);
    }
  }

  return {
    make, fill, makeBox, setBox, moveTo, excerptOf, shownOf, isHidden,
    use(acts) { act = acts; },
  };
})();
