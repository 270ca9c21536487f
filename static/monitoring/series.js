// Rates and quantiles out of counts since the start: per node the last counts of each two seconds, and what is
// shown is worked out of the differences. A node that was started anew begins at nought, which is no difference.

export const STEP = 2000;
const SPAN = 5 * 60 * 1000;

export class Series {
  constructor() {
    this.nodes = new Map();
    this.bounds = [];
  }

  /** Note the counts of a node; a later point of the same two seconds takes the place of the one before. */
  add(node, point) {
    const points = this.nodes.get(node) ?? [];
    this.nodes.set(node, points);
    const slot = Math.floor(point.at / STEP);
    const last = points.at(-1);
    if (last && slot < last.slot) return;
    if (last && slot === last.slot) points.pop();
    points.push({ ...point, slot });
    while (points[0].slot < slot - SPAN / STEP) points.shift();
  }

  /** What happened in each two seconds, all nodes together, oldest first. */
  steps() {
    const bySlot = new Map();
    for (const points of this.nodes.values()) {
      for (let index = 1; index < points.length; index += 1) {
        const [before, now] = [points[index - 1], points[index]];
        if (now.deliveries < before.deliveries || now.at <= before.at) continue;
        const step = bySlot.get(now.slot) ?? nothing(now.slot);
        bySlot.set(now.slot, step);
        accumulate(step, before, now);
      }
    }
    return [...bySlot.values()].sort((a, b) => a.slot - b.slot);
  }

  /** The time below which `part` of all in a histogram's `counts` lie, in seconds; null without any. */
  quantile(counts, part) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (!total) return null;
    let seen = 0;
    for (let index = 0; index < counts.length; index += 1) {
      seen += counts[index];
      if (seen >= part * total) return this.bounds[Math.min(index, this.bounds.length - 1)];
    }
    return null;
  }
}

function nothing(slot) {
  const sums = { connections: 0, deliveries: 0, errors: 0, accepted: 0, refused: 0, slow: 0, backlog: 0 };
  return { slot, ...sums, cpu: 0, memory: 0, received: {}, made: {}, lag: [], commits: [] };
}

function accumulate(step, before, now) {
  const seconds = (now.at - before.at) / 1000;
  for (const name of ["deliveries", "errors", "accepted", "refused", "slow", "cpu"]) {
    step[name] += (now[name] - before[name]) / seconds;
  }
  for (const name of ["connections", "backlog", "memory"]) step[name] += now[name];
  for (const way of ["received", "made"]) {
    for (const [topic, count] of Object.entries(now[way])) {
      step[way][topic] = (step[way][topic] ?? 0) + (count - (before[way][topic] ?? 0)) / seconds;
    }
  }
  for (const name of ["lag", "commits"]) {
    now[name].forEach((count, index) => {
      step[name][index] = (step[name][index] ?? 0) + count - before[name][index];
    });
  }
}

export const sum = (values) => Object.values(values).reduce((total, value) => total + value, 0);
