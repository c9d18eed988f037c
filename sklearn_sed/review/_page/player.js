"use strict";
// Sound: one excerpt at a time, from a moment to another, in seconds of the recording.

const Player = (() => {
  const audio = new Audio();
  audio.preload = "auto";
  audio.preservesPitch = false; // else slow ultrasound vanishes
  let excerpt = null, end = 0, onMove = null, onError = null, asked = 0;

  const isPlaying = () => !audio.paused;
  const place = () => excerpt.start + audio.currentTime / excerpt.slowed;

  function source(one) {
    return `review_files/excerpts/${one.name}.${Model.head.format}`;
  }

  function load(one) {
    if (excerpt === one) return;
    stop();
    excerpt = one;
    audio.src = source(one);
  }

  // speed: 1 for that of the recording.
  async function play(one, from, to, speed) {
    load(one);
    audio.pause();
    const turn = ++asked;
    end = to;
    try {
      if (audio.error) throw audio.error;
      if (audio.readyState < 1) await once("loadedmetadata");
      if (turn !== asked) return;
      audio.currentTime = Math.max(0, (from - one.start) * one.slowed);
      audio.playbackRate = speed * one.slowed;
      await audio.play();
      requestAnimationFrame(follow);
    } catch (error) {
      if (turn === asked && error.name !== "AbortError") onError(one, error);
    }
  }

  function once(name) {
    return new Promise((resolve, reject) => {
      audio.addEventListener(name, resolve, { once: true });
      audio.addEventListener("error", () => reject(audio.error), { once: true });
    });
  }

  function follow() {
    if (!excerpt || audio.paused) return;
    if (place() >= end) {
      stop();
      return;
    }
    onMove(excerpt, place());
    requestAnimationFrame(follow);
  }

  function stop() {
    asked++;
    if (isPlaying()) audio.pause();
    if (excerpt) onMove?.(excerpt, null);
  }

  audio.addEventListener("timeupdate", () => {
    if (excerpt && isPlaying() && place() >= end) stop(); // also in a hidden tab
  });
  audio.addEventListener("ended", stop);

  return {
    play, stop, load, source, isPlaying,
    setSpeed(speed) { if (excerpt) audio.playbackRate = speed * excerpt.slowed; },
    listen(move, error) { onMove = move; onError = error; },
    get audio() { return audio; },
  };
})();
