// The data of the page, and the small things that every part of it uses.

const source = document.getElementById("data");
const page = JSON.parse(source.textContent);
source.remove();

const NEEDS_REVIEW = 1, FAILED = 2, REVIEWED = 4, NOTHING_HEARD = 8, ACCEPTED = 16;
const CAUTION = "most likely dominant instrument; confidence, not a guarantee";
const VOCABULARY = 12;  // what the model knows; labels behind it are people's
const LABELS = page.labels.map(([name, display, colour, catalogues]) => ({ name, display, colour, catalogues }));
const OTHER = LABELS[VOCABULARY - 1];
const LABEL_OF = new Map(LABELS.map((label) => [label.name, label]));
const labelNamed = (name) => LABEL_OF.get(name) || { name, display: name, colour: OTHER.colour };

// Numbers in typed arrays: ten thousand rows take a few megabytes.
const rows = page.rows ? readRows(page.rows) : null;
page.rows = null;

function readRows(raw) {
  const count = raw.name.length;
  const inDuplicate = new Uint8Array(count);
  for (const group of page.summary.duplicates) for (const [index] of group) inDuplicate[index] = 1;
  return {
    ...raw,
    count,
    inDuplicate,
    folder: Int32Array.from(raw.folder),
    label: Int16Array.from(raw.label),
    machine: Int16Array.from(raw.machine),
    confidence: Int16Array.from(raw.confidence),
    flags: Uint8Array.from(raw.flags),
    duration: Int32Array.from(raw.duration),
    instruments: Float64Array.from(raw.instruments),
    scores: Uint8Array.from(raw.scores),
    shares: Uint8Array.from(raw.shares),
    presences: Uint8Array.from(raw.presences),
  };
}

const pathOf = (index) => rows.folders[rows.folder[index]] + rows.name[index];
const labelOf = (index) => LABELS[rows.label[index]];

// Labels heard in a file, the one with the largest share of time first.
function heardIn(index) {
  const heard = [];
  for (let label = 0; label < VOCABULARY; label++) {
    if (Math.floor(rows.instruments[index] / 2 ** label) % 2) heard.push(label);
  }
  const share = (label) => rows.shares[index * VOCABULARY + label];
  return heard.sort((a, b) => share(b) - share(a));
}

function stateOf(index) {
  const flags = rows.flags[index];
  if (flags & FAILED) return "failed";
  if (flags & NEEDS_REVIEW) return "needs review";
  if (flags & REVIEWED) return "reviewed";
  if (flags & ACCEPTED) return "accepted unheard";
  return "";
}

// In a table \xNN is a byte of a name and \\ a backslash; in an address each byte is %NN.
function addressOf(text) {
  const steps = text.split(/(\\x[0-9a-f]{2}|\\\\)/);
  return steps
    .map((step, at) => {
      if (at % 2 === 0) return step.split("/").map(encodeURIComponent).join("/");
      return step === "\\\\" ? "%5C" : "%" + step.slice(2);
    })
    .join("");
}

function audioAddress(index) {
  const link = rows.links[rows.folder[index]];
  return addressOf((link.endsWith("/") ? link : link + "/") + rows.name[index]);
}

// Stretches of a strip: instag/report/strip.py says how they are written.
function stretchesOf(strip) {
  const stretches = [];
  let at = 0;
  for (const [, letter, percent, length] of strip.matchAll(/([A-Z])(\d\d)([0-9a-z]+)/g)) {
    const end = at + parseInt(length, 36) / 10;
    stretches.push({ start: at, end, label: LABELS[letter.charCodeAt(0) - 65], letter, percent: Number(percent) });
    at = end;
  }
  return stretches.map((stretch) => ("YZ".includes(stretch.letter) ? { ...stretch, label: null } : stretch));
}

const nameOfStretch = (stretch) =>
  stretch.label ? stretch.label.display : stretch.letter === "Y" ? "nothing heard" : "not analysed";

// A strip as a background: one element, however many stretches.
function gradient(parts) {
  const total = parts.reduce((sum, part) => sum + part.size, 0);
  let at = 0;
  const stops = parts.map(({ size, colour }) => {
    const from = (100 * at) / total;
    at += size;
    return `${colour} ${from.toFixed(2)}% ${((100 * at) / total).toFixed(2)}%`;
  });
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}

const element = (tag, properties = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "style") Object.assign(made.style, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.startsWith("aria")) made[name] = value;
    else made.setAttribute(name, value);
  }
  // Text stays text: nothing of the data is ever read as markup.
  made.append(...present(children));
  return made;
};

const present = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined);

// Scrolls sideways where a screen is narrow, with the keyboard too.
const wide = (name, table) => element("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": name }, table);

const swatch = (colour) => element("span", { className: "swatch", "aria-hidden": "true", style: { background: colour } });
const labelled = (label) => element("span", { className: "label" }, swatch(label.colour), label.display);
const number = (value) => value.toLocaleString("en");
const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

// A length in the unit that suits it: 40 s, 12 min, 3.4 h.
function lengthText(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${seconds < 360000 ? (seconds / 3600).toFixed(1) : number(Math.round(seconds / 3600))} h`;
}

// A time as 3:07, or as 1:02:30.
function clock(seconds) {
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const percentText = (perMille) => (perMille < 0 ? "" : `${(perMille / 10).toFixed(1)} %`);

// What stands wherever scores are; shown on hover and on focus, and read out.
const caution = () => element("button", { type: "button", className: "caution", "aria-label": CAUTION, "data-tip": CAUTION,
  onmouseenter: keepInSight, onfocus: keepInSight }, "?");

// Moves a tip sideways so far that it stays on the screen.
function keepInSight({ currentTarget }) {
  const { left } = currentTarget.getBoundingClientRect();
  const shift = Math.max(8 - left, Math.min(-100, innerWidth - 264 - left));
  currentTarget.style.setProperty("--shift", `${shift}px`);
}
