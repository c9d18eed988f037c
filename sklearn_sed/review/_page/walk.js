"use strict";
// In which order the events are gone through, and by what choice one is judged. What was
// chosen by an order counts as such only if nothing before it was jumped over.

const Walk = (() => {
  const ORDERS = {
    mixed: [(event) => event.stream, (event) => [event.mixed, event.labelIndex]],
    uncertain: [() => "uncertain", (event) => [event.learning, event.labelIndex]],
    score: [() => "score", (event) => [-event.score, event.index]],
    class: [(event) => event.stream, (event) => [event.labelIndex, event.mixed]],
    random: [() => "audit", (event) => [event.audit, event.labelIndex]],
    time: [() => "free", (event) => [event.index, 0]],
  };
  const visited = new Set();
  let list = [], source = null, isRestricted = false, reached = 0;

  function arrange({ order, label, recording, status }) {
    const [streamOf, keyOf] = ORDERS[order];
    const keys = new Map();
    list = Model.events.filter((event) => {
      const verdict = Model.verdictOf(event);
      const isShown = (label === "" || event.labelIndex === Number(label))
        && (recording === ""
          || Model.excerpts[event.excerpt].recording === Number(recording))
        && (status === "" || (status === "open" ? !verdict
          : status === "note" ? Boolean(verdict?.note) : verdict?.verdict === status));
      if (isShown) keys.set(event, keyOf(event));
      return isShown;
    });
    list.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      return x[0] - y[0] || x[1] - y[1];
    });
    source = streamOf;
    isRestricted = recording !== "" || !["", "open"].includes(status);
    // What an earlier day has passed over was seen then.
    reached = 1 + list.findLastIndex((event) => Model.verdictOf(event)?.by === source(event));
  }

  function visit(position) {
    if (list[position]) visited.add(list[position].index);
  }

  function sampledBy(position) {
    while (reached < list.length
      && (visited.has(list[reached].index) || !Model.isOpen(list[reached]))) reached++;
    return isRestricted || position > reached ? "free" : source(list[position]);
  }

  // The next event without a verdict; behind the last one, the first.
  function nextOpen(position) {
    const later = list.findIndex((event, place) => place > position && Model.isOpen(event));
    return later >= 0 ? later : list.findIndex(Model.isOpen);
  }

  return { arrange, visit, sampledBy, nextOpen, get list() { return list; } };
})();
