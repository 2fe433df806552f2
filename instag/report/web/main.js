// Puts the page together.

const summary = page.summary;
document.title = `${page.title}: instag report`;

let table = null;
const detail = rows ? new Detail((index, by) => table.beside(index, by)) : null;
const open = (index) => detail.open(index);
if (rows) {
  table = new FileTable(open);
  detail.onclose = () => table.focusActive();
}
const filter = (wanted) => table.only(wanted);

const sections = [
  instruments(summary, filter), histogram(summary, filter), reviewFirst(summary, filter, open),
  table ? table.section : pages(), failures(summary, filter), folders(summary, filter), duplicates(summary, filter, open),
].filter(Boolean);

document.getElementById("top").append(...[
  page.back ? element("p", {}, element("a", { href: addressOf(page.back[0]) }, "Overview"), ` › Page ${page.back[1]}`) : null,
  element("h1", {}, page.title),
  element("p", { className: "muted" }, "What instag heard: the ", element("em", {}, CAUTION), ". ",
    summary.models.map(([name, files]) => `Model ${name}: ${counted(files, "file")}.`).join(" ")),
  element("nav", { "aria-label": "Parts of this page" }, sections.map((part) =>
    element("a", { href: `#${part.id}` }, part.querySelector("h2").textContent))),
].filter(Boolean));
document.getElementById("main").replaceChildren(
  element("section", { "aria-label": "Totals" }, ...totals(summary).filter(Boolean)), ...sections);
if (table) table.refresh();

function openFromAddress() {
  const asked = /^#file=(\d+)$/.exec(location.hash);
  if (asked && rows && Number(asked[1]) < rows.count) open(Number(asked[1]));
}
addEventListener("hashchange", openFromAddress);
openFromAddress();

addEventListener("keydown", (event) => {
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (!table || event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  table.search.focus();
});
if (table) {
  addEventListener("beforeprint", () => table.print(true));
  addEventListener("afterprint", () => table.print(false));
}
document.documentElement.dataset.ready = String(Math.round(performance.now()));
