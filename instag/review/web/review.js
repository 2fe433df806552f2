import { Bulk, many } from "./bulk.js";

const SPEEDS = [1, 1.5, 2];
const PIECE_SECONDS = 30;

const byId = (id) => document.getElementById(id);
const audio = byId("audio");
const state = { queue: null, current: -1, item: null, order: [], skipped: new Set(), speed: 0, until: null, offset: 0, decoded: false };
const peaks = new Map();
const names = {};
const colours = {};
const keys = {};
const bulk = new Bulk({ state, names, ask, say, refresh });

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Is `instag review` still running? Start it again: what you decided is saved.");
  }
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

// What kind of message stands there: "trouble", "sound" (gone once something plays) or "news".
function say(text, kind = "trouble") {
  const { hidden, dataset } = byId("message");
  if (kind === "sound" && text && !hidden && dataset.kind === "trouble") return;
  byId("message").textContent = text;
  byId("message").dataset.kind = kind;
  byId("message").hidden = !text;
}

// Shows the queue anew, from its start.
function refresh() {
  sortQueue();
  showProgress();
  bulk.banner();
  return show(following(-1));
}

const percent = (share) => `${Math.round(100 * share)} %`;
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const nameOf = (label) => names[label] || label || "nothing";

function button(parent, key, text, action) {
  const made = document.createElement("button");
  const cap = document.createElement("kbd");
  cap.textContent = key;
  const words = document.createElement("span");
  words.textContent = text;
  made.append(cap, words);
  made.type = "button";
  made.addEventListener("click", (event) => {
    // After a click with the mouse, Enter shall confirm what is shown, not press this button again.
    if (event.detail) made.blur();
    enqueue(action);
  });
  parent.append(made);
  return made;
}

// Keys are worked off one after the other, so that none is lost while an earlier decision is being saved.
let chain = Promise.resolve();
function enqueue(action) {
  chain = chain.then(action).catch((error) => say(error.message));
}

function sortQueue() {
  const items = state.queue.items;
  const only = byId("only").value;
  const folder = byId("folder").value;
  const order = byId("order").value;
  if (bulk.group) {
    state.order = bulk.group.sample;
    return;
  }
  state.order = items.map((_, number) => number).filter((number) =>
    (!only || items[number].label === only) && (!folder || items[number].folder === folder.slice(1)));
  // The server's order is by confidence, and sorting keeps it among equals.
  const step = order === "count" ? -1 : 1;
  if (order !== "confidence") state.order.sort((a, b) => items[a][order] < items[b][order] ? -step : items[a][order] > items[b][order] ? step : 0);
}

function following(number) {
  const open = state.order.filter((each) => state.queue.items[each].said === null && each !== number);
  const place = state.order.indexOf(number);
  const fresh = open.filter((each) => !state.skipped.has(each));
  return fresh.find((each) => state.order.indexOf(each) > place) ?? fresh[0] ?? open[0] ?? -1;
}

function showProgress() {
  const { decided, before, total } = state.queue;
  byId("progress").max = before + total;
  byId("progress").value = before + decided;
  byId("count").textContent = `${(before + decided).toLocaleString("en")} of ${(before + total).toLocaleString("en")} `
    + `decided, ${(total - decided).toLocaleString("en")} left · ${state.queue.by}`;
}

async function show(number) {
  audio.pause();
  state.current = number;
  const isDone = number < 0;
  byId("card").hidden = isDone;
  byId("done").hidden = !isDone || byId("verdict").open;
  if (isDone) {
    const left = state.queue.total - state.queue.decided;
    document.documentElement.dataset.shown = "";
    byId("done-title").textContent = left ? "Nothing is left here" : "All decided";
    byId("done-text").textContent = left ? `${many(left, "recording")} left in other folders or under other instruments.`
      : `Everything is saved in ${state.queue.saved_in}. Press Ctrl-C in the terminal, or u to undo the last decision.`;
    byId("done-title").focus();
    return;
  }
  const item = state.item = await ask(`item/${number}`);
  byId("place").textContent = item.folder;
  byId("name").textContent = item.name;
  byId("swatch").style.backgroundColor = colours[item.label] || "transparent";
  byId("machine").textContent = `${nameOf(item.label)}, ${percent(item.confidence || 0)} sure`;
  byId("actions").querySelector("span").textContent = item.label in names ? `It is ${names[item.label]}` : "(nothing to confirm)";
  const others = item.scores.filter(([label]) => label !== item.label).map(([label, score]) => `${nameOf(label)} ${percent(score)}`);
  byId("others").textContent = others.length ? `(then ${others.join(", ")})` : "";
  byId("copies").textContent = item.copies.length ? `The same recording lies at: ${item.copies.join(", ")}` : "";
  const said = state.queue.items[number].said;
  byId("said").textContent = said === null ? "" : !state.queue.items[number].heard ? "Accepted unheard."
    : said ? `You said: ${nameOf(said)}` : "You were not sure.";
  state.decoded = false;
  playTelling();
  draw();
  loadPeaks(number);
  const next = following(number);
  for (const each of peaks.keys()) if (each !== number && each !== next) peaks.delete(each);
  if (next >= 0) loadPeaks(next);
  document.documentElement.dataset.shown = number;
}

