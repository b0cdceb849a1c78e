// The web chat. The server renders what is said; this draws it, sends, and keeps the order.
// A message has one id from the server and is drawn once, whether it came with the page,
// from the stream or after a reconnect.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const state = JSON.parse(byId("state").textContent);
  const words = JSON.parse(byId("words").textContent);
  const live = byId("live"), log = byId("log"), main = byId("main"), form = byId("form"), field = byId("text");
  const notice = byId("notice"), jump = byId("jump"), language = byId("language");
  const pending = new Map();
  const drawn = new Set();
  let lang = state.lang, last = 0, first = 0, preview = [], waiting = null, stream = null;

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

  // ---- where one reads: at the end, unless one has scrolled up to read ----
  let gap = 0;
  const measure = () => { gap = main.scrollHeight - main.scrollTop - main.clientHeight; };
  const isAtEnd = () => gap < 120;
  function toEnd(from) {
    // What is new is read from its beginning: a long answer is not scrolled past.
    main.scrollTop = from ? Math.min(main.scrollHeight, from.offsetTop - 8) : main.scrollHeight;
    measure();
    jump.hidden = true;
  }
  main.addEventListener("scroll", () => { measure(); if (isAtEnd()) jump.hidden = true; });
  // A keyboard that opens, or a field that grows, must not cover what is being read.
  new ResizeObserver(() => { if (gap < 2) main.scrollTop = main.scrollHeight; }).observe(main);
  jump.addEventListener("click", () => { toEnd(); main.focus({ preventScroll: true }); });

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

  const textOf = (message) => (message.kind === "location" ? `📍 ${word("chose")}` : message.text);

  function draw(message) {
    if (message.author === "contact") {
      const you = element("span", { class: "visually-hidden" }, element("span", { "data-word": "you" }, word("you")), ": ");
      return [element("li", { class: "message contact" }, you, element("span", { class: "text", dir: "auto" }, textOf(message)), element("span", { class: "state" }))];
    }
    const item = element("li", { class: `message ${message.author}${message.urgent ? " urgent" : ""}`, lang: message.lang });
    const author = (words[message.lang] || words[lang])[message.author] || "";
    item.append(element("p", { class: message.author === "operator" ? "author" : "visually-hidden" }, author));
    const body = element("div");
    body.innerHTML = message.html; // rendered and escaped by the server, see bot/web/chat_html.py
    item.append(body);
    return message.buttons.length || message.place ? [item, element("li", {}, buttonsOf(message))] : [item];
  }

  function show(message) {
    if (drawn.has(message.id)) return;
    drawn.add(message.id);
    last = Math.max(last, message.id);
    first = first || message.id;
    const isOwn = message.author === "contact";
    if (isOwn ? isSettled(message) || message.hidden || !textOf(message) : isPreviewed(message)) { showTyping(); return; }
    const isFollowing = isAtEnd();
    const nodes = draw(message);
    for (const node of nodes) log.insertBefore(node, firstPending());
    showTyping();
    if (isFollowing) toEnd(nodes[0]);
    else jump.hidden = false;
  }

  // The greeting is on the page before anything is stored. The stored one takes its place.
  function isPreviewed(message) {
    if (preview.length && preview[0].html === message.html) { preview.shift(); return true; }
    for (const { nodes } of preview) nodes.forEach((node) => node.remove());
    preview = [];
    return false;
  }

  // One's own message is on the page before the server has it; then it only stops being pending.
  function isSettled(message) {
    const mine = pending.get(message.client_id);
    if (!mine) return false;
    const inPlace = firstPending() === mine.item;
    pending.delete(message.client_id);
    keepUnsent();
    mine.item.classList.remove("failed");
    mine.item.querySelector(".state").replaceChildren();
    if (!inPlace) log.insertBefore(mine.item, firstPending());
    return true;
  }

  const firstPending = () => {
    const next = pending.values().next();
    return next.done ? waiting : next.value.item;
  };

  function showTyping() {
    const isAwaited = [...pending.values()].some((entry) => entry.taken);
    if (!isAwaited) {
      if (waiting) waiting.remove();
      waiting = null;
    } else if (!waiting) {
      waiting = element("li", { class: "typing" }, element("span", { class: "visually-hidden" }, word("typing")), element("i"), element("i"), element("i"));
      log.append(waiting);
      if (isAtEnd()) toEnd();
    }
  }

  // ---- sending: each message has our own number, so that one sent twice arrives once ----
  const number = () => (crypto.randomUUID ? crypto.randomUUID() : `${Date.now().toString(16)}-${Math.random().toString(16).slice(2, 14)}`);
  let queue = Promise.resolve();

  function say(body, shown) {
    notice.textContent = "";
    post({ ...body, id: number(), lang, start: state.start }, shown);
  }

  function post(body, shown) {
    const item = draw({ author: "contact", text: shown, kind: body.kind })[0];
    pending.set(body.id, { item, body, shown, taken: false, failed: false });
    keepUnsent();
    log.insertBefore(item, waiting);
    toEnd();
    queue = queue.then(() => deliver(body.id));
  }

  // A reload or a lost tab must not lose what is still on its way. A place is not kept.
  function keepUnsent() {
    const unsent = [...pending.values()].filter((entry) => !entry.taken && entry.body.kind !== "location");
    store.set("unsent", unsent.length ? JSON.stringify(unsent.map(({ body, shown }) => ({ body, shown }))) : "");
  }

  async function deliver(id, attempt = 0) {
    const entry = pending.get(id);
    if (!entry) return;
    const mark = entry.item.querySelector(".state");
    entry.item.classList.remove("failed");
    entry.failed = false;
    mark.textContent = attempt ? word("offline") : "";
    let answer;
    try {
      answer = await fetch("/chat/messages", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(entry.body) });
    } catch {
      answer = null;
    }
    if (answer && answer.ok) { arrived(id); return; }
    const told = answer ? await answer.json().catch(() => ({})) : {};
    if (answer && answer.status === 401 && !store.get("renewed")) { store.set("renewed", "1"); location.reload(); return; }
    if (answer && answer.status < 500) { fail(id, told.notice || ""); return; }
    if (attempt >= 6) { fail(id, ""); return; }
    mark.textContent = word("offline");
    await pause(1000 * 2 ** attempt);
    await deliver(id, attempt + 1);
  }

  const pause = (milliseconds) => new Promise((done) => {
    setTimeout(done, milliseconds);
    addEventListener("online", done, { once: true });
  });

  function arrived(id) {
    store.set("renewed", "");
    const entry = pending.get(id);
    if (entry) {
      entry.taken = true;
      entry.item.querySelector(".state").textContent = "";
      // A connection may be dead without anybody having noticed.
      setTimeout(() => { if (pending.has(id)) reconnect(); }, 10000);
    }
    keepUnsent();
    showTyping();
    connect();
  }

  function fail(id, why) {
    const entry = pending.get(id);
    if (!entry) return;
    notice.textContent = why;
    entry.item.classList.add("failed");
    entry.failed = true;
    const again = element("button", { type: "button", class: "again", "data-word": "failed" }, word("failed"));
    again.addEventListener("click", () => { tryAgain(id); main.focus({ preventScroll: true }); });
    entry.item.querySelector(".state").replaceChildren(again);
    if (isAtEnd()) toEnd();
  }

  const tryAgain = (id) => { queue = queue.then(() => deliver(id)); };

  function press(button) {
    if (button.action.startsWith("l:")) speak(button.action.slice(2));
    const text = `${button.action}\n${button.label}`;
    const newest = [...pending.values()].pop();
    // Tapped twice in a hurry is meant once.
    if (newest?.body.text !== text) say({ kind: "action", text }, button.label);
    else if (newest.failed) tryAgain(newest.body.id);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    field.focus();
    if (!text) return;
    if ([...text].length > state.limit) { notice.textContent = word("too_long"); return; }
    say({ kind: "text", text }, text);
    field.value = "";
    store.set("draft", "");
    grow();
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

  let locating = false;
  function sharePlace() {
    if (locating) return;
    const refused = () => { locating = false; notice.textContent = word("place_refused"); field.focus(); };
    if (!navigator.geolocation) { refused(); return; }
    locating = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => { locating = false; say({ kind: "location", latitude: coords.latitude, longitude: coords.longitude }, ""); },
      refused,
      { timeout: 15000, maximumAge: 60000 },
    );
  }
  byId("place").addEventListener("click", sharePlace);
  language.addEventListener("change", () => {
    const name = language.selectedOptions[0].textContent;
    press({ action: `l:${language.value}`, label: name });
  });

  // ---- leaving in a hurry: the page is emptied at once and replaced in the history ----
  byId("leave").addEventListener("click", () => {
    if (stream) stream.close();
    pending.clear();
    keepUnsent();
    store.set("draft", "");
    // Whoever opens this page next on this device finds nothing.
    fetch("/chat/leave", { method: "POST", keepalive: true }).catch(() => {});
    document.title = "…";
    document.body.replaceChildren();
    // In a frame it is the page around us that must go.
    const whole = window.top || window;
    try { whole.location.replace("https://pl.wikipedia.org/"); } catch { location.replace("https://pl.wikipedia.org/"); }
  });

  // ---- live replies ----
  let rest = 3000;
  function connect() {
    if (stream && stream.readyState !== EventSource.CLOSED) return;
    const opened = new EventSource(`/chat/events?after=${last}`);
    stream = opened;
    opened.addEventListener("open", () => { rest = 3000; });
    opened.addEventListener("message", (event) => { show(JSON.parse(event.data)); });
    opened.addEventListener("erased", empty);
    opened.addEventListener("error", () => {
      if (opened !== stream || opened.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, rest);
      rest = Math.min(30000, rest * 2);
    });
  }
  function reconnect() {
    if (stream) stream.close();
    connect();
  }
  addEventListener("online", reconnect);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) reconnect(); });
  addEventListener("pagehide", () => { if (stream) stream.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

  // Everything was deleted on the server, here or in another tab: the page keeps nothing either.
  function empty() {
    log.replaceChildren();
    preview = [];
    first = 0;
    for (const [id, entry] of pending) {
      if (entry.taken || entry.body.text?.startsWith("er\n")) pending.delete(id);
      else log.append(entry.item);
    }
    keepUnsent();
    waiting = null;
  }

  // ---- older messages ----
  if (state.history.length >= 50) {
    const more = element("button", { type: "button", "data-word": "more" }, word("more"));
    const box = element("li", { class: "buttons more" }, more);
    log.append(box);
    more.addEventListener("click", async () => {
      let older;
      try {
        older = (await (await fetch(`/chat/history?before=${first}`)).json()).messages;
      } catch {
        notice.textContent = word("offline");
        return;
      }
      const anchor = box.nextSibling, height = main.scrollHeight;
      for (const message of older) {
        if (drawn.has(message.id)) continue;
        drawn.add(message.id);
        if (message.hidden || (message.author === "contact" && !textOf(message))) continue;
        for (const node of draw(message)) log.insertBefore(node, anchor);
      }
      if (older.length) first = older[0].id;
      if (older.length < 50) box.remove();
      main.scrollTop += main.scrollHeight - height;
    });
  }

  live.setAttribute("aria-live", "off");
  state.history.forEach(show);
  preview = state.greeting.map((message) => { const nodes = draw(message); log.append(...nodes); return { html: message.html, nodes }; });
  live.setAttribute("aria-live", "polite");
  field.value = store.get("draft") || "";
  grow();
  toEnd();
  if (preview.length) { main.scrollTop = 0; measure(); }
  const stored = new Set(state.history.map((message) => message.client_id));
  for (const { body, shown } of JSON.parse(store.get("unsent") || "[]")) if (!stored.has(body.id)) post(body, shown);
  keepUnsent();
  connect();
})();
