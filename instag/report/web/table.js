// The table of files: sorted, filtered and searched in arrays; only the rows in sight are drawn.

const ROW_PIXELS = 52;
const SPARE_ROWS = 6;
const MOST_PRINTED = 2000;

const COLUMNS = [
  { id: "file", title: "File" },
  { id: "label", title: "Dominant" },
  { id: "confidence", title: "Confidence", caution: true },
  { id: "strip", title: "Timeline", fixed: true },
  { id: "duration", title: "Length" },
  { id: "heard", title: "Heard", fixed: true },
  { id: "state", title: "State" },
];

function compareBy(column) {
  const collator = new Intl.Collator("en", { numeric: true });
  const words = (text) => (a, b) => collator.compare(text(a), text(b));
  return {
    file: words(pathOf),
    label: words((index) => labelOf(index)?.display ?? ""),
    confidence: (a, b) => rows.confidence[a] - rows.confidence[b],
    duration: (a, b) => rows.duration[a] - rows.duration[b],
    state: words(stateOf),
  }[column];
}

class FileTable {
  constructor(open) {
    this.open = open;
    this.filter = { text: "", label: "", state: "", folder: null, low: 0, high: 1000 };
    this.sort = { column: "file", down: false };
    this.order = Uint32Array.from({ length: rows.count }, (_, index) => index);
    this.shown = this.order;
    this.active = 0;
    this.small = Array.from({ length: rows.count }, (_, index) => pathOf(index).toLowerCase());
    this.build();
    this.refresh();
  }

  build() {
    this.search = element("input", { type: "search", id: "search", placeholder: "part of a path", autocomplete: "off",
      oninput: () => this.change({ text: this.search.value }) });
    const used = new Set(rows.label);
    this.label = element("select", { id: "label", onchange: () => this.change({ label: this.label.value }) },
      element("option", { value: "" }, "any"),
      LABELS.filter((_, at) => used.has(at)).map((label) => element("option", { value: label.name }, label.display)));
    const states = ["needs review", "reviewed", "accepted unheard", "failed", "with a warning", "nothing heard", "duplicate"];
    this.state = element("select", { id: "state", onchange: () => this.change({ state: this.state.value }) },
      element("option", { value: "" }, "any"), states.map((state) => element("option", { value: state }, state)));
    this.chips = element("span", { className: "chips" });
    this.count = element("p", { id: "count", role: "status" });
    this.head = element("tr", { "aria-rowindex": "1" });
    this.body = element("tbody", {});
    const table = element("table", { className: "virtual", "aria-labelledby": "files-heading" },
      element("thead", {}, this.head), this.body);
    table.setAttribute("aria-colcount", COLUMNS.length);
    this.table = table;
    this.frame = element("div", { className: "frame", onscroll: () => this.drawSoon(), onkeydown: (event) => this.move(event) }, table);
    this.section = section("files", "Files",
      element("div", { className: "controls", role: "search" },
        element("label", {}, "Search ", this.search), element("label", {}, "Dominant ", this.label),
        element("label", {}, "State ", this.state), this.chips),
      this.count, this.frame,
      element("p", { className: "muted" }, "Keys: / searches, arrows move between files, Enter opens one, Escape closes it."));
    new ResizeObserver(() => this.drawSoon()).observe(this.frame);
  }

  // Changes what is filtered; what is not named stays.
  change(wanted) {
    Object.assign(this.filter, wanted);
    this.active = 0;
    this.frame.scrollTop = 0;
    this.refresh();
  }

  // Shows just what a button elsewhere on the page asks for.
  only({ sort, ...wanted }) {
    Object.assign(this.filter, { text: "", label: "", state: "", folder: null, low: 0, high: 1000 });
    if (sort) this.sort = { column: sort, down: false };
    this.change(wanted);
    this.section.scrollIntoView();
    this.focusActive();
  }

  refresh() {
    const { text, label, state, folder, low, high } = this.filter;
    [this.search.value, this.label.value, this.state.value] = [text, label, state];
    const compare = compareBy(this.sort.column);
    const sign = this.sort.down ? -1 : 1;
    const wanted = text.toLowerCase();
    const folders = folder === null ? null : rows.folders.map((name) => name.startsWith(folder));
    const fits = (index) => {
      const flags = rows.flags[index];
      if (wanted && !this.small[index].includes(wanted)) return false;
      if (label && labelOf(index)?.name !== label) return false;
      if (folders && !folders[rows.folder[index]]) return false;
      if ((low > 0 || high < 1000) && !(rows.confidence[index] >= low && (rows.confidence[index] < high || high === 1000))) return false;
      if (state === "with a warning") return Boolean(rows.notes[index]) && !(flags & FAILED);
      if (state === "nothing heard") return Boolean(flags & NOTHING_HEARD);
      if (state === "duplicate") return Boolean(rows.inDuplicate[index]);
      return !state || stateOf(index) === state;
    };
    this.shown = this.order.filter(fits).sort((a, b) => sign * compare(a, b) || a - b);
    this.drawHead();
    this.drawChips();
    this.count.textContent = `${number(this.shown.length)} of ${counted(rows.count, "file")}`;
    this.table.setAttribute("aria-rowcount", this.shown.length + 1);
    this.draw(true);
  }

