// Totals, instruments, confidences, what to hear first, failures, folders and duplicates.

const MOST_CHILDREN = 200;  // of a folder, before a button shows more

function section(id, title, ...content) {
  const heading = element("h2", { id: `${id}-heading` }, title);
  return element("section", { id, "aria-labelledby": `${id}-heading` }, heading, ...content);
}

function totals(summary) {
  const tiles = [
    ["files", number(summary.files)],
    ["of sound", lengthText(summary.seconds)],
    ["analysed", number(summary.analysed)],
    ["failed", number(summary.failed)],
    ["need review", number(summary.needs_review)],
  ];
  if (summary.skipped) tiles.push(["skipped", number(summary.skipped)]);
  if (summary.silent) tiles.push(["nothing heard", number(summary.silent)]);
  const list = element("dl", { className: "totals" }, tiles.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  return [list, progress(summary), damage()];
}

function progress(summary) {
  if (!summary.reviewed && !summary.accepted) return null;
  const accepted = summary.accepted ? `, ${number(summary.accepted)} accepted unheard` : "";
  const text = `${counted(summary.reviewed, "file")} reviewed by a person${accepted}; ${number(summary.left)} of ` +
    `${number(summary.needs_review)} that need review are left.`;
  const done = summary.needs_review - summary.left;
  const bar = element("progress", { max: summary.needs_review || 1, value: summary.needs_review ? done : 1 });
  bar.setAttribute("aria-label", "Progress of the review");
  return element("p", { id: "progress" }, bar, " ", text);
}

function damage() {
  const found = [];
  if (page.damaged_rows) found.push(`${counted(page.damaged_rows, "row")} of the table`);
  if (page.damaged_timelines) found.push(`the windows of ${counted(page.damaged_timelines, "file")}`);
  if (!found.length) return null;
  return element("p", { className: "warning", id: "damage" },
    `Not shown here, because torn or damaged: ${found.join(" and ")}. Run the same \`instag tag\` again to do them again.`);
}

function instruments(summary, filter) {
  const most = Math.max(1, ...summary.instruments.map(([, files]) => files));
  const lines = summary.instruments.map(([name, files, seconds, heard]) => {
    const label = labelNamed(name);
    const bar = element("span", { className: "bar", "aria-hidden": "true",
      style: { width: `${(100 * files) / most}%`, background: label.colour } });
    const title = rows && files
      ? element("button", { type: "button", className: "link", onclick: () => filter({ label: name }) }, labelled(label))
      : labelled(label);
    return element("tr", {}, element("th", { scope: "row" }, title),
      element("td", { className: "bars" }, bar),
      element("td", { className: "number" }, number(files)),
      element("td", { className: "number" }, lengthText(seconds)),
      element("td", { className: "number" }, number(heard)));
  });
  const head = element("tr", {}, ["Dominant", "", "Files", "Length", "Heard too"].map((name) =>
    name ? element("th", { scope: "col" }, name) : element("td", { className: "bars" })));
  return section("instruments", "Instruments",
    element("p", {}, "By files and by their length. A person’s word counts before the model’s. ", caution()),
    wide("Instruments by files and length",
      element("table", {}, element("thead", {}, head), element("tbody", {}, lines))));
}

function histogram(summary, filter) {
  const bars = summary.histogram;
  const most = Math.max(1, ...bars.map(([sure, doubtful]) => sure + doubtful));
  const width = 100 / bars.length;
  const items = bars.map(([sure, doubtful], at) => {
    const [low, high] = [width * at, width * (at + 1)];
    const text = `${low}–${high} %: ${counted(sure + doubtful, "file")}, ${number(doubtful)} to review`;
    const parts = [
      element("span", { className: "doubtful", style: { height: `${(100 * doubtful) / most}%` } }),
      element("span", { className: "sure", style: { height: `${(100 * sure) / most}%` } }),
    ];
    const pick = () => filter({ low: low * 10, high: high * 10 });
    return element("li", {}, rows
      ? element("button", { type: "button", title: text, "aria-label": text, onclick: pick }, parts)
      : element("span", { className: "column", title: text, role: "img", "aria-label": text }, parts));
  });
  return section("confidence", "Confidence",
    element("p", {}, "How sure the model was, from 0 to 100 %. ", caution()),
    element("ol", { className: "histogram" }, items),
    element("p", { className: "scale", "aria-hidden": "true" }, ["0 %", "50 %", "100 %"].map((t) => element("span", {}, t))),
    element("p", { className: "key" }, element("span", { className: "swatch sure" }), "sure enough ",
      element("span", { className: "swatch doubtful" }), "needs review"));
}

// A file as a button that opens it; on the overview of many pages, as a link to its page.
function fileLink([index, path], open) {
  if (rows) return element("button", { type: "button", className: "link path", onclick: () => open(index) }, path);
  const [folder, name] = page.parts[Math.floor(index / page.rows_a_page)].href;
  const href = `${addressOf(folder)}/${name}#file=${index % page.rows_a_page}`;
  return element("a", { className: "path", href }, path);
}

function reviewFirst(summary, filter, open) {
  if (!summary.left) return null;
  const items = summary.review_first.map((file) => element("li", {}, fileLink(file, open),
    rows ? element("span", { className: "muted" }, ` ${labelOf(file[0])?.display ?? ""} `,
      element("span", { className: "number" }, percentText(rows.confidence[file[0]]))) : null));
  const all = rows
    ? element("button", { type: "button", onclick: () => filter({ state: "needs review", sort: "confidence" }) },
      `Show all ${number(summary.left)} in the table`)
    : null;
  return section("review", "Hear these first",
    element("p", {}, "The model was least sure of these. Files in which nothing is heard come last. ", caution()),
    element("ol", { className: "files" }, items), all);
}

function failures(summary, filter) {
  if (!summary.failed) return null;
  const lines = summary.failures.map(([code, files, example]) => element("tr", {},
    element("th", { scope: "row" }, element("code", {}, code || "unknown")),
    element("td", { className: "number" }, number(files)), element("td", { className: "path" }, example)));
  return section("failures", "Failed files, by reason",
    wide("Reasons", element("table", {},
      element("thead", {}, element("tr", {}, ["Reason", "Files", "For example"].map((t) => element("th", { scope: "col" }, t)))),
      element("tbody", {}, lines))),
    rows ? element("button", { type: "button", onclick: () => filter({ state: "failed" }) }, "Show them in the table") : null);
}

function duplicates(summary, filter, open) {
  if (!summary.duplicate_groups) return null;
  const shown = summary.duplicates.slice(0, 50);
  const items = shown.map((group) => element("li", {}, element("ul", { className: "files" },
    group.map((file) => element("li", {}, fileLink(file, open))))));
  const more = shown.length < summary.duplicate_groups ? ` The first ${shown.length} groups:` : "";
  return section("duplicates", "The same sound under several names",
    element("p", {}, `${counted(summary.duplicate_files, "file")} in ${counted(summary.duplicate_groups, "group")} hold the ` +
      `same encoded audio, tags aside.${more}`),
    element("ol", { className: "groups" }, items),
    rows ? element("button", { type: "button", onclick: () => filter({ state: "duplicate" }) }, "Show them in the table") : null);
}

// Folders inside one another; what is closed is not drawn.
function folders(summary, filter) {
  const list = summary.folders;
  const children = new Map();
  const open = [];
  list.forEach(([name], at) => {
    while (open.length && !name.startsWith(list[open.at(-1)][0])) open.pop();
    const parent = open.length ? open.at(-1) : -1;
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(at);
    open.push(at);
  });
  const node = (at, above) => {
    const [name, files, failed, seconds, mix] = list[at];
    const parts = Object.entries(mix).map(([label, size]) => ({ size, ...labelNamed(label) }));
    const known = parts.reduce((sum, part) => sum + part.size, 0);
    const words = parts.map((part) => `${part.display} ${Math.round((100 * part.size) / known)} %`);
    const text = `${counted(files, "file")}, ${lengthText(seconds)}${failed ? `, ${number(failed)} failed` : ""}`;
    const bar = element("span", { className: "mix", role: "img", "aria-label": words.join(", ") || "nothing analysed",
      title: words.join(", "), style: parts.length ? { background: gradient(parts) } : {} });
    const title = [element("span", { className: "path" }, name.slice(above.length) || "this folder"), " ",
      element("span", { className: "muted" }, text), bar,
      element("span", { className: "muted words" }, words.slice(0, 3).join(", "))];
    const show = rows ? element("button", { type: "button", className: "small", "aria-label": `Show the files in ${name || "this folder"}`,
      onclick: () => filter({ folder: name }) }, "show files") : null;
    const below = children.get(at);
    if (!below) return element("li", { className: "leaf" }, ...title, show);
    const inside = element("ul", {});
    const details = element("details", {}, element("summary", {}, ...title), show, inside);
    details.addEventListener("toggle", () => { if (!inside.firstChild) fill(inside, below, name); });
    return element("li", {}, details);
  };
  const fill = (inside, numbers, above) => {
    const start = inside.querySelectorAll(":scope > li").length;
    inside.append(...numbers.slice(start, start + MOST_CHILDREN).map((at) => node(at, above)));
    const rest = numbers.length - start - MOST_CHILDREN;
    if (rest <= 0) return;
    const more = element("button", { type: "button", className: "small", onclick: () => { more.remove(); fill(inside, numbers, above); } },
      `${number(rest)} more`);
    inside.append(more);
  };
  const tree = element("ul", { className: "tree" });
  fill(tree, children.get(-1) || [], "");
  tree.querySelectorAll(":scope > li > details").forEach((details) => { details.open = true; });
  return section("folders", "Folders", tree);
}

function pages() {
  if (!page.parts) return null;
  return section("files", "Files, page by page",
    element("p", {}, `This table is too large for one page. Each of these lists up to ${counted(page.rows_a_page, "file")}:`),
    element("ol", { className: "pages" }, page.parts.map(({ href: [folder, name], files, first }, at) => element("li", {},
      element("a", { href: `${addressOf(folder)}/${name}` }, `Page ${at + 1}`), ` ${counted(files, "file")}, from `,
      element("span", { className: "path" }, first)))));
}
