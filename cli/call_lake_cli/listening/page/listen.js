"use strict";

// The same file draws the overview of a static page, which has its data in the element "data" and no server.

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

function make(name, text, attributes = {}, ...children) {
  const element = document.createElement(name);
  if (text !== null && text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function clock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (h ? `${h}:${String(m).padStart(2, "0")}` : `${m}`) + `:${String(s).padStart(2, "0")}`;
}

// ---- the overview

function overviewOf(data) {
  const calls = data.hours.reduce((sum, one) => sum + one.calls, 0);
  const talk = data.days.reduce((sum, one) => sum + one.talk_s, 0);
  const days = data.days.map((one) => ({ ...one, name: one.day }));
  const hours = data.hours.map((one) => ({ ...one, name: `${String(one.hour).padStart(2, "0")}:00` }));
  const charts = make("div", null, { class: "charts" }, chart("day", days), chart("hour", hours));
  return [make("h2", `${calls.toLocaleString("en")} calls, ${clock(talk)} of talk`), charts];
}

function chart(unit, rows) {
  const svg = document.createElementNS(SVG, "svg");
  const most = Object.fromEntries(["calls", "talk_s"].map((of) => [of, Math.max(...rows.map((one) => one[of]), 1)]));
  svg.setAttribute("viewBox", `0 0 ${rows.length * 10} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  rows.forEach((one, position) => {
    ["calls", "talk_s"].forEach((of, side) => {
      const bar = document.createElementNS(SVG, "rect");
      const height = (one[of] / most[of]) * 100;
      const place = { x: position * 10 + 1 + side * 4, y: 100 - height, width: 4, height };
      Object.entries(place).forEach(([key, value]) => bar.setAttribute(key, value));
      bar.setAttribute("class", side ? "talk-bar" : "calls-bar");
      svg.append(bar);
    });
    const title = document.createElementNS(SVG, "title");
    title.textContent = `${one.name}: ${one.calls} calls, ${clock(one.talk_s)} of talk`;
    svg.lastChild.append(title);
  });
  const caption = make("figcaption", `Per ${unit}:`, {});
  caption.append(" ", make("span", "calls", { class: "legend" }), " ", make("span", "talk time", { class: "legend talk" }));
  const ends = make("div", null, { class: "ends", "aria-hidden": "true" });
  ends.append(make("span", rows[0].name), make("span", rows[rows.length - 1].name));
  return make("figure", null, {}, caption, svg, ends, tableOf(unit, rows));
}

function tableOf(unit, rows) {
  const head = make("tr");
  head.append(...[unit, "calls", "talk time"].map((name) => make("th", name, { scope: "col" })));
  const body = make("tbody");
  for (const one of rows) {
    const row = make("tr", null, {}, make("th", one.name, { scope: "row" }));
    row.append(make("td", one.calls, { class: "number" }), make("td", clock(one.talk_s), { class: "number" }));
    body.append(row);
  }
  const table = make("table", null, {}, make("thead", null, {}, head), body);
  return make("details", null, {}, make("summary", `The numbers per ${unit}`), table);
}

// ---- asking the server

const KEY = "call-lake-token";

function token() {
  if (location.hash.length > 1 && location.hash !== "#calls") {
    sessionStorage.setItem(KEY, location.hash.slice(1)); // of this tab and this port alone
    history.replaceState(null, "", "/"); // out of the address bar
  }
  return sessionStorage.getItem(KEY) || "";
}

async function ask(what, question = {}) {
  const answer = await fetch(`/api/${what}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token()}`, "Content-Type": "application/json" },
    body: JSON.stringify(question),
  }).catch(() => {
    throw new Error("call-lake listen does not answer: it has ended, or this machine is busy");
  });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(data.error || `the answer was ${answer.status}`);
  return data;
}

function trying(act) {
  return async (...given) => {
    byId("message").textContent = "";
    try {
      await act(...given);
    } catch (error) {
      byId("message").textContent = error.message;
    }
  };
}

// ---- the table of calls

const filters = () => Object.fromEntries(new FormData(byId("filters")));
let asked = {};

async function show(question) {
  byId("status").textContent = "Reading the calls …";
  byId("calls").setAttribute("aria-busy", "true");
  asked = question;
  try {
    const found = await ask("calls", question);
    if (asked !== question) return; // a later question was asked meanwhile
    byId("overview").replaceChildren(...(found.total ? overviewOf(found.overview) : []));
    const zones = new Set(found.calls.map((call) => call.zone));
    byId("start").textContent = zones.size === 1 ? `Start (${[...zones][0]})` : "Start";
    byId("calls").tBodies[0].replaceChildren(...found.calls.flatMap((call) => rowsOf(call, zones.size > 1)));
    byId("more").hidden = found.calls.length >= found.total;
    const some = found.calls.length < found.total ? `; the newest ${found.calls.length} are shown` : "";
    const perhaps = found.calls.filter((call) => call.perhaps).length;
    const unsure = perhaps ? ` ${perhaps} of them, marked “perhaps”, may be of another number.` : "";
    byId("status").textContent = found.total ? `${found.total} calls${some}.${unsure}` : "No calls fit.";
  } catch (error) {
    byId("status").textContent = "";
    throw error;
  } finally {
    byId("calls").removeAttribute("aria-busy");
  }
}

function rowsOf(call, showsZone) {
  const open = make("button", showsZone ? `${call.started} ${call.zone}` : call.started, { type: "button" });
  open.setAttribute("aria-label", `Open the call of ${call.started} ${call.zone}, ${call.caller || "no number"}`);
  const row = make("tr", null, {}, make("th", null, { scope: "row" }, open));
  const cells = [
    ["Caller", call.perhaps ? `${call.caller || "–"} (perhaps)` : call.caller],
    ["Callee", call.callee],
    ["Agent", call.agent],
    ["Direction", call.direction],
    ["Length", clock(call.length_s)],
    ["Source", call.source],
  ];
  for (const [label, value] of cells) {
    row.append(make("td", value === null ? "–" : value, { "data-label": label, class: label === "Length" ? "number" : "" }));
  }
  open.addEventListener("click", trying(() => openCall(call, open, row)));
  return call.hits.length ? [row, hitsOf(call, open, row)] : [row];
}

// Where the phrase was said in a call; a click opens the call and plays it there.
function hitsOf(call, opener, row) {
  const list = make("ul");
  for (const hit of call.hits) {
    const button = make("button", clock(hit.at_s), { type: "button" });
    button.setAttribute("aria-label", `Play the call of ${call.started} from ${clock(hit.at_s)}: ${hit.words}`);
    button.addEventListener("click", trying(async () => {
      await openCall(call, opener, row);
      if (now && now.call === call && call.has_audio) await playFrom(hit.at_s);
    }));
    const text = make("span", null, {}, ` ${hit.before}`, make("strong", hit.words), hit.after);
    list.append(make("li", null, {}, button, hit.side ? make("span", ` ${hit.side}:`, { class: "side" }) : "", text));
  }
  if (call.more_hits) list.append(make("li", `… and ${call.more_hits} times more`));
  const cell = make("td", null, { colspan: 7, "data-label": "Said" }, list);
  return make("tr", null, { class: "hits" }, cell);
}

// ---- one call and its player

let now = null; // the call that is open
const audio = () => byId("audio");

async function openCall(call, opener, row) {
  stop();
  document.querySelectorAll("[aria-current]").forEach((one) => one.removeAttribute("aria-current"));
  row.setAttribute("aria-current", "true");
  const mine = (now = { call, opener, ticket: null, peaks: null, why: null, from: null, said: null });
  byId("player-title").textContent = `Call of ${call.started} (${call.zone})`;
  const who = [call.caller, call.callee].filter(Boolean).join(" → ");
  byId("player-who").textContent = [who, call.agent, call.direction, clock(call.length_s)].filter(Boolean).join(" · ");
  showWords(null, "Press Play to see the transcript, if there is one.");
  byId("sound").replaceChildren();
  byId("sound-facts").hidden = true;
  byId("story").replaceChildren();
  byId("facts").replaceChildren();
  byId("story-note").textContent = byId("lanes").textContent = "";
  byId("play").disabled = byId("save").disabled = !call.has_audio;
  say(call.has_audio ? "" : "Its audio has expired.");
  byId("player").hidden = false;
  draw();
  byId("player-title").focus();
  byId("player").scrollIntoView({ block: "nearest" });
  const story = await ask("story", idOf(call));
  if (now !== mine) return;
  byId("story").replaceChildren(...story.events.map((one) => make("li", null, {}, make("time", one.at), ` ${one.what}`)));
  byId("facts").replaceChildren(...story.facts.flatMap((one) => [make("dt", one.name), make("dd", one.value)]));
  byId("story-note").textContent = story.note || "";
  byId("sound").replaceChildren(...story.sound.map((one) => make("li", one)));
  byId("sound-facts").hidden = !story.sound.length;
}

const idOf = (call) => ({ source: call.source, call_date: call.call_date, recording_id: call.recording_id });
const say = (text) => (byId("player-message").textContent = text);

function stop() {
  audio().pause();
  audio().removeAttribute("src");
  audio().load();
  byId("play").textContent = "Play";
  byId("position").disabled = true;
  byId("position").value = byId("position").max = 0;
  showTime();
}

// Play from a moment: at once where the call plays already, else once its audio is loaded.
async function playFrom(seconds) {
  if (now.ticket && !audio().error && audio().readyState) {
    audio().currentTime = seconds;
    await audio().play();
    return;
  }
  now.from = seconds;
  await playOrPause();
}

async function playOrPause() {
  if (now.ticket && !audio().ended && !audio().error) {
    await (audio().paused ? audio().play() : audio().pause());
    return;
  }
  const mine = now;
  if (mine.asking) return; // a second press would be noted as a second play; a disabled button would lose the focus
  mine.asking = true;
  const play = await ask("play", idOf(mine.call)).finally(() => (mine.asking = false)); // noted before any audio comes
  if (now !== mine) return;
  if (play.why) {
    say(`Not played: ${play.why}.`);
    return;
  }
  mine.ticket = play.ticket;
  audio().src = play.audio;
  audio().playbackRate = Number(byId("speed").value);
  say("Loading …");
  audio().play().catch(() => {}); // the event "error" says why
  if (mine.said) return;
  const [peaks] = await Promise.all([ask("peaks", { ticket: play.ticket }), readWords(mine, "")]);
  if (now !== mine) return;
  mine.peaks = peaks.peaks || null;
  mine.why = peaks.why || null;
  if (mine.why) say(mine.why);
  byId("lanes").textContent = mine.peaks && mine.peaks.length === 2 ? "Left side above, right side below." : "";
  draw();
}

// What was said, as the chosen engine heard it.
async function readWords(mine, engine) {
  const said = await ask("transcript", { ticket: mine.ticket, engine, says: asked.says || "" });
  if (now !== mine) return;
  mine.said = said;
  showWords(said, said.note);
}

async function save() {
  const play = await ask("play", { ...idOf(now.call), action: "get" });
  const link = make("a", "", { href: play.audio, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
  say("The browser saves the file. This was noted like a play.");
}

function close() {
  stop();
  byId("player").hidden = true;
  document.querySelectorAll("[aria-current]").forEach((one) => one.removeAttribute("aria-current"));
  const opener = now.opener;
  now = null;
  (opener.isConnected ? opener : byId("calls")).focus();
}

function showTime() {
  const at = audio().currentTime || 0;
  const length = Number.isFinite(audio().duration) ? audio().duration : 0;
  byId("time").textContent = length ? `${clock(at)} of ${clock(length)}` : clock(at);
  byId("position").value = at;
  byId("position").setAttribute("aria-valuetext", byId("time").textContent);
  markWords(at);
  draw();
}

function draw() {
  const canvas = byId("waveform");
  const style = getComputedStyle(document.documentElement);
  const [over, ahead] = ["--accent", "--faint"].map((name) => style.getPropertyValue(name));
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, canvas.clientWidth * scale);
  canvas.height = Math.max(1, canvas.clientHeight * scale);
  const pen = canvas.getContext("2d");
  const lanes = now && now.peaks ? now.peaks : [];
  const played = audio().duration ? audio().currentTime / audio().duration : 0;
  const lane = canvas.height / Math.max(lanes.length, 1);
  lanes.forEach((peaks, number) => {
    const width = canvas.width / Math.max(peaks.length, 1);
    peaks.forEach((peak, position) => {
      const height = Math.max((peak / 100) * lane * 0.9, 1);
      pen.fillStyle = position / peaks.length < played ? over : ahead;
      pen.fillRect(position * width, lane * number + (lane - height) / 2, Math.max(width * 0.8, 0.5), height);
    });
  });
}

function listenToPlayer() {
  const player = audio();
  byId("play").addEventListener("click", trying(playOrPause));
  byId("save").addEventListener("click", trying(save));
  byId("close").addEventListener("click", close);
  byId("engine").addEventListener("change", trying(() => readWords(now, byId("engine").value)));
  listenToWords(trying(playFrom));
  byId("speed").addEventListener("change", () => (player.playbackRate = Number(byId("speed").value)));
  byId("position").addEventListener("input", () => (player.currentTime = Number(byId("position").value)));
  byId("waveform").addEventListener("click", (event) => {
    if (Number.isFinite(player.duration)) player.currentTime = (event.offsetX / byId("waveform").clientWidth) * player.duration;
  });
  byId("player").addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  player.addEventListener("loadedmetadata", () => {
    byId("position").max = Number.isFinite(player.duration) ? player.duration : 0;
    byId("position").disabled = false;
    if (now && now.from !== null) player.currentTime = now.from;
    if (now) now.from = null;
    say(now && now.why ? now.why : "");
    showTime();
  });
  player.addEventListener("timeupdate", showTime);
  player.addEventListener("play", () => {
    byId("play").textContent = "Pause";
    follow();
  });
  player.addEventListener("pause", () => (byId("play").textContent = "Play"));
  player.addEventListener("error", () => {
    if (player.getAttribute("src")) say("This browser does not play it: save it as a file. If it has played before, press Play again.");
  });
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

// ---- the beginning

async function begin() {
  token();
  listenToPlayer();
  const form = byId("filters").elements;
  byId("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    trying(show)(filters());
  });
  byId("more").addEventListener("click", trying(() => show({ ...asked, shown: (asked.shown || 200) * 2 })));
  const about = await ask("about");
  byId("about").textContent = `${about.stack} · as ${about.who}`;
  form.first.value = about.first;
  form.last.value = about.last;
  form.source.append(...about.sources.map((name) => make("option", name, { value: name })));
  form.direction.append(...about.directions.map((name) => make("option", name, { value: name })));
  await show(filters());
}

if (byId("data")) {
  const data = JSON.parse(byId("data").textContent);
  byId("title").textContent = data.title;
  byId("overview").replaceChildren(...overviewOf(data));
} else {
  trying(begin)();
}
