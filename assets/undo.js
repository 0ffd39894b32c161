// What can be undone, and for how long yet. See pages/parts/taking_back.py.

const states = new WeakMap();

function buildOffer(offer, state) {
  const row = make("div", "offer");
  const left = make("span", "left");
  left.dataset.until = offer.until;
  // The seconds are for the eye: read aloud each second they would drown all else.
  left.setAttribute("aria-hidden", "true");
  const button = make("button", "", state.words.undo);
  button.type = "button";
  button.setAttribute("aria-label", actOf(state.words.undo, offer.told, state.words));
  button.addEventListener("click", () => {
    row.remove();
    state.trigger("undo", offer.id);
  });
  row.append(make("span", "told", offer.told), left, button);
  return row;
}

function tickOffers(state) {
  clearTimeout(state.timer);
  const now = databaseTime();
  for (const left of state.root.querySelectorAll("[data-until]")) {
    const ms = Number(left.dataset.until) - now;
    if (ms <= 0) left.closest(".offer").remove();
    else left.textContent = remaining(ms, state.words);
  }
  const next = Math.min(...[...state.root.querySelectorAll("[data-until]")].map((left) => left.dataset.until - now));
  state.root.hidden = !Number.isFinite(next);
  // At each full second that is left, so that the last one ends exactly at its end.
  if (Number.isFinite(next)) state.timer = setTimeout(() => tickOffers(state), (next % 1000) + 5);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const state = states.get(parentElement) ?? { root };
  states.set(parentElement, state);
  Object.assign(state, { trigger: setTriggerValue, words: data.words });
  learnTime(data.now);
  const written = JSON.stringify(data.offers);
  if (state.written !== written) {
    root.setAttribute("role", "status");
    root.setAttribute("aria-label", data.words.label);
    root.replaceChildren(...data.offers.map((offer) => buildOffer(offer, state)));
    state.written = written;
  }
  tickOffers(state);
  return () => clearTimeout(state.timer);
}
