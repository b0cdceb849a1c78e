// The web chat. The server renders what is said; this draws it, sends, and keeps the order.
// A message has one id from the server and is drawn once, whether it came with the page,
// from the stream or after a reconnect.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const state = JSON.parse(byId("state").textContent);
  const words = JSON.parse(byId("words").textContent);
  const log = byId("log"), main = byId("main"), form = byId("form"), field = byId("text");
  const notice = byId("notice"), jump = byId("jump"), language = byId("language");
  const pending = new Map();
  const drawn = new Set();
  const started = Boolean(state.history.length);
  let lang = state.lang, last = 0, first = 0, greeting = [], waiting = null, stream = null;

  const word = (key) => words[lang][key];
  const store = {
    // Only what was typed and not sent is kept, and only in this tab.
    get: (key) => { try { return sessionStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { value ? sessionStorage.setItem(key, value) : sessionStorage.removeItem(key); } catch { /* private mode */ } },
  };

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children);
    return made;
  };

  function speak(code) {
    if (!words[code]) return;
    lang = code;
    language.value = code;
    document.documentElement.lang = code;
    document.title = word("name");
    for (const [attribute, how] of [["word", (e, t) => { e.textContent = t; }], ["label", (e, t) => e.setAttribute("aria-label", t)],
      ["title", (e, t) => { e.title = t; }], ["placeholder", (e, t) => { e.placeholder = t; }]]) {
      for (const found of document.querySelectorAll(`[data-${attribute}]`)) how(found, word(found.dataset[attribute]));
    }
  }

  const isAtEnd = () => main.scrollHeight - main.scrollTop - main.clientHeight < 120;
  function toEnd(target) {
    // A long answer is read from its beginning, not from its end.
    if (target && target.offsetHeight > main.clientHeight * 0.8) main.scrollTop = target.offsetTop - 8;
    else main.scrollTop = main.scrollHeight;
    jump.hidden = true;
  }

  function buttonsOf(message) {
    const box = element("div", { class: "buttons", lang: message.lang });
    for (const row of message.buttons) {
      box.append(element("div", { class: "row" }, ...row.map((button) => {
        const made = element("button", { type: "button", "data-action": button.action }, button.label);
        made.addEventListener("click", () => press(button));
        return made;
      })));
    }
    if (message.place) {
      const share = element("button", { type: "button" }, message.place);
      share.addEventListener("click", sharePlace);
      box.prepend(element("div", { class: "row" }, share));
    }
    return box;
  }

  function textOf(message) {
    if (message.kind === "location") return `📍 ${word("chose")}`;
    return message.text;
  }

  function draw(message) {
    if (message.author === "contact") {
      const item = element("li", { class: "message contact", dir: "auto" });
      item.append(element("span", { class: "visually-hidden" }, `${word("you")}: `), textOf(message), element("span", { class: "state" }));
      return [item];
    }
    const item = element("li", { class: `message ${message.author}${message.urgent ? " urgent" : ""}`, lang: message.lang });
    const author = word(message.author) || "";
    item.append(element("p", { class: message.author === "operator" ? "author" : "visually-hidden" }, author));
    const body = element("div");
    body.innerHTML = message.html; // rendered and escaped by the server, see bot/web/chat_html.py
    item.append(body);
    return message.buttons.length || message.place ? [item, element("li", {}, buttonsOf(message))] : [item];
  }

  function show(message, { live = true } = {}) {
    if (message.id && drawn.has(message.id)) return;
    if (message.id) { drawn.add(message.id); last = Math.max(last, message.id); first = first || message.id; }
    if (greeting.length) { greeting.forEach((node) => node.remove()); greeting = []; }
    if (message.author === "contact") {
      const mine = pending.get(message.client_id);
      if (mine) { mine.item.remove(); pending.delete(message.client_id); }
      if (message.hidden || !textOf(message)) return;
    } else hideTyping();
    const atEnd = isAtEnd();
    const nodes = draw(message);
    for (const node of nodes) log.insertBefore(node, firstPending());
    if (atEnd || message.author === "contact" || !live) toEnd(live ? nodes[0] : null);
    else jump.hidden = false;
  }

  const firstPending = () => {
    const next = pending.values().next();
    return next.done ? waiting : next.value.item;
  };

  function showTyping() {
    hideTyping();
    waiting = element("li", { class: "typing" }, element("span", { class: "visually-hidden" }, word("typing")), element("i"), element("i"), element("i"));
    log.append(waiting);
    toEnd();
  }
  function hideTyping() { if (waiting) { waiting.remove(); waiting = null; } }

  // ---- sending: each message has our own number, so that one sent twice arrives once ----
  const number = () => (crypto.randomUUID ? crypto.randomUUID() : `${Date.now().toString(16)}-${Math.random().toString(16).slice(2, 14)}`);
  let queue = Promise.resolve();

  function say(body, shown) {
    const id = number();
    const item = draw({ author: "contact", text: shown, kind: body.kind })[0];
    const entry = { item, body: { ...body, id, lang, start: state.start } };
    pending.set(id, entry);
    log.append(item);
    toEnd();
    queue = queue.then(() => deliver(id));
  }

  async function deliver(id, attempt = 0) {
    const entry = pending.get(id);
    if (!entry) return;
    const mark = entry.item.querySelector(".state");
    entry.item.classList.remove("failed");
    mark.textContent = attempt ? word("offline") : "";
    let answer;
    try {
      answer = await fetch("/chat/messages", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(entry.body) });
    } catch {
      answer = null;
    }
    if (answer && answer.ok) { mark.textContent = ""; notice.textContent = ""; if (pending.has(id)) showTyping(); connect(); return; }
    const told = answer ? await answer.json().catch(() => ({})) : {};
    if (told.notice) { fail(id, told.notice); return; }
    if (answer && answer.status === 401) { location.reload(); return; }
    if (answer && answer.status < 500) { fail(id, ""); return; }
    if (attempt < 6) { mark.textContent = word("offline"); await new Promise((done) => setTimeout(done, 1000 * 2 ** attempt)); return deliver(id, attempt + 1); }
    fail(id, "");
  }

  function fail(id, why) {
    const entry = pending.get(id);
    if (!entry) return;
    notice.textContent = why;
    entry.item.classList.add("failed");
    const mark = entry.item.querySelector(".state");
    const again = element("button", { type: "button", class: "again" }, word("failed"));
    again.addEventListener("click", () => { queue = queue.then(() => deliver(id)); });
    mark.replaceChildren(document.createElement("br"), again);
  }

  function press(button) {
    if (button.action.startsWith("l:")) speak(button.action.slice(2));
    say({ kind: "action", text: `${button.action}\n${button.label}` }, button.label);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    say({ kind: "text", text }, text);
    field.value = "";
    store.set("draft", "");
    grow();
    field.focus();
  });
  field.addEventListener("keydown", (event) => {
    // On a phone Enter makes a line; with a keyboard it sends and Shift+Enter makes a line.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && matchMedia("(pointer: fine)").matches) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  const grow = () => { field.style.height = "auto"; field.style.height = `${field.scrollHeight + 3}px`; };
  field.addEventListener("input", () => { grow(); store.set("draft", field.value); });

  function sharePlace() {
    if (!navigator.geolocation) { notice.textContent = word("place_refused"); return; }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => say({ kind: "location", latitude: coords.latitude, longitude: coords.longitude }, ""),
      () => { notice.textContent = word("place_refused"); field.focus(); },
      { timeout: 15000, maximumAge: 60000 },
    );
  }
  byId("place").addEventListener("click", sharePlace);
  jump.addEventListener("click", () => toEnd());
  main.addEventListener("scroll", () => { if (isAtEnd()) jump.hidden = true; });
  language.addEventListener("change", () => {
    const name = language.selectedOptions[0].textContent;
    press({ action: `l:${language.value}`, label: name });
  });

  // ---- leaving in a hurry: the page is emptied at once and replaced in the history ----
  byId("leave").addEventListener("click", () => {
    if (stream) stream.close();
    store.set("draft", "");
    document.title = "…";
    document.body.replaceChildren();
    location.replace("https://pl.wikipedia.org/");
  });

  // ---- live replies ----
  function connect() {
    if (stream && stream.readyState !== EventSource.CLOSED) return;
    stream = new EventSource(`/chat/events?after=${last}`);
    stream.addEventListener("message", (event) => { show(JSON.parse(event.data)); });
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
    });
  }
  addEventListener("online", connect);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) connect(); });
  addEventListener("pagehide", () => { if (stream) stream.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

  // ---- older messages ----
  if (state.history.length >= 50) {
    const more = element("button", { type: "button" }, word("more"));
    const box = element("li", { class: "buttons more" }, more);
    log.append(box);
    more.addEventListener("click", async () => {
      const answer = await fetch(`/chat/history?before=${first}`);
      const older = (await answer.json()).messages;
      const anchor = box.nextSibling, height = main.scrollHeight;
      for (const message of older) {
        if (drawn.has(message.id) || message.hidden) continue;
        drawn.add(message.id);
        for (const node of draw(message)) log.insertBefore(node, anchor);
      }
      if (older.length) first = older[0].id;
      if (older.length < 50) box.remove();
      main.scrollTop += main.scrollHeight - height;
    });
  }

  log.setAttribute("aria-live", "off");
  state.history.forEach((message) => show(message, { live: false }));
  const newest = [...state.history].reverse().find((message) => message.author === "bot");
  if (newest && words[newest.lang]) speak(newest.lang);
  if (!started) greeting = state.greeting.flatMap((message) => { const nodes = draw(message); log.append(...nodes); return nodes; });
  log.setAttribute("aria-live", "polite");
  field.value = store.get("draft") || "";
  grow();
  toEnd();
  if (!started) main.scrollTop = 0;
  connect();
})();
