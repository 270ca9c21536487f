// Figures as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 1, notation: "compact" });

export const number = (value) => (Math.abs(value) < 100000 ? whole.format(value) : short.format(value));

/** A rate: with a fraction where it is small. */
export const rate = (value) => (value >= 10 || value === 0 ? number(value) : value.toFixed(1));

export function bytes(value) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function milliseconds(seconds) {
  const value = seconds * 1000;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** A span in milliseconds, in its two largest units. */
export function span(value) {
  const seconds = Math.max(0, Math.floor(value / 1000));
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  let rest = seconds;
  return units
    .slice(first, first + 2)
    .map(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count || unit === units[first][0] ? `${count} ${unit}` : "";
    })
    .filter(Boolean)
    .join(" ");
}

export const ago = (then) => (then ? `${span(Date.now() - then)} ago` : "–");

const two = (value) => String(value).padStart(2, "0");

/** Day and time, of this browser's zone. */
export function moment(then) {
  const at = new Date(then);
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day} ${clock(then)}`;
}

export const clock = (then) => new Date(then).toLocaleTimeString("en-GB");

const CLOSES = {
  1000: "the client said goodbye",
  1001: "the client or the server went away",
  1005: "the client closed it without a reason",
  1006: "the connection was lost",
  1009: "a message was too large",
  1011: "the server made a mistake",
  1013: "it read too slowly",
};

/** Why a connection closed: what was said, else what the code says. */
export const whyClosed = (code, reason) => reason || CLOSES[code] || CLOSES[code - 3000] || "no reason was given";

/** A node's name; of the long ones that servers make up for themselves, the beginning. */
export const nodeName = (name) => (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name) ? `${name.slice(0, 8)}…` : name);
