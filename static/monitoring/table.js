// Tables that change under the reader: rows are kept by key, and a cell is touched only if its text changes, so
// that focus, selection and scrolling stay where they are.

/**
 * A table in `place`, an element of the page. Columns: {label, text(row), number?, whole?, action?, order?(row), node?(row)};
 * a `whole` text is not broken into lines; an `action` stays in sight where the table is wider than the page; `node` makes an element instead of text, and `same(row)` says as a text when it need not be made again.
 */
export class Table {
  constructor(place, columns, { key, caption = "", empty = "Nothing.", sort = null, descending = false } = {}) {
    this.columns = columns;
    this.key = key;
    this.sort = sort;
    this.descending = descending;
    this.rows = [];
    this.lines = new Map();
    this.empty = empty;
    this.build(place, caption);
  }

  build(place, caption) {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    this.heads = this.columns.map((column) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      if (column.number) cell.className = "ds-number";
      if (column.action) cell.className = "ds-action";
      if (column.label) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = column.label;
        button.addEventListener("click", () => this.sortBy(column));
        cell.append(button);
      }
      head.append(cell);
      return cell;
    });
    this.body = table.createTBody();
    this.foot = document.createElement("p");
    this.foot.className = "ds-faint";
    this.foot.style.padding = ".5rem .75rem";
    if (caption) table.createCaption().textContent = caption;
    place.classList.add("ds-scroll");
    place.replaceChildren(table, this.foot);
    this.markSort();
  }

  sortBy(column) {
    this.descending = this.sort === column.label ? !this.descending : Boolean(column.number);
    this.sort = column.label;
    this.markSort();
    this.show(this.rows);
  }

  markSort() {
    this.columns.forEach((column, index) => {
      const order = this.descending ? "descending" : "ascending";
      if (column.label && column.label === this.sort) this.heads[index].setAttribute("aria-sort", order);
      else this.heads[index].removeAttribute("aria-sort");
    });
  }

  /** Show `rows` and no others. */
  show(rows) {
    this.rows = rows;
    const sorted = this.sorted(rows);
    const seen = new Set();
    let before = null;
    for (const row of sorted) {
      const key = this.key(row);
      seen.add(key);
      let line = this.lines.get(key);
      if (!line) {
        line = this.newLine();
        this.lines.set(key, line);
      }
      this.fill(line, row);
      const wanted = before ? before.nextSibling : this.body.firstChild;
      if (wanted !== line) this.body.insertBefore(line, wanted);
      before = line;
    }
    for (const [key, line] of this.lines) {
      if (!seen.has(key)) {
        line.remove();
        this.lines.delete(key);
      }
    }
    this.foot.hidden = rows.length > 0;
    this.foot.textContent = this.empty;
  }

  sorted(rows) {
    const column = this.columns.find((one) => one.label === this.sort);
    if (!column) return rows;
    const value = column.order ?? column.text;
    const sign = this.descending ? -1 : 1;
    return [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return x === y ? 0 : sign * (typeof x === "string" ? x.localeCompare(y) : x < y ? -1 : 1);
    });
  }

  newLine() {
    const line = document.createElement("tr");
    for (const column of this.columns) {
      const cell = line.insertCell();
      cell.dataset.label = column.label;
      if (column.number) cell.className = "ds-number";
      if (column.whole) cell.className = "ds-whole";
      if (column.action) cell.className = "ds-action";
    }
    return line;
  }

  fill(line, row) {
    this.columns.forEach((column, index) => {
      const cell = line.cells[index];
      if (column.node) {
        const same = column.same(row);
        if (cell.dataset.same !== same) {
          cell.dataset.same = same;
          cell.replaceChildren(column.node(row));
        }
      } else {
        const text = String(column.text(row));
        if (cell.textContent !== text) cell.textContent = text;
      }
    });
  }
}

/** A link. */
export function link(text, href) {
  const made = document.createElement("a");
  made.href = href;
  made.textContent = text;
  return made;
}

/** A column of names that link somewhere. */
export function nameColumn(label, textOf, hrefOf) {
  return { label, text: textOf, node: (row) => link(textOf(row), hrefOf(row)), same: textOf };
}
