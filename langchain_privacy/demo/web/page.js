// Draws what the server tells. It computes nothing: every figure and every cut of a text comes in
// an event; texts are set as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const SCENARIOS = ["record", "contract", "agent", "database", "attested", "words"];
const OWN = { record: "own", contract: "own", attested: "own_text", words: "own_text" };
const ASKS = ["record", "contract", "agent", "database"];
const LOCAL = ["record", "contract"];

let words = {};
let all = {};
let scenario = SCENARIOS[0];
let run = null;
let stream = null;
let fileName = "";
let asked = "";

const kept = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(name, value); } catch { /* private window */ } },
};

function say(key, about = {}) {
  const form = words[key] ?? key;
  return form.replace(/\{(\w+)\}/g, (_, name) => shown(about[name]));
}

function shown(value) {
  return typeof value === "number" ? value.toLocaleString(words.language) : String(value ?? "");
}

function make(tag, about = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name === "text") made.textContent = value;
    else if (name === "click") made.addEventListener("click", value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// ---- language, theme, scenario

function speak(language) {
  words = all[language];
  kept.set("language", language);
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-t]")) each.textContent = say(each.dataset.t);
  for (const each of document.querySelectorAll("[data-label]")) {
    each.setAttribute("aria-label", say(each.dataset.label));
  }
  const other = language === "en" ? "ko" : "en";
  $("language").textContent = other === "ko" ? "한국어" : "English";
  $("language").lang = other;
  document.title = `langchain-privacy: ${say("title")}`;
  paint(document.documentElement.dataset.theme);
  choose(scenario);
}

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  kept.set("theme", theme);
  $("theme").textContent = say(theme === "dark" ? "theme_back" : "theme");
}

function choose(name) {
  scenario = name;
  location.hash = name;
  $("scenarios").replaceChildren(...SCENARIOS.map((each) => make("button", {
    type: "button", "data-scenario": each, "aria-current": String(each === name),
    text: words.names[each], click: () => { leave(); choose(each); },
  })));
  $("scenario-name").textContent = words.names[name];
  $("scenario-about").textContent = words.about[name];
  $("question-field").hidden = !ASKS.includes(name);
  $("own-field").hidden = !OWN[name];
  if (OWN[name]) $("own-field").querySelector("summary").textContent = say(OWN[name]);
  $("own-field").open = name === "words";
  $("models-field").hidden = name === "attested";
  $("local-field").hidden = !LOCAL.includes(name);
  $("tamper-field").hidden = name !== "attested";
  $("question").value = "";
  $("question").placeholder = words.asks[name];
  $("own").placeholder = words.asks[name];
  clear();
}

function leave() {
  if (run) fetch(`/runs/${run}`, { method: "DELETE" });
  if (stream) stream.close();
  run = stream = null;
  busy(false);
  $("status").textContent = "";
}

function clear() {
  for (const id of ["asked", "answer", "quotes", "document", "jobs", "decisions", "wire", "totals", "vault"]) {
    $(id).replaceChildren();
  }
  for (const id of ["asked-card", "answer-card", "ask-card", "document-card", "jobs-card", "chart", "problem"]) {
    $(id).hidden = true;
  }
}

// ---- a run

function busy(now) {
  $("start").disabled = now;
  $("stop").disabled = !now;
}

function complain(message) {
  $("problem").textContent = message;
  $("problem").hidden = false;
}

async function start() {
  clear();
  busy(true);
  $("status").textContent = say("running");
  const models = {};
  for (const id of ["local", "address", "model", "key"]) models[id] = $(id).value;
  const request = {
    scenario, language: words.language, question: $("question").value, models,
    text: OWN[scenario] ? $("own").value : "", name: fileName,
    strict: $("strict").checked, tamper: $("tamper").checked,
  };
  try {
    const headers = { "Accept-Language": words.language };
    const came = await fetch("/runs", { method: "POST", body: JSON.stringify(request), headers });
    const said = await came.json();
    if (!came.ok) throw new Error(said.message);
    run = said.id;
  } catch (problem) {
    complain(problem.message || say("lost"));
    $("status").textContent = "";
    busy(false);
    return;
  }
  stream = new EventSource(`/runs/${run}/events`);
  stream.onmessage = (message) => {
    const event = JSON.parse(message.data);
    (draw[event.event] ?? (() => {}))(event);
  };
  stream.onerror = () => {
    if (stream && stream.readyState === EventSource.CLOSED) {
      complain(say("lost"));
      leave();
    }
  };
}

