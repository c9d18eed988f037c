"use strict";
// How many of the events above a threshold are right, as sklearn_sed.review computes it.

const Estimate = (() => {
  const MIN_AUDIT = 10, MAX_BINS = 4, N_DRAWS = 2000;

  // scores: of all events of a class, sorted. judged: [{score, right, audit}].
  function precision(scores, judged, threshold) {
    const above = scores.slice(countUpTo(scores, threshold));
    const known = judged.filter((one) => one.score > threshold);
    const audit = known.filter((one) => one.audit);
    const chosen = known.filter((one) => !one.audit);
    const counts = { nEvents: above.length, nJudged: known.length, nAudit: audit.length };
    const nRight = known.filter((one) => one.right).length;
    if (known.length === above.length) {
      const share = above.length ? nRight / above.length : null;
      return { value: share, low: share, high: share, ...counts };
    }
    const bins = divide(without(above, chosen.map((one) => one.score)), audit);
    if (!bins) return { value: null, low: null, high: null, ...counts };
    let right = nRight;
    for (const bin of bins) right += (bin.size - bin.audited) * bin.right / bin.audited;
    const value = right / above.length;
    const random = generator(1);
    const draws = Float64Array.from({ length: N_DRAWS }, () => {
      let drawn = nRight;
      for (const bin of bins) {
        const share = beta(bin.right + 0.5, bin.audited - bin.right + 0.5, random);
        drawn += binomial(bin.size - bin.audited, share, random);
      }
      return drawn / above.length;
    }).sort();
    return {
      value,
      low: Math.min(value, quantile(draws, 0.025)),
      high: Math.max(value, quantile(draws, 0.975)),
      ...counts,
    };
  }

  // The place behind all values that are not above a number.
  function countUpTo(sorted, number) {
    let low = 0, high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function without(sorted, taken) {
    const left = new Map();
    for (const value of taken) left.set(value, (left.get(value) ?? 0) + 1);
    return sorted.filter((value) => {
      const count = left.get(value) ?? 0;
      if (count) left.set(value, count - 1);
      return !count;
    });
  }

  // Most bins of equal size in each of which enough was audited.
  function divide(rest, audit) {
    for (let n = MAX_BINS; n > 0; n--) {
      const edges = [];
      for (let j = 1; j < n; j++) edges.push(rest[Math.floor(rest.length * j / n)]);
      const bins = Array.from({ length: n }, () => ({ size: 0, audited: 0, right: 0 }));
      for (const score of rest) bins[countUpTo(edges, score)].size++;
      for (const one of audit) {
        const bin = bins[countUpTo(edges, one.score)];
        bin.audited++;
        bin.right += one.right;
      }
      if (bins.every((bin) => bin.audited >= MIN_AUDIT)) return bins;
    }
    return null;
  }

  function quantile(sorted, share) {
    const place = share * (sorted.length - 1), below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  // Numbers from 0 to 1, the same ones each time (mulberry32).
  function generator(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let bits = Math.imul(seed ^ (seed >>> 15), seed | 1);
      bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
      return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
    };
  }

  function normal(random) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return radius * Math.cos(2 * Math.PI * random());
  }

  // By Marsaglia and Tsang, for shapes of one half and more.
  function gamma(shape, random) {
    if (shape < 1) return gamma(shape + 1, random) * random() ** (1 / shape);
    const d = shape - 1 / 3, c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal(random), v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - random()) < x * x / 2 + d - d * v + d * Math.log(v)) {
        return d * v;
      }
    }
  }

  function beta(a, b, random) {
    const x = gamma(a, random);
    return x / (x + gamma(b, random));
  }

  // Of many trials, the normal distribution of equal mean and variance.
  function binomial(n, share, random) {
    if (n > 40) {
      const x = n * share + Math.sqrt(n * share * (1 - share)) * normal(random);
      return Math.min(n, Math.max(0, Math.round(x)));
    }
    let count = 0;
    for (let i = 0; i < n; i++) count += random() < share;
    return count;
  }

  return { precision, countUpTo, MIN_AUDIT };
})();
