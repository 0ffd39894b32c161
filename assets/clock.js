// The database's time in the browser, and times to go in words. Put in front of each component.

const known = { at: -Infinity, ahead: 0 };

// Learns from a message that says what the database's clock showed (ms). Of several messages the
// one that travelled least is the truest, unless the browser's own clock was set since.
function learnTime(now) {
  if (now <= known.at) return;
  const ahead = now - Date.now();
  const [older, nearby] = [known.at === -Infinity, Math.abs(ahead - known.ahead) < 2000];
  known.ahead = older || !nearby ? ahead : Math.max(ahead, known.ahead);
  known.at = now;
}

const databaseTime = () => Date.now() + known.ahead;

// 45 s, 3 min 20 s, 2 h 30 min, 3 d 5 h. As in pages/parts/times.py.
function spelledOut(seconds, words) {
  const parts = [
    [Math.floor(seconds / 86400), words.day],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor(seconds) % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count);
  const shown = first < 0 ? [[0, "s"]] : parts.slice(first, first + 2).filter(([count]) => count);
  return shown.map(([count, unit]) => `${count}\u00a0${unit}`).join("\u00a0");
}

// A time to go or gone: to the second only within the last minute.
function remaining(ms, words) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return spelledOut(seconds < 60 ? seconds : seconds - (seconds % 60), words);
}

const SOON_MS = 5 * 60 * 1000;
const LATE_MS = 5 * 1000;

// A time to go that ticks; orange within five minutes, red when it is late.
function tickCountdown(element, words) {
  const left = Number(element.dataset.at) - databaseTime();
  const late = left < -LATE_MS;
  let text = words.due;
  if (left > 0) text = (element.dataset.alone === undefined ? "{}" : words.ahead).replace("{}", remaining(left, words));
  else if (late) text = words.late.replace("{}", remaining(-left - 999, words));
  if (element.textContent !== text) element.textContent = text;
  element.classList.toggle("soon", left <= SOON_MS && !late);
  element.classList.toggle("late", late);
}

// A time gone by that ticks.
function tickAgo(element, words) {
  const gone = databaseTime() - Number(element.dataset.since);
  const text = words.ago.replace("{}", remaining(Math.max(0, gone - 999), words));
  if (element.textContent !== text) element.textContent = text;
}

// How long something has run, to the second; orange once that is longer than usual.
function tickElapsed(element, words) {
  const gone = databaseTime() - Number(element.dataset.began);
  const slow = gone > Number(element.dataset.slow ?? Infinity);
  let text = spelledOut(Math.max(0, gone / 1000), words);
  if (slow) text = words.slow.replace("{}", text);
  element.classList.toggle("slow", slow);
  if (element.textContent !== text) element.textContent = text;
}

function tick(root, words) {
  for (const element of root.querySelectorAll("[data-at]")) tickCountdown(element, words);
  for (const element of root.querySelectorAll("[data-since]")) tickAgo(element, words);
  for (const element of root.querySelectorAll("[data-began]")) tickElapsed(element, words);
}

// Ticks at each full second of the database's clock, not of the page's load.
function tickEachSecond(state) {
  clearTimeout(state.timer);
  const again = () => {
    tick(state.root, state.words);
    state.timer = setTimeout(again, 1005 - (databaseTime() % 1000));
  };
  again();
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = text;
  return element;
}
