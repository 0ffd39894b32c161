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

// 45s, 15 min, 2h 30min, 3d 5h
function remaining(ms, words) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [days, hours] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24];
  const minutes = Math.floor(seconds / 60) % 60;
  if (days) return `${days}${words.day}\u00a0${hours}h`;
  if (hours) return `${hours}h\u00a0${minutes}min`;
  return minutes ? `${minutes}\u00a0min` : `${seconds}s`;
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
  const seconds = Math.max(0, Math.floor(gone / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  let text = `${seconds % 60}\u00a0s`;
  if (hours) text = `${hours}\u00a0h\u00a0${minutes}\u00a0min`;
  else if (minutes) text = `${minutes}\u00a0min\u00a0${seconds % 60}\u00a0s`;
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