function loadPeaks(number) {
  if (peaks.has(number)) return;
  peaks.set(number, null);
  ask(`peaks/${number}`).then((found) => {
    peaks.set(number, found);
    if (number === state.current) draw();
  }, (error) => { if (number === state.current) say(error.message, "sound"); });
}

function play(start, until) {
  state.until = until;
  if (state.decoded) {
    state.offset = start;
    const end = Math.min(start + PIECE_SECONDS, until ?? state.item.seconds);
    audio.src = `clip/${state.current}?start=${start}&end=${Math.max(end, start + 0.1)}`;
    // The position that was set for the file that could not be played would count for this one too.
    audio.currentTime = 0;
  } else {
    state.offset = 0;
    const source = new URL(`audio/${state.current}`, location.href).href;
    if (audio.src !== source) audio.src = source;
    // A position that is set before the length is known is taken once it is.
    audio.currentTime = start;
  }
  audio.playbackRate = audio.defaultPlaybackRate = SPEEDS[state.speed];
  audio.play().catch((error) => { if (error.name === "NotAllowedError") say("Your browser wants a first click or key: press Space to play.", "sound"); });
}

const playTelling = () => play(state.item.start, state.item.end);
const place = () => state.offset + audio.currentTime;

audio.addEventListener("error", () => {
  if (state.decoded || state.current < 0) {
    if (state.current >= 0) fetch(audio.src).then((answer) => answer.ok ? "" : answer.text())
      .then((text) => say(text, "sound"), () => say("It cannot be played.", "sound"));
    return;
  }
  // The browser does not know the format: the server decodes it.
  state.decoded = true;
  play(state.until === null ? 0 : state.item.start, state.until);
});
audio.addEventListener("pause", () => { if (state.current >= 0) draw(); });
audio.addEventListener("playing", () => { if (byId("message").dataset.kind === "sound") say(""); });
audio.addEventListener("ended", () => {
  if (state.decoded && state.until === null && place() < state.item.seconds - 0.2) play(Math.round(1000 * place()) / 1000, null);
});

function watch() {
  if (!audio.paused) {
    if (state.until !== null && place() >= state.until) audio.pause();
    draw();
  }
  requestAnimationFrame(watch);
}

function draw() {
  const item = state.item;
  const canvas = byId("wave");
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name);
  const pen = canvas.getContext("2d");
  const { width, height } = canvas;
  const across = (seconds) => width * seconds / Math.max(item.seconds, 0.1);
  const low = height - 24;
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = colour("--telling");
  pen.fillRect(across(item.start), 0, Math.max(2, across(item.end - item.start)), low);
  pen.fillStyle = colour("--wave");
  const found = peaks.get(state.current) || [];
  const loudest = Math.max(10, ...found);
  found.forEach((peak, column) => {
    const tall = Math.max(1, peak / loudest * (low - 6));
    pen.fillRect(column, (low - tall) / 2, 1, tall);
  });
  for (const [start, end, label] of item.spans) {
    pen.fillStyle = colours[label] || colour("--line");
    pen.fillRect(across(start), height - 20, across(end - start), 16);
  }
  pen.fillStyle = colour("--accent");
  pen.fillRect(across(place()), 0, 2, height);
  const here = item.spans.find(([start, end]) => place() >= start && place() < end);
  byId("time").textContent = [`${clock(place())} of ${clock(item.seconds)}`, here ? `heard here: ${nameOf(here[2])}` : "",
    state.speed ? `${SPEEDS[state.speed]} times as fast` : "", audio.paused ? "stopped" : ""].filter(Boolean).join(" · ");
  byId("whole").lastChild.textContent = audio.paused || state.until !== null ? "Play whole" : "Stop";
}

async function decide(label) {
  if (state.current < 0) return;
  const number = state.current;
  const { group, ...progress } = await ask("decide", { number, label });
  Object.assign(state.queue, progress);
  Object.assign(state.queue.items[number], { said: label, heard: true });
  state.skipped.delete(number);
  const { name } = state.queue.items[number];
  byId("last").textContent = label ? `Saved: ${name} is ${nameOf(label)}.` : `Saved: you are not sure of ${name}.`;
  say("");
  showProgress();
  const isHeard = bulk.take(group);
  bulk.banner();
  await show(isHeard ? -1 : following(number));
}

