// What is hard to read or to name on a page, for test_screens.py: evaluated in the page, this is an object of functions.
({
  /** Texts whose contrast with what is behind them is less than `least`, as WCAG 2.1 reckons it; icons are left out. */
  faint(least) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const dot = canvas.getContext("2d", { willReadFrequently: true });
    const mixed = (colours) => {
      dot.clearRect(0, 0, 1, 1);
      for (const colour of colours) {
        dot.fillStyle = colour;
        dot.fillRect(0, 0, 1, 1);
      }
      return [...dot.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) =>
      rgb
        .map((part) => part / 255)
        .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const found = [];
    for (const one of document.querySelectorAll(".ds *, body > main *")) {
      const texts = [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
      const text = texts.map((node) => node.data.trim()).join("");
      const isSeen = one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
      if (!text || !isSeen || one.disabled || one.matches("script, style, option, .material-symbols-outlined")) continue;
      const behind = ["#fff"];
      for (let at = one; at; at = at.parentElement) behind.splice(1, 0, getComputedStyle(at).backgroundColor);
      const [a, b] = [light(mixed(behind)), light(mixed([...behind, getComputedStyle(one).color]))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < least) found.push(`${contrast.toFixed(1)}: ${text.slice(0, 40)}`);
    }
    return found;
  },

  /** Number the controls that the tabulator must get to, go to where they begin, and say how many there are. */
  numbered() {
    const page = document.querySelector(".ds, body > main");
    if (!page) return 0;
    const controls = [...page.querySelectorAll(":is(input, select, textarea, button, a[href], summary)")];
    const wanted = controls.filter((one) => one.type !== "hidden" && !one.disabled && one.tabIndex >= 0 && one.checkVisibility());
    const isChosen = (one) => one.type === "radio" && controls.some((other) => other.name === one.name && other.checked && other !== one);
    const reached = wanted.filter((one) => !isChosen(one));
    reached.forEach((one, index) => (one.dataset.control = index));
    page.tabIndex = -1;
    page.focus();
    return reached.length;
  },

  /** The number of the control that has the keyboard, null for anything else, and whether one sees that it has. */
  focused() {
    const one = document.activeElement;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
    const isSeen = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
    return [one.dataset.control ?? null, isSeen, one.outerHTML.slice(0, 120)];
  },

  /** Controls that say nothing to those who do not see them. */
  nameless() {
    return [...document.querySelectorAll(".ds :is(input, select, textarea, button, a[href])")]
      .filter((one) => one.type !== "hidden" && one.checkVisibility())
      .filter((one) => !one.labels?.length && !one.ariaLabel && !one.getAttribute("aria-labelledby"))
      .filter((one) => !one.textContent.trim())
      .map((one) => one.outerHTML.slice(0, 100));
  },
})
