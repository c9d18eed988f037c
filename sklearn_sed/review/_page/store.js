"use strict";
// What the browser keeps: one small record for each action, of this review alone.
// All pages that are opened as files share one store; a review has a key of its own.

const Store = (() => {
  const DATABASE = "sklearn-sed-review", ACTIONS = "actions";
  let database = null, prefix = "", key = "", last = 0;

  // Returns the actions kept so far, in their order.
  async function open(review) {
    key = review;
    prefix = `sed-review/${review}/`;
    let kept = [];
    try {
      database = await request(indexedDB.open(DATABASE, 1), (opening) => {
        opening.onupgradeneeded = () =>
          opening.result.createObjectStore(ACTIONS, { keyPath: ["review", "number"] });
      });
      const all = IDBKeyRange.bound([key], [key, []]);
      kept = await request(database.transaction(ACTIONS).objectStore(ACTIONS).getAll(all));
    } catch {
      database = null; // the other store takes its place
    }
    try {
      for (let i = 0; i < localStorage.length; i++) {
        const name = localStorage.key(i);
        if (name.startsWith(prefix)) kept.push(JSON.parse(localStorage.getItem(name)));
      }
    } catch (error) {
      if (!database) throw error;
    }
    kept.sort((a, b) => a.number - b.number);
    last = kept.at(-1)?.number ?? 0;
    return kept;
  }

  // Numbers go on rising in two tabs at a time.
  function nextNumber() {
    last = Math.max(last + 1, Date.now() * 1000);
    return last;
  }

  async function add(action) {
    action.number ??= nextNumber();
    const record = { ...action, review: key };
    try {
      await change((store) => store.put(record));
    } catch {
      localStorage.setItem(prefix + action.number, JSON.stringify(record));
    }
  }

  async function remove(action) {
    localStorage.removeItem(prefix + action.number);
    if (database) await change((store) => store.delete([key, action.number]));
  }

  function change(act) {
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(ACTIONS, "readwrite");
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
      act(transaction.objectStore(ACTIONS));
    });
  }

  function request(asked, prepare) {
    return new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = asked.onblocked = () => reject(asked.error);
      prepare?.(asked);
    });
  }

  // Settings are convenient, not work: where they cannot be kept they are forgotten.
  const settings = {
    read() {
      try {
        return JSON.parse(localStorage.getItem(`sed-review-settings/${key}`)) ?? {};
      } catch {
        return {};
      }
    },
    write(values) {
      try {
        localStorage.setItem(`sed-review-settings/${key}`, JSON.stringify(values));
      } catch { /* see above */ }
    },
  };

  // Calls back when the same review is open elsewhere, here and there.
  function watchTabs(callback) {
    const name = `sed-review-tab/${key}`;
    const call = (kind) => localStorage.setItem(name, `${kind} ${Date.now()} ${Math.random()}`);
    addEventListener("storage", (event) => {
      if (event.key !== name || !event.newValue) return;
      if (event.newValue.startsWith("opened")) call("answered");
      callback();
    });
    try {
      call("opened");
    } catch { /* without a store there is nothing to disagree about */ }
  }

  return { open, add, remove, settings, watchTabs };
})();