function pieces(parts, tag) {
  return parts.map(([text, placeholder]) => {
    if (!placeholder) return document.createTextNode(text);
    const piece = make(tag, { "data-ph": placeholder, text });
    if (tag === "mark") {
      piece.title = placeholder;
    } else {
      piece.className = "chip";
      piece.type = "button";
      for (const name of ["mouseenter", "focus"]) {
        piece.addEventListener(name, () => light(placeholder, true));
      }
      for (const name of ["mouseleave", "blur"]) {
        piece.addEventListener(name, () => light(placeholder, false));
      }
    }
    return piece;
  });
}

function light(placeholder, on) {
  let first = true;
  for (const each of document.querySelectorAll("[data-ph]")) {
    if (each.dataset.ph !== placeholder) continue;
    each.classList.toggle("lit", on);
    if (on && first && each.tagName === "MARK") {
      const box = $("document");
      box.scrollTop = each.offsetTop - box.offsetTop - box.clientHeight / 3;
      first = false;
    }
  }
}

function facts(pairs) {
  return make("dl", { class: "facts" }, ...pairs.flatMap(([name, value]) => [
    make("dt", { text: name }), make("dd", {}, value),
  ]));
}

const draw = {
  asked({ text }) {
    $("asked").textContent = text;
    $("asked-card").hidden = false;
  },

  document({ name, parts }) {
    $("document-name").textContent = name;
    $("document").replaceChildren(...pieces(parts, "mark"));
    $("document-card").hidden = false;
  },

  table({ name, columns, rows }) {
    const head = make("tr", {}, ...columns.map((c) => make("th", { scope: "col", text: c })));
    const body = rows.map((row) => make("tr", {}, ...row.map((c) => make("td", { text: c }))));
    $("document-name").textContent = name;
    $("document").replaceChildren(make("table", {}, head, ...body));
    $("document-card").hidden = false;
  },

  vault(event) { $("vault").textContent = say("vault", event); },

  job({ key, node, state }) {
    $("jobs-card").hidden = false;
    let line = document.querySelector(`[data-job="${CSS.escape(key)}"]`);
    if (!line) {
      line = make("li", { "data-job": key, text: `${words[`node_${node}`] ?? node} ` }, make("span"));
      $("jobs").append(line);
    }
    line.querySelector("span").textContent = say(`${state}_state`);
    if (state === "start") $("status").textContent = `${words[`node_${node}`] ?? node} …`;
  },

  crossing(event) {
    const good = event.decision === "allowed";
    const held = Object.entries(event.entity_types).map(([kind, n]) => `${kind} ${n}`).join(", ");
    const pairs = [
      [say("to"), `${event.destination} (${event.model})`],
      [say("holds"), held || say("none")],
      [say("sent"), say("bytes", { bytes: event.bytes_out })],
    ];
    if (event.rule) pairs.unshift([say("rule_name"), event.rule]);
    pairs.push([say("record"), make("code", { text: event.hash.slice(0, 16) })]);
    $("decisions").append(make("article",
      { "data-crossing": event.seq, class: good ? "" : "refused" },
      make("div", { class: "row" },
        make("h3", { text: say("crossing", { seq: event.number }) }),
        make("span", {
          class: `badge ${good ? "good" : "bad"}`,
          text: `${good ? "✓" : "✕"} ${say(event.decision)}`,
        })),
      facts(pairs), make("p", { class: "hint" })));
  },

  receipt(event) {
    const card = document.querySelector(`[data-crossing="${event.refers}"] .hint`);
    if (card && event.tokens_out !== undefined) card.textContent = say("tokens", event);
  },

  attestation({ verified, checks }) {
    const outcome = { passed: "passed", skipped: "skipped", failed: "not_passed" };
    const sign = { passed: "✓", skipped: "–", failed: "✕" };
    $("decisions").append(make("article", { class: verified ? "" : "refused" },
      make("h3", { text: say(verified ? "attested" : "not_attested") }),
      make("ul", {}, ...checks.map((c) => make("li", {
        text: `${sign[c.outcome]} ${c.name}: ${say(outcome[c.outcome])}`
          + (c.detail ? ` (${c.detail})` : ""),
      })))));
  },

  wire({ crossing, line, bytes, sha256, sealed, parts }) {
    const name = `wire-${$("wire").childElementCount + 1}`;
    $("wire").append(make("article", {},
      make("div", { class: "row" },
        make("h3", { id: name, text: crossing ? say("crossing", { seq: crossing }) : line }),
        make("span", { class: "hint", text: say(sealed ? "sealed" : "bytes", { bytes }) })),
      make("code", { text: line }),
      make("pre", { class: "bytes", tabindex: "0", role: "region", "aria-labelledby": name },
        ...pieces(parts, "button")),
      make("code", { class: "hint", text: `SHA-256 ${sha256}` })));
  },

  text({ delta }) {
    $("answer-card").hidden = false;
    $("answer").append(delta);
  },

  answer({ text, quotes, chart }) {
    $("answer-card").hidden = false;
    $("answer").textContent = text;
    $("quotes").replaceChildren(...quotes.map((quote) => make("li", { text: quote })));
    $("chart").hidden = !chart;
    if (chart) {
      $("chart").src = `data:image/png;base64,${chart}`;
      $("chart").alt = say("chart");
    }
  },

  ask({ tool, arguments: given }) {
    asked = tool;
    const decide = (decision) => fetch(`/runs/${run}/decision`, {
      method: "POST", body: JSON.stringify({ decision }),
    });
    const yes = make("button", {
      type: "button", class: "main", id: "approve", text: say("approve"), click: () => decide("approve"),
    });
    const no = make("button", {
      type: "button", id: "reject", text: say("reject"), click: () => decide("reject"),
    });
    const told = Object.entries(given).map(([name, value]) => [
      name, typeof value === "string" ? value : JSON.stringify(value),
    ]);
    $("ask-card").replaceChildren(
      make("h3", { text: say("ask", { tool }) }), facts(told),
      make("p", { class: "buttons" }, yes, no));
    $("ask-card").hidden = false;
    $("status").textContent = say("waits");
    yes.focus();
  },

  decided({ decision }) {
    $("ask-card").replaceChildren(make("p", { text: say(`decided_${decision}`, { tool: asked }) }));
  },

  totals(event) {
    const money = (amount) => amount?.toFixed(5) ?? "";
    const about = { ...event, whole_cost: money(event.whole_cost) };
    const lines = [
      ["t_found", say("t_found_of", about), event.found ? "bad" : "good"],
      ["t_crossings", say("t_refused", about)],
      ["t_local", shown(event.local_tokens)],
      ["t_remote", say("t_remote_of", about)],
      ["t_bytes", say("t_bytes_of", about)],
      ["t_cost", `$${money(event.cost)} (${say(event.own_price ? "t_price" : "t_price_other", about)})`],
      ["t_whole", say("t_whole_of", about)],
      ["t_seconds", say("seconds", event)],
    ];
    $("totals").replaceChildren(...lines.map(([name, value, look]) => make("div", {},
      make("dt", { text: say(name) }), make("dd", { class: look ?? "", text: value }))));
    if (!$("wire").childElementCount) {
      $("wire").append(make("p", { class: "hint", text: say("nothing_crossed") }));
    }
  },

  error({ kind, message }) {
    complain(message ? say("error", { kind, message }) : say("error_unnamed", { kind }));
  },

  end({ outcome }) {
    $("status").textContent = say(outcome);
    if ($("ask-card").querySelector("button")) $("ask-card").hidden = true;
    stream.close();
    run = stream = null;
    busy(false);
  },
};

