"use strict";
// The review: the events, what somebody said of them, and how that comes in and out.

const Model = (() => {
  const COLUMNS = [
    "filename", "onset", "offset", "event_label", "score", "verdict", "sampled_by",
    "reviewer", "note", "found_onset", "found_offset", "found_label",
    "excerpt_onset", "excerpt_offset", "complete", "judged_at",
  ];
  const VERDICTS = ["accepted", "rejected", "corrected", "added", "unsure"];
  const events = [], excerpts = [], log = [];
  // By event: its verdict. By a number of its own: an event that was missed. By
  // excerpt: that nothing else is in it.
  const state = { verdicts: new Map(), added: new Map(), complete: new Map() };
  const unkept = new Set();
  let head = null, byLabel = [], scores = [];
  let versions = []; // how often verdicts on a class have changed

  function receive(part) {
    if (!head) {
      head = part;
      return;
    }
    for (const [onset, offset, label, score, excerpt, audit, learning, mixed, isAudit]
      of part.events) {
      events.push({
        index: events.length, onset, offset, score, excerpt, audit, learning, mixed,
        labelIndex: label, label: head.labels[label],
        stream: isAudit ? "audit" : "uncertain",
      });
    }
    for (const [recording, name, start, duration, slowed] of part.excerpts) {
      excerpts.push({
        index: excerpts.length, recording, name, start, duration, slowed, events: [],
        end: start + duration,
      });
    }
  }

  // To be called once everything was received.
  function complete() {
    byLabel = head.labels.map(() => []);
    versions = head.labels.map(() => 0);
    for (const event of events) {
      byLabel[event.labelIndex].push(event);
      excerpts[event.excerpt].events.push(event);
    }
    scores = byLabel.map((own, label) =>
      Float64Array.from([...own.map((event) => event.score), ...head.others[label]]).sort());
    for (const own of byLabel) own.sort((a, b) => a.audit - b.audit);
  }

  const verdictOf = (event) => state.verdicts.get(event.index);
  const isOpen = (event) => !state.verdicts.has(event.index);
  const same = (a, b) => a.toFixed(6) === b.toFixed(6);
  const now = () => new Date().toISOString().slice(0, 19) + "Z";

  // What is said of an event: where it is, after `change`, and whether it is one.
  function judge(event, verdict, { change = {}, by, reviewer, note }) {
    const before = verdictOf(event) ?? null;
    const found = { onset: event.onset, offset: event.offset, label: event.label };
    const isEvent = verdict === "accepted";
    const what = isEvent
      ? { ...found, ...(before && pick(before)), ...change }
      : found;
    const isSame = same(what.onset, found.onset) && same(what.offset, found.offset)
      && what.label === found.label;
    const after = {
      ...what,
      verdict: isEvent && !isSame ? "corrected" : verdict,
      by: before?.by ?? by, reviewer, note: note ?? before?.note ?? "", at: now(),
    };
    return ["verdicts", event.index, before, after];
  }

  const pick = ({ onset, offset, label }) => ({ onset, offset, label });

  function addEvent(excerpt, onset, offset, label, reviewer) {
    const number = Math.max(0, ...state.added.keys()) + 1;
    const after = { excerpt, onset, offset, label, reviewer, note: "", at: now() };
    return ["added", number, null, after];
  }

  function changeAdded(number, change) {
    const before = state.added.get(number);
    return ["added", number, before, change && { ...before, ...change, at: now() }];
  }

  function setComplete(excerpt, isComplete) {
    const before = state.complete.get(excerpt) ?? null;
    return ["complete", excerpt, before, isComplete ? { at: now() } : null];
  }

  function apply(changes, isBack) {
    for (const [kind, key, before, after] of isBack ? changes.toReversed() : changes) {
      const value = isBack ? before : after;
      if (value) state[kind].set(key, value);
      else state[kind].delete(key);
      if (kind === "verdicts") versions[events[key].labelIndex]++;
    }
  }

  // Does something that can be undone. Rejects where the browser does not keep it.
  async function commit(changes, focus) {
    const action = { changes, focus };
    apply(changes);
    log.push(action);
    try {
      await Store.add(action);
    } catch (error) {
      unkept.add(action);
      throw error;
    }
  }

  // Returns what was undone, and a promise that the browser has forgotten it.
  function undo() {
    const action = log.pop();
    if (!action) return null;
    apply(action.changes, true);
    const done = unkept.delete(action) ? Promise.resolve() : Store.remove(action);
    return { action, done };
  }

  function restore(actions) {
    for (const action of actions) {
      apply(action.changes);
      log.push(action);
    }
  }

  const addedIn = (excerpt) =>
    [...state.added].filter(([, own]) => own.excerpt === excerpt)
      .sort(([, a], [, b]) => a.onset - b.onset);

  // How many events of a class stay above a threshold, and how many are right.
  function assess(label, threshold) {
    const own = byLabel[label];
    const judged = [];
    let lastAudit = -1;
    for (const event of own) {
      const verdict = verdictOf(event);
      if (verdict?.by === "audit") lastAudit = event.audit;
      if (!verdict || verdict.verdict === "unsure") continue;
      judged.push({
        score: head.hasScores ? event.score : 0,
        right: verdict.verdict !== "rejected" && verdict.label === event.label,
        audit: verdict.by === "audit",
      });
    }
    const limit = head.hasScores ? threshold : -1;
    const skipped = own.filter((event) =>
      event.audit < lastAudit && isOpen(event) && !(event.score <= limit)).length;
    const total = own.length + head.others[label].length;
    return { ...Estimate.precision(scores[label], judged, limit), skipped, total };
  }

  const rangeOf = (label) => [scores[label][0], scores[label].at(-1)];
  const versionOf = (label) => versions[label];
  const judgedOf = (label) => byLabel[label].filter((event) => !isOpen(event)).length;

  // Classes to choose from, those in use first.
  function classes() {
    const used = [...state.added.values(), ...state.verdicts.values()].map((one) => one.label);
    return [...new Set([...head.labels, ...head.classes, ...used])]
      .sort((a, b) => a.localeCompare(b));
  }

  // The surest confirmed event of a class, but for one.
  function exampleOf(label, but) {
    const confirmed = events.filter((event) => {
      const verdict = verdictOf(event);
      return event !== but && ["accepted", "corrected"].includes(verdict?.verdict)
        && verdict.label === label;
    });
    confirmed.sort((a, b) => (b.score ?? 0) - (a.score ?? 0));
    return confirmed[0] ?? null;
  }

  // The table of all that was judged or added.
  function table() {
    const rows = [];
    const row = (excerpt, what, found) => {
      const { recording, index, start, end } = excerpts[excerpt];
      rows.push({
        recording,
        onset: what.onset,
        cells: {
          filename: head.recordings[recording][0],
          onset: what.onset.toFixed(6), offset: what.offset.toFixed(6),
          event_label: what.label, score: what.score, verdict: what.verdict,
          sampled_by: what.by, reviewer: what.reviewer, note: what.note,
          found_onset: found?.onset.toFixed(6), found_offset: found?.offset.toFixed(6),
          found_label: found?.label,
          excerpt_onset: start.toFixed(6), excerpt_offset: end.toFixed(6),
          complete: state.complete.has(index) ? 1 : 0, judged_at: what.at,
        },
      });
    };
    for (const [index, verdict] of state.verdicts) {
      const event = events[index];
      row(event.excerpt, { ...verdict, score: event.score }, event);
    }
    for (const added of state.added.values()) {
      row(added.excerpt, { ...added, verdict: "added", by: "free", score: 1 });
    }
    rows.sort((a, b) => a.recording - b.recording || a.onset - b.onset);
    const columns = COLUMNS.filter((name) => name !== "score" || head.hasScores);
    return Table.write(columns, rows.map(({ cells }) => columns.map((name) => cells[name])));
  }

  // What a saved table says: the changes, and how many rows are of no event here.
  function read(text) {
    const rows = Table.read(text);
    if (!rows.length || !("verdict" in rows[0]) || !("found_label" in rows[0])) {
      throw new Error("it is no table that a review page has saved");
    }
    const waiting = new Map();
    for (const event of events) {
      const name = key(head.recordings[excerpts[event.excerpt].recording][0],
        event.onset, event.offset, event.label);
      waiting.set(name, [...(waiting.get(name) ?? []), event]);
    }
    const changes = [];
    const marked = new Set();
    let nextNumber = Math.max(0, ...state.added.keys());
    let unknown = 0;
    for (const row of rows) {
      const times = { onset: Number(row.onset), offset: Number(row.offset) };
      const told = { ...times, label: row.event_label, reviewer: row.reviewer, note: row.note };
      const isAdded = row.verdict === "added";
      const name = key(row.filename, row.found_onset, row.found_offset, row.found_label);
      const event = isAdded ? null : waiting.get(name)?.shift();
      const excerpt = isAdded ? excerptOf(row, times) : event && excerpts[event.excerpt];
      const isFine = VERDICTS.includes(row.verdict) && row.event_label
        && times.onset >= 0 && times.offset >= times.onset;
      if (!excerpt || !isFine) {
        unknown++;
        continue;
      }
      if (row.complete === "1") marked.add(excerpt.index);
      if (event) {
        const after = { ...told, verdict: row.verdict, by: row.sampled_by, at: row.judged_at };
        const before = verdictOf(event) ?? null;
        if (JSON.stringify(sorted(before)) !== JSON.stringify(sorted(after))) {
          changes.push(["verdicts", event.index, before, after]);
        }
      } else if (!addedIn(excerpt.index).some(([, own]) => isSameEvent(own, told))) {
        const after = { ...told, excerpt: excerpt.index, at: row.judged_at };
        changes.push(["added", ++nextNumber, null, after]);
      }
    }
    for (const index of marked) {
      if (!state.complete.has(index)) changes.push(setComplete(index, true));
    }
    return { changes, unknown, nRows: rows.length };
  }

  const key = (name, onset, offset, label) =>
    JSON.stringify([name, Number(onset).toFixed(6), Number(offset).toFixed(6), label]);
  const isSameEvent = (a, b) =>
    same(a.onset, b.onset) && same(a.offset, b.offset) && a.label === b.label;
  const sorted = (record) => record && Object.entries(record).sort();

  function excerptOf(row, { onset, offset }) {
    const inside = excerpts.filter((one) =>
      head.recordings[one.recording][0] === row.filename
      && onset >= one.start - 1e-6 && offset <= one.end + 1e-6);
    return inside.find((one) => same(one.start, Number(row.excerpt_onset))) ?? inside[0];
  }

  return {
    get head() { return head; },
    get nUnkept() { return unkept.size; },
    forgetUnkept: () => unkept.clear(),
    events, excerpts, log, state, receive, complete, verdictOf, isOpen, judge, addEvent,
    changeAdded, setComplete, commit, undo, restore, addedIn, assess, rangeOf, versionOf,
    judgedOf, classes, exampleOf, table, read,
  };
})();

function receive(part) {
  Model.receive(part);
}
