// What an execution prints, as it comes. See pages/parts/output.py.

const states = new WeakMap();
const NEAR_THE_END_PX = 24;

function start(root) {
  const box = make("div", "box");
  box.tabIndex = 0;
  box.setAttribute("role", "log");
  box.setAttribute("aria-live", "off");
  const cut = make("p", "cut");
  const text = make("pre");
  const follow = make("button", "follow");
  follow.type = "button";
  follow.hidden = true;
  box.append(cut, text);
  root.replaceChildren(box, follow);
  const state = { box, cut, text, follow, last: -1, following: true };
  // Who scrolls up to read is left alone until they come back to the end.
  box.addEventListener("scroll", () => {
    state.following = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_THE_END_PX;
    follow.hidden = state.following;
  });
  follow.addEventListener("click", () => {
    box.scrollTop = box.scrollHeight;
  });
  return state;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  const state = states.get(parentElement) ?? start(root);
  states.set(parentElement, state);
  state.box.setAttribute("aria-label", data.label);
  state.follow.textContent = data.follow;
  state.cut.textContent = data.cut ?? "";
  state.cut.hidden = !data.cut;
  const first = data.chunks[0].seq;
  if (data.chunks.at(-1).seq < state.last) {
    state.text.replaceChildren();
    state.last = -1;
  }
  for (const chunk of data.chunks) {
    if (chunk.seq <= state.last) continue;
    const piece = make("span", chunk.stream, chunk.text);
    piece.dataset.seq = chunk.seq;
    state.text.append(piece);
    state.last = chunk.seq;
  }
  while (Number(state.text.firstElementChild?.dataset.seq) < first) state.text.firstElementChild.remove();
  if (state.following) state.box.scrollTop = state.box.scrollHeight;
}
