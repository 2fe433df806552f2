// One file: its timeline, from which it plays, its scores, and what is wrong with it.

class Detail {
  constructor(neighbour) {
    this.neighbour = neighbour;
    this.dialog = document.getElementById("detail");
    this.dialog.addEventListener("close", () => {
      this.audio?.pause();
      this.onclose?.();
    });
    this.dialog.addEventListener("keydown", (event) => this.move(event));
  }

  open(index) {
    this.index = index;
    const label = labelOf(index);
    const heading = element("h2", { id: "detail-name", tabIndex: -1 }, rows.name[index]);
    const step = (text, by) => element("button", { type: "button", "data-step": by, onclick: () => this.go(by) }, text);
    const close = element("button", { type: "button", className: "close", onclick: () => this.dialog.close() }, "Close");
    this.audio?.pause();
    this.dialog.replaceChildren(...present([
      element("header", {}, heading, element("div", { className: "steps" }, step("Previous", -1), step("Next", 1), close)),
      element("p", { className: "path muted" }, pathOf(index)),
      label ? element("p", { className: "verdict" }, ...present([labelled(label), ...this.sureness(label), " ", this.badge()])) : null,
      this.catalogues(label), this.review(), this.note(), this.player(), this.scores(), this.copies()]));
    if (!this.dialog.open) this.dialog.showModal();
    this.dialog.scrollTop = 0;
    heading.focus();
  }

  // The model's, so it stands beside the model's own label only.
  sureness(label) {
    return label === LABELS[rows.machine[this.index]] ? [" ", percentText(rows.confidence[this.index]), " ", caution()] : [];
  }

  badge() {
    const state = stateOf(this.index);
    return state ? element("span", { className: `badge ${state.replaceAll(" ", "-")}` }, state) : null;
  }

  // What catalogues call the instrument.
  catalogues(label) {
    return label?.catalogues.length
      ? element("p", { className: "path muted" }, `In catalogues: ${label.catalogues.join(", ")}`) : null;
  }

  review() {
    const review = rows.reviews[this.index];
    if (!review) return null;
    const [by, at] = review;
    if (rows.flags[this.index] & ACCEPTED) {
      return element("p", { className: "path" }, `${by.slice(0, 1).toUpperCase()}${by.slice(1)}${at ? `, ${at}` : ""}.`);
    }
    const machine = LABELS[rows.machine[this.index]];
    const said = machine ? ` The model said ${machine.display}, ${percentText(rows.confidence[this.index])}.` : "";
    return element("p", { className: "path" }, `Reviewed by ${by || "a person"}${at ? `, ${at}` : ""}.${said}`);
  }

  note() {
    const note = rows.notes[this.index];
    return note ? element("p", { className: "warning path" }, element("code", {}, note[0]), " ", note[1]) : null;
  }

  player() {
    const index = this.index;
    if (rows.flags[index] & FAILED && rows.duration[index] < 0) return null;
    const trouble = element("p", { className: "warning", role: "status", hidden: true },
      "This recording cannot be played here: it is not where it was when the page was made, or the browser does not know " +
      "its format. The page has to stay where it is, as seen from the recordings.");
    this.audio = element("audio", { controls: true, preload: "none", src: audioAddress(index),
      onerror: () => { trouble.hidden = false; } });
    this.audio.setAttribute("aria-label", `Play ${rows.name[index]}`);
    return element("section", { "aria-label": "Timeline" }, element("h3", {}, "Timeline"), this.timeline(), this.audio, trouble);
  }

  timeline() {
    const stretches = stretchesOf(rows.strip[this.index]);
    if (!stretches.length) {
      return element("p", { className: "muted" }, "No timeline: `instag tag --windows FILE` writes one, and " +
        "`instag report --windows FILE` puts it here.");
    }
    const total = stretches.at(-1).end;
    const parts = stretches.map((stretch, at) => {
      const name = nameOfStretch(stretch);
      const text = `${clock(stretch.start)} to ${clock(stretch.end)}: ${name}${stretch.label ? `, ${stretch.percent} %` : ""}`;
      const style = { flexGrow: stretch.end - stretch.start };
      if (stretch.label) Object.assign(style, { background: stretch.label.colour, color: inkOn(stretch.label.colour) });
      return element("button", { type: "button", className: "stretch", tabIndex: at ? -1 : 0, title: text,
        "aria-label": `${text}. Play from here`, style, onclick: () => this.play(stretch.start) },
        (stretch.end - stretch.start) / total > 0.08 ? name : "");
    });
    const names = [...new Set(stretches.filter((stretch) => stretch.label).map((stretch) => stretch.label))];
    return element("div", {},
      element("div", { className: "big timeline", role: "group", "aria-label": "Stretches; arrows move, Enter plays from there" }, parts),
      element("p", { className: "scale", "aria-hidden": "true" }, [0, total / 2, total].map((t) => element("span", {}, clock(t)))),
      element("p", { className: "key" }, names.map((label) => [labelled(label), " "])));
  }

  play(seconds) {
    const start = () => { this.audio.currentTime = seconds; };
    if (this.audio.readyState) start();
    else this.audio.addEventListener("loadedmetadata", start, { once: true });
    this.audio.play().catch(() => {});  // the player says itself what is wrong
  }

  scores() {
    const index = this.index;
    if (rows.flags[index] & FAILED) return null;
    const at = (label) => index * VOCABULARY + label;
    const machine = rows.machine[index];  // of scores that are the same in whole per cent it is the largest
    const order = [...Array(VOCABULARY).keys()].sort((a, b) => rows.scores[at(b)] - rows.scores[at(a)] || (b === machine) - (a === machine) || a - b);
    const lines = order.map((label) => element("tr", {},
      element("th", { scope: "row" }, labelled(LABELS[label])),
      element("td", { className: "bars" }, element("span", { className: "bar", "aria-hidden": "true",
        style: { width: `${rows.scores[at(label)]}%`, background: LABELS[label].colour } })),
      [rows.scores, rows.shares, rows.presences].map((values) => element("td", { className: "number" }, `${values[at(label)]} %`))));
    const head = ["Instrument", "", "Dominant", "Share of time", "Presence"];
    return element("section", { "aria-label": "Scores" }, element("h3", {}, "Scores ", caution()),
      wide("Scores by instrument", element("table", { className: "scores" },
        element("thead", {}, element("tr", {}, head.map((t) => (t ? element("th", { scope: "col" }, t) : element("td", {}))))),
        element("tbody", {}, lines))));
  }

  copies() {
    const group = page.summary.duplicates.find((files) => files.some(([index]) => index === this.index));
    if (!group) return null;
    const others = group.filter(([index]) => index !== this.index);
    return element("section", { "aria-label": "Copies" }, element("h3", {}, "The same sound"),
      element("ul", { className: "files" }, others.map((file) => element("li", {}, fileLink(file, (index) => this.open(index))))));
  }

  go(by) {
    const next = this.neighbour(this.index, by);
    if (next < 0) return;
    this.open(next);
    this.dialog.querySelector(`[data-step="${by}"]`).focus();
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !event.target.classList.contains("stretch")) return;
    const next = step > 0 ? event.target.nextElementSibling : event.target.previousElementSibling;
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

// Black or white, whichever is read better on a colour (WCAG 2.2, relative luminance).
function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}
