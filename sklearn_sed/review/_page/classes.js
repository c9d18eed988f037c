"use strict";
// Classes: one is chosen by search, and how many of each are right is shown.

const ClassSearch = (() => {
  let take = null, options = [], chosen = 0;

  // Calls back with a class, unless the reader thinks better of it.
  function ask(title, callback) {
    take = callback;
    $("class-title").textContent = title;
    $("class-search").value = "";
    list();
    $("class-dialog").showModal();
    $("class-search").focus();
  }

  function list() {
    const wanted = $("class-search").value.trim().replace(/\s+/g, " ");
    const words = wanted.toLocaleLowerCase().split(" ");
    const known = Model.classes();
    const lower = (label) => label.toLocaleLowerCase();
    const isBegun = (label) => lower(label).startsWith(words[0]);
    options = known
      .filter((label) => words.every((word) => lower(label).includes(word)))
      .sort((a, b) => isBegun(b) - isBegun(a))
      .map((label) => ({ label, text: label }));
    if (wanted && !known.includes(wanted)) {
      options.push({ label: wanted, text: `new class: ${wanted}` });
    }
    chosen = 0;
    show();
  }

  function show() {
    $("class-list").replaceChildren(...options.map(({ label, text }, index) => {
      const item = element("li", "", text);
      item.id = `class-option-${index}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", index === chosen);
      item.addEventListener("click", () => choose(label));
      return item;
    }));
    $("class-list").children[chosen]?.scrollIntoView({ block: "nearest" });
    $("class-search").setAttribute("aria-activedescendant",
      options.length ? `class-option-${chosen}` : "");
  }

  function choose(label) {
    $("class-dialog").close();
    take(label);
  }

  function onKey(press) {
    if (press.isComposing) return;
    if (press.key === "Enter") {
      press.preventDefault();
      if (options[chosen]) choose(options[chosen].label);
    } else if (press.key === "ArrowDown" || press.key === "ArrowUp") {
      press.preventDefault();
      const step = press.key === "ArrowDown" ? 1 : -1;
      chosen = (chosen + step + options.length) % Math.max(1, options.length);
      show();
    }
  }

  function listen() {
    $("class-search").addEventListener("input", list);
    $("class-search").addEventListener("keydown", onKey);
  }

  return { ask, listen };
})();

const ClassPanel = (() => {
  const shown = new Map(); // by class: of what the numbers are
  let isAsked = false;

  // thresholds: by the name of a class; onMove is told when one is moved.
  function make(thresholds, onMove) {
    const { head } = Model;
    $("classes").replaceChildren(...head.labels.map((label, index) => {
      const row = element("div", "class"), title = element("div", "class-head");
      title.append(element("span", "name", label), element("span", "judged"));
      row.append(title);
      if (head.hasScores) {
        const line = element("div", "slide");
        const start = thresholds[label] ?? head.thresholds[index];
        const slide = makeSlide(label, index, start);
        slide.addEventListener("input", () => {
          onMove(label, Number(slide.value));
          showOne(index);
        });
        line.append(slide, element("output"));
        row.append(line);
      }
      row.append(element("div", "stay"), element("div", "right"));
      return row;
    }));
  }

  function makeSlide(label, index, start) {
    const slide = element("input"), [lowest, highest] = Model.rangeOf(index);
    slide.type = "range";
    slide.min = Math.min(0, lowest);
    slide.max = Math.max(1, highest);
    slide.step = slide.max - slide.min > 1 ? "any" : 0.01;
    slide.value = start;
    slide.setAttribute("aria-label", `threshold of ${label}`);
    return slide;
  }

  // Shows all numbers again, once before the next frame.
  function show() {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      Model.head.labels.forEach((_, index) => showOne(index));
    });
  }

  function showOne(index) {
    const row = $("classes").children[index], slide = row.querySelector("input");
    const threshold = slide ? Number(slide.value) : 0;
    const what = `${threshold} ${Model.versionOf(index)}`;
    if (shown.get(index) === what) return;
    shown.set(index, what);
    const found = Model.assess(index, threshold);
    row.querySelector(".judged").textContent = `${Model.judgedOf(index)} judged`;
    if (slide) row.querySelector("output").textContent = threshold.toFixed(2);
    row.querySelector(".stay").textContent = slide
      ? `${found.nEvents} of ${found.total} stay` : `${found.total} events`;
    const right = row.querySelector(".right");
    right.classList.toggle("few", found.value === null);
    right.textContent = sayRight(found);
    if (found.skipped) {
      right.append(element("span", "skipped", ` · ${found.skipped} of the audit skipped`));
    }
  }

  function sayRight({ value, low, high, nEvents, nAudit }) {
    if (!nEvents) return "no events";
    if (value === null) return `too few: ${nAudit} of ${Estimate.MIN_AUDIT} audited`;
    return `${percent(value)} right (${percent(low)} to ${percent(high)})`;
  }

  return { make, show };
})();
