"use strict";

// The words of a call beside its player. All text is somebody else's: it becomes text of elements, never HTML.

const PLACES_SHOWN = 20;
let parts = []; // of each side, its words (or segments) by start: { start, end, element }
let marked = [];

// "said" is what the server answers about the words; null where they are not known yet. "note" is shown above them.
function showWords(said, note) {
  parts = [];
  marked = [];
  byId("transcript-note").textContent = note || "";
  byId("engines").hidden = !said || said.engines.length < 2;
  byId("places").replaceChildren(...(said && said.hits.length ? placesOf(said.hits) : []));
  if (!said) {
    byId("transcript").replaceChildren();
    return;
  }
  byId("engine").replaceChildren(...said.engines.map((name) => make("option", name, { value: name })));
  byId("engine").value = said.engine;
  const hits = new Set(said.hits.map((hit) => hit.segment));
  const sides = new Map();
  byId("transcript").replaceChildren(...said.segments.map((one, number) => segmentOf(one, hits.has(number), sides)));
  parts = [...sides.values()];
  const first = byId("transcript").querySelector(".hit");
  byId("transcript").scrollTop = first ? first.offsetTop : 0;
}

function segmentOf(one, isHit, sides) {
  const times = make("button", clock(one.start_s), { type: "button", "data-from": one.start_s });
  times.setAttribute("aria-label", `Play from ${clock(one.start_s)}${one.side ? `, ${one.side}` : ""}`);
  const text = make("div", null, {}, one.side ? make("span", `${one.side}: `, { class: "side" }) : "");
  const said = one.words.length ? one.words : [[one.start_s, one.end_s, one.text]];
  const known = sides.get(one.channel) || [];
  sides.set(one.channel, known);
  for (const [start, end, words] of said) {
    const element = make("span", words, { class: "said", "data-from": start });
    text.append(element, " ");
    known.push({ start, end, element });
  }
  const classes = [isHit ? "hit" : "", one.channel === 1 ? "right" : ""].filter(Boolean).join(" ");
  return make("li", null, classes ? { class: classes } : {}, times, text);
}

function placesOf(hits) {
  const buttons = hits.slice(0, PLACES_SHOWN).map((hit) => {
    const button = make("button", clock(hit.at_s), { type: "button", "data-from": hit.at_s });
    button.setAttribute("aria-label", `Play from ${clock(hit.at_s)}, where “${hit.words}” was said`);
    return button;
  });
  return ["Said at ", ...buttons, hits.length > PLACES_SHOWN ? ` and ${hits.length - PLACES_SHOWN} times more` : ""];
}

// Mark what is spoken at this second, on each side.
function markWords(at) {
  const spoken = parts.map((side) => spokenAt(side, at)).filter(Boolean);
  if (spoken.length === marked.length && spoken.every((one, position) => one === marked[position])) return;
  marked.forEach((one) => one.element.classList.remove("spoken"));
  spoken.forEach((one) => one.element.classList.add("spoken"));
  marked = spoken;
  const box = byId("transcript");
  if (!spoken.length || box.matches(":hover, :focus-within")) return; // somebody reads elsewhere
  const line = spoken[0].element.closest("li");
  const isSeen = line.offsetTop >= box.scrollTop && line.offsetTop + line.offsetHeight <= box.scrollTop + box.clientHeight;
  if (!isSeen) box.scrollTop = line.offsetTop - box.clientHeight / 3;
}

function spokenAt(side, at) {
  let [low, high] = [0, side.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (side[middle].start <= at) low = middle + 1;
    else high = middle;
  }
  const last = side[low - 1];
  return last && at < Math.max(last.end, last.start + 0.1) ? last : null;
}

// A player tells its time four times a second, which is too seldom for words.
function follow() {
  if (audio().paused) return;
  markWords(audio().currentTime);
  requestAnimationFrame(follow);
}

function listenToWords(playFrom) {
  for (const id of ["transcript", "places"]) {
    byId(id).addEventListener("click", (event) => {
      const from = event.target.closest("[data-from]");
      if (from) playFrom(Number(from.getAttribute("data-from")));
    });
  }
}