async function undo() {
  const { undone, group, ...progress } = await ask("undo", {});
  if (!undone.length) return say("There is nothing to undo.", "news");
  Object.assign(state.queue, progress);
  // The decision before, if there was one, is back.
  for (const { number, ...before } of undone) Object.assign(state.queue.items[number], before);
  say(undone.length > 1 ? `${many(undone.length, "recording")} are waiting again.` : "", "news");
  byId("last").textContent = "";
  showProgress();
  bulk.take(group);
  bulk.banner();
  await show(undone[0].number);
}

async function skip() {
  if (state.current < 0) return;
  state.skipped.add(state.current);
  await show(following(state.current) < 0 ? state.current : following(state.current));
}

const again = () => { if (state.current >= 0) playTelling(); };
const whole = () => { if (state.current >= 0) audio.paused || state.until !== null ? play(0, null) : audio.pause(); };
const faster = () => {
  state.speed = (state.speed + 1) % SPEEDS.length;
  audio.playbackRate = audio.defaultPlaybackRate = SPEEDS[state.speed];
  if (state.current >= 0) draw();
};
const confirmIt = () => {
  if (state.current < 0) return;
  if (!(state.item.label in names)) return say("The model names no instrument here: press the key of one.");
  return decide(state.item.label);
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (document.querySelector("dialog[open]")) {
    if (event.key.toLowerCase() === "a") enqueue(() => bulk.accept());
    return;
  }
  // For a moment after a dialogue was closed, what had the focus in it still has it.
  const holder = event.target.closest("dialog") ? "" : event.target.tagName;
  if (holder === "SELECT") return;
  if (holder === "BUTTON" && (event.key === "Enter" || event.key === " ")) return;
  // Digits by the key that they stand on: some layouts want Shift for them.
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
  const action = keys[digit ? digit[1] : event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  if (byId("message").dataset.kind === "news") say("");
  enqueue(action);
});

byId("wave").addEventListener("click", (event) => {
  const box = event.currentTarget.getBoundingClientRect();
  play((event.clientX - box.left) / box.width * state.item.seconds, null);
});
for (const id of ["order", "only", "folder"]) {
  byId(id).addEventListener("change", (event) => {
    event.target.blur();
    enqueue(refresh);
  });
}
byId("bulk-start").addEventListener("click", () => enqueue(() => bulk.start()));
byId("bulk-cancel").addEventListener("click", () => byId("bulk").close());
byId("verdict-accept").addEventListener("click", () => enqueue(() => bulk.accept()));
// Escape, which the browser itself takes for a dialog, means the same as this button.
byId("verdict").addEventListener("cancel", () => enqueue(() => bulk.leave()));
for (const id of ["verdict-no", "sampling-stop"]) byId(id).addEventListener("click", () => enqueue(() => bulk.leave()));

function options(id, values, texts) {
  for (const value of values) byId(id).add(new Option(texts(value), value));
}

async function start() {
  const queue = state.queue = await ask("queue");
  const labels = queue.labels;
  for (const [label, name, colour] of labels) [names[label], colours[label]] = [name, colour];
  document.title = `${queue.title} · instag review`;
  byId("title").textContent = queue.title;
  options("only", labels.map(([label]) => label).filter((label) => queue.items.some((item) => item.label === label)), nameOf);
  options("folder", [...new Set(queue.items.map((item) => `/${item.folder}`))].sort(), (folder) => folder.slice(1) || "(no folder)");
  const actions = [["Enter", "It is", confirmIt], ["n", "Not sure", () => decide("")], ["s", "Skip", skip], ["u", "Undo", undo],
    ["Space", "Play again", again], ["w", "Play whole", whole], ["f", "Faster", faster]];
  for (const [key, text, action] of actions) {
    const made = button(byId("actions"), key, text, action);
    if (key === "w") made.id = "whole";
    keys[key === "Space" ? " " : key.toLowerCase()] = action;
  }
  for (const [label, name, colour, key] of labels) {
    keys[key] = () => decide(label);
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.backgroundColor = colour;
    button(byId("labels"), key, name, keys[key]).lastChild.before(swatch);
  }
  bulk.fill();
  if (queue.accepts) {
    keys.b = () => bulk.open();
    button(byId("many"), "b", "Accept many", keys.b);
  }
  await refresh();
  document.documentElement.dataset.ready = "yes";
  requestAnimationFrame(watch);
}

enqueue(start);