async function readFile() {
  const file = $("file").files[0];
  if (!file) return;
  $("problem").hidden = true;
  $("status").textContent = say("reading");
  try {
    const headers = {
      "X-File-Name": encodeURIComponent(file.name), "Accept-Language": words.language,
    };
    const came = await fetch("/read", { method: "POST", body: file, headers });
    const said = await came.json();
    if (!came.ok) throw new Error(said.message);
    fileName = said.name;
    $("own").value = said.text;
    $("status").textContent = say("was_read", { name: said.name, count: said.text.length });
  } catch (problem) {
    $("status").textContent = "";
    complain(problem.message || say("lost"));
  }
}

async function open() {
  all = await (await fetch("/words.json")).json();
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = kept.get("theme") ?? (dark ? "dark" : "light");
  const named = location.hash.slice(1);
  if (SCENARIOS.includes(named)) scenario = named;
  speak(kept.get("language") ?? (navigator.language.startsWith("ko") ? "ko" : "en"));
  $("language").addEventListener("click", () => {
    leave();
    speak(words.language === "en" ? "ko" : "en");
  });
  $("theme").addEventListener("click", () => {
    paint(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  });
  $("start").addEventListener("click", start);
  $("stop").addEventListener("click", () => run && fetch(`/runs/${run}`, { method: "DELETE" }));
  $("file").addEventListener("change", readFile);
  $("own").addEventListener("input", () => { fileName = ""; });
  const found = await (await fetch("/models")).json();
  for (const name of found.local) $("local").append(make("option", { value: name, text: name }));
  document.documentElement.dataset.ready = "true";
}

open();
