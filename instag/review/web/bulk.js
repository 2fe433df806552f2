// Accepting many doubtful recordings at once: choose a group, hear a random part of it, then decide on the rest.

const byId = (id) => document.getElementById(id);
export const many = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

export class Bulk {
  // `page` has: state, names, ask(path, body), say(text), refresh() and show(number).
  constructor(page) {
    this.page = page;
    this.group = null;
    for (const id of ["bulk-folder", "bulk-label", "bulk-percent", "bulk-sample"]) byId(id).addEventListener("input", () => this.count());
  }

  // The folders of the queue and those that they lie in, and the instruments in it.
  fill() {
    const items = this.page.state.queue.items;
    const folders = new Set();
    for (const { folder } of items) {
      const parts = folder.split("/");
      parts.forEach((_, depth) => folders.add(parts.slice(0, depth + 1).join("/")));
    }
    folders.delete("");
    for (const folder of [...folders].sort()) byId("bulk-folder").add(new Option(folder, folder));
    for (const label of Object.keys(this.page.names)) {
      if (items.some((item) => item.label === label)) byId("bulk-label").add(new Option(this.page.names[label], label));
    }
  }

  open() {
    if (!this.page.state.queue.accepts || this.group) return;
    byId("audio").pause();
    byId("bulk-label").value = byId("only").value;
    byId("bulk-folder").value = byId("folder").value.slice(1);
    byId("bulk-percent").value = byId("bulk-percent").value || 0;
    this.count();
    byId("bulk").showModal();
  }

  choice() {
    return { folder: byId("bulk-folder").value, label: byId("bulk-label").value,
      percent: Math.round(Math.min(100, Math.max(0, Number(byId("bulk-percent").value) || 0))), count: Number(byId("bulk-sample").value) };
  }

  count() {
    const { folder, label, percent, count } = this.choice();
    const found = this.page.state.queue.items.filter((item) => item.said === null && item.label in this.page.names
      && (!label || item.label === label) && (item.confidence || 0) >= percent / 100
      && (!folder || item.folder === folder || item.folder.startsWith(`${folder}/`)));
    const rest = found.length - count;
    const files = found.reduce((sum, item) => sum + item.count, 0);
    const copies = files > found.length ? ` (${many(files, "file")} with their copies)` : "";
    const all = `${many(found.length, "recording")}${copies}`;
    byId("bulk-found").textContent = rest > 0 ? `${all}: ${count} to hear, ${rest.toLocaleString("en")} to accept unheard.`
      : found.length ? `${all}: no more than the sample. Hear ${found.length === 1 ? "it" : "them one by one"}.` : "No recordings.";
    byId("bulk-start").disabled = rest <= 0;
  }

  async start() {
    const chosen = this.choice();
    this.group = await this.page.ask("group", chosen);
    byId("bulk").close();
    const label = chosen.label ? this.page.names[chosen.label] : "all instruments";
    const sure = chosen.percent ? `, ${chosen.percent} % sure or more` : "";
    this.about = `${label}${sure}, in ${chosen.folder || "all folders"}`;
    await this.page.refresh();
  }

  // After a decision or an undo: shows how far the sample is; true where it has just been finished.
  take(group) {
    if (!this.group || !group) return false;
    this.group = group;
    if (group.left) return false;
    const { sample, right, rest, most_wrong: most } = group;
    const heard = sample.length;
    byId("verdict-text").textContent = `The model was right in ${right} of ${heard}. With a certainty of 95 %, `
      + `at most ${most.toLocaleString("en")} of the other ${many(rest, "recording")} are wrong (${Math.round(100 * most / rest)} %).`;
    byId("verdict-accept").lastChild.textContent = `Accept ${rest.toLocaleString("en")} unheard`;
    byId("verdict").showModal();
    byId("verdict-title").focus();
    return true;
  }

  async accept() {
    if (!byId("verdict").open) return;
    const { accepted, ...progress } = await this.page.ask("accept", {});
    const { queue } = this.page.state;
    Object.assign(queue, progress);
    for (const number of accepted) Object.assign(queue.items[number], { said: queue.items[number].label, heard: false });
    await this.leave();
    this.page.say(`${many(accepted.length, "recording")} accepted with the model's label. Press u to take that back.`, "news");
  }

  // Ends the sample, heard or not; what was decided stays.
  async leave() {
    this.group = null;
    for (const id of ["bulk", "verdict"]) byId(id).close();
    await this.page.refresh();
  }

  // The line above the card while a sample is heard.
  banner() {
    byId("sampling").hidden = !this.group;
    for (const id of ["order", "only", "folder"]) byId(id).disabled = Boolean(this.group);
    if (!this.group) return;
    const { sample, left, right } = this.group;
    const heard = sample.length - left;
    byId("sampling-text").textContent = `Sample of ${this.about}: ${heard} of ${sample.length} heard, ${right} right.`;
  }
}
