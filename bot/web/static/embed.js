(() => {
  "use strict";
  const { base, names } = window.helplineSettings;
  const tag = (document.documentElement.lang || navigator.language || "uk").slice(0, 2);
  const words = names[tag] || names.en;
  const launcher = document.createElement("button");
  launcher.type = "button";
  launcher.setAttribute("aria-expanded", "false");
  launcher.setAttribute("aria-label", `${words.name}: ${words.open}`);
  launcher.title = words.name;
  Object.assign(launcher.style, { position: "fixed", right: "16px", bottom: "16px", width: "60px", height: "60px", padding: "8px", border: "0", borderRadius: "50%", background: "#fff", boxShadow: "0 2px 12px #0006", cursor: "pointer", zIndex: "2147483000" });
  const mark = document.createElement("img");
  mark.src = `${base}/static/mark.svg`;
  mark.alt = "";
  Object.assign(mark.style, { width: "100%", height: "100%" });
  launcher.append(mark);
  let frame = null;
  const place = () => {
    const small = innerWidth < 480;
    Object.assign(frame.style, { position: "fixed", right: small ? "0" : "16px", width: small ? "100%" : "390px", height: small ? "calc(100dvh - 84px)" : "min(680px, calc(100dvh - 110px))", bottom: small ? "84px" : "88px", border: "0", borderRadius: small ? "0" : "16px", boxShadow: "0 4px 24px #0006", background: "#fff", zIndex: "2147483000" });
  };
  const toggle = (open) => {
    if (open && !frame) {
      frame = document.createElement("iframe");
      frame.src = `${base}/?embed=1&lang=${names[tag] ? tag : "en"}`;
      frame.title = words.name;
      frame.allow = "geolocation";
      document.body.append(frame);
    }
    if (frame) { place(); frame.hidden = !open; frame.style.display = open ? "block" : "none"; }
    launcher.setAttribute("aria-expanded", String(open));
    if (open) frame.focus();
  };
  launcher.addEventListener("click", () => toggle(launcher.getAttribute("aria-expanded") !== "true"));
  addEventListener("keydown", (event) => { if (event.key === "Escape" && frame) { toggle(false); launcher.focus(); } });
  addEventListener("resize", () => { if (frame) place(); });
  const start = () => document.body.append(launcher);
  if (document.body) start(); else addEventListener("DOMContentLoaded", start);
})();
