// Lines over the last five minutes, on Chart.js, which comes with the admin's theme.

import { STEP } from "./series.js";

const COLOURS = ["#7c3aed", "#0891b2", "#d97706", "#059669", "#dc2626", "#64748b"];
const DARK = ["#a78bfa", "#22d3ee", "#fbbf24", "#34d399", "#f87171", "#94a3b8"];

const isDark = () => document.documentElement.classList.contains("dark");
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Whether no line leads to a point, so that it would not be seen. */
function isAlone({ dataset, dataIndex }) {
  const isThere = (point) => point !== undefined && point.y !== null;
  return !isThere(dataset.data[dataIndex - 1]) && !isThere(dataset.data[dataIndex + 1]);
}

export class LineChart {
  /** `lines`: name → value of a step, null for none; `shown` writes a value; `ticks`: options of Chart.js. */
  constructor(place, title, lines, shown, ticks = {}) {
    this.lines = lines;
    const figure = document.createElement("figure");
    figure.className = "ds-chart";
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    const box = document.createElement("div");
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", title);
    this.nothing = document.createElement("p");
    this.nothing.className = "ds-chart-nothing ds-faint";
    this.nothing.textContent = "Nothing in these minutes";
    box.append(canvas, this.nothing);
    figure.append(caption, box);
    place.append(figure);
    this.canvas = canvas;
    this.title = title;
    this.shown = shown;
    this.chart = new globalThis.Chart(canvas, this.options(shown, ticks));
    this.paint();
  }

  options(shown, ticks) {
    const datasets = Object.keys(this.lines).map((label) => ({
      label,
      data: [],
      borderWidth: 1.5,
      pointRadius: (point) => (isAlone(point) ? 2 : 0),
      tension: 0.2,
      spanGaps: 3 * STEP,
    }));
    return {
      type: "line",
      data: { datasets },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        parsing: false,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { type: "linear", min: -300, max: 0, ticks: { stepSize: 60, callback: (at) => (at ? `${at / 60} min` : "now") } },
          y: { beginAtZero: true, grace: "10%", ticks: { maxTicksLimit: 5, callback: (value) => shown(value), ...ticks } },
        },
        plugins: {
          legend: { display: datasets.length > 1, labels: { boxWidth: 10, boxHeight: 2 } },
          tooltip: {
            callbacks: {
              title: (items) => `${Math.round(-items[0].parsed.x)} s ago`,
              label: (item) => `${item.dataset.label}: ${shown(item.parsed.y)}`,
            },
          },
        },
      },
    };
  }

  /** Take the theme's colours. */
  paint() {
    const { options, data } = this.chart;
    const [text, line] = [token("--ds-faint"), token("--ds-line")];
    for (const axis of Object.values(options.scales)) {
      axis.ticks.color = text;
      axis.grid = { color: line };
    }
    options.plugins.legend.labels.color = text;
    data.datasets.forEach((dataset, index) => {
      const colour = (isDark() ? DARK : COLOURS)[index % COLOURS.length];
      dataset.borderColor = colour;
      dataset.backgroundColor = colour;
    });
  }

  show(steps, now) {
    Object.values(this.lines).forEach((value, index) => {
      this.chart.data.datasets[index].data = steps.map((step) => ({
        x: ((step.slot + 1) * STEP - now) / 1000,
        y: value(step),
      }));
    });
    this.nothing.hidden = this.chart.data.datasets.some((set) => set.data.some((point) => point.y !== null));
    this.chart.update("none");
    const last = steps.at(-1);
    const words = last
      ? Object.entries(this.lines).map(([label, value]) => `${label} ${value(last) === null ? "none" : this.shown(value(last))}`)
      : ["nothing yet"];
    this.canvas.setAttribute("aria-label", `${this.title}: ${words.join(", ")}`);
  }
}

/** Call `repaint` whenever the theme changes. */
export function onTheme(repaint) {
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["class"] });
}