  drawHead() {
    const focused = document.activeElement?.dataset?.sort;
    this.head.replaceChildren(...COLUMNS.map(({ id, title, fixed, caution: cautious }) => {
      const isSorted = this.sort.column === id;
      const button = element("button", { type: "button", className: "sort", onclick: () => {
        this.sort = { column: id, down: isSorted && !this.sort.down };
        this.refresh();
      } }, title, element("span", { "aria-hidden": "true" }, isSorted ? (this.sort.down ? " ▼" : " ▲") : ""));
      button.dataset.sort = id;
      const cell = element("th", { scope: "col", className: id }, fixed ? title : button, cautious ? [" ", caution()] : null);
      if (isSorted) cell.setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
      return cell;
    }));
    if (focused) this.head.querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  drawChips() {
    const { folder, low, high } = this.filter;
    const chip = (text, clear) => element("button", { type: "button", className: "chip", "aria-label": `${text}: take away`,
      onclick: () => this.change(clear) }, text, " ×");
    this.chips.replaceChildren(...[
      folder === null ? null : chip(`in ${folder || "this folder"}`, { folder: null }),
      low > 0 || high < 1000 ? chip(`${low / 10}–${high / 10} %`, { low: 0, high: 1000 }) : null,
    ].filter(Boolean));
  }

  drawSoon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(false); });
  }

  draw(isNew) {
    const first = Math.max(0, Math.floor(this.frame.scrollTop / ROW_PIXELS) - SPARE_ROWS);
    const inSight = Math.ceil((this.frame.clientHeight || 600) / ROW_PIXELS);
    const last = Math.min(this.shown.length, first + inSight + 2 * SPARE_ROWS);
    if (!isNew && first === this.first && last === this.last) return;
    [this.first, this.last] = [first, last];
    const hadFocus = this.body.contains(document.activeElement);
    const lines = [];
    for (let at = first; at < last; at++) lines.push(this.line(at));
    this.body.replaceChildren(this.spacer(first), ...lines, this.spacer(this.shown.length - last));
    if (hadFocus) this.focusActive();
  }

  spacer(count) {
    const cell = element("td", { style: { height: `${count * ROW_PIXELS}px` } });
    return element("tr", { className: "spacer", "aria-hidden": "true" }, cell);
  }

  line(at) {
    const index = this.shown[at];
    const label = labelOf(index);
    const state = stateOf(index);
    const name = element("button", { type: "button", className: "link name", tabIndex: at === this.active ? 0 : -1, title: pathOf(index),
      onclick: () => { this.active = at; this.open(index); } }, rows.name[index]);
    name.dataset.at = at;
    const heard = heardIn(index).filter((number) => number !== rows.label[index]).map((number) => LABELS[number].display);
    const perMille = rows.confidence[index];
    const line = element("tr", {},
      element("th", { scope: "row", className: "file" }, name,
        element("span", { className: "folder" }, rows.folders[rows.folder[index]])),
      element("td", { className: "label" }, label ? labelled(label) : ""),
      element("td", { className: "confidence", title: perMille < 0 ? "" : CAUTION }, percentText(perMille),
        perMille < 0 ? null : element("span", { className: "track", "aria-hidden": "true" },
          element("span", { style: { width: `${perMille / 10}%` } }))),
      element("td", { className: "strip" }, stripOf(index)),
      element("td", { className: "duration number" }, rows.duration[index] < 0 ? "" : clock(rows.duration[index] / 10)),
      element("td", { className: "heard" }, heard.join(", ")),
      element("td", { className: "state" }, state ? element("span", { className: `badge ${state.replaceAll(" ", "-")}` }, state) : "",
        rows.flags[index] & NOTHING_HEARD ? element("span", { className: "muted" }, " nothing heard") : null));
    line.setAttribute("aria-rowindex", at + 2);
    return line;
  }

  move(event) {
    if (!event.target.classList.contains("name")) return;
    const leap = Math.max(1, Math.floor(this.frame.clientHeight / ROW_PIXELS) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: leap, PageUp: -leap, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.active = Math.min(this.shown.length - 1, Math.max(0, this.active + steps[event.key]));
    this.focusActive();
  }

  focusActive() {
    const top = this.active * ROW_PIXELS;
    const room = this.frame.clientHeight - this.head.offsetHeight - ROW_PIXELS;
    if (top < this.frame.scrollTop) this.frame.scrollTop = top;
    if (top > this.frame.scrollTop + room) this.frame.scrollTop = top - room;
    this.draw(false);
    for (const name of this.body.querySelectorAll(".name")) name.tabIndex = Number(name.dataset.at) === this.active ? 0 : -1;
    this.body.querySelector(`.name[data-at="${this.active}"]`)?.focus({ preventScroll: true });
  }

  // The file that stands so many lines below (or above) another, or -1.
  beside(index, step) {
    const at = this.shown.indexOf(index) + step;
    if (at < 0 || at >= this.shown.length || at === step - 1) return -1;
    this.active = at;
    return this.shown[at];
  }

  print(isPrinting) {
    if (!isPrinting) return this.draw(true);
    const lines = [];
    for (let at = 0; at < Math.min(MOST_PRINTED, this.shown.length); at++) lines.push(this.line(at));
    this.body.replaceChildren(...lines);
    if (this.shown.length > MOST_PRINTED) {
      this.body.append(element("tr", {}, element("td", { colSpan: COLUMNS.length },
        `Only the first ${number(MOST_PRINTED)} files are printed; filter the table to print others.`)));
    }
  }
}

function stripOf(index) {
  const stretches = stretchesOf(rows.strip[index]);
  if (!stretches.length) return null;
  const words = stretches.slice(0, 12).map((stretch) => `${clock(stretch.start)} ${nameOfStretch(stretch)}`);
  if (stretches.length > 12) words.push("…");
  const parts = stretches.map((stretch) => ({ size: stretch.end - stretch.start, colour: stretch.label?.colour ?? "transparent" }));
  return element("span", { className: "timeline", role: "img", "aria-label": words.join(", "), title: words.join("\n"),
    style: { background: gradient(parts) } });
}
