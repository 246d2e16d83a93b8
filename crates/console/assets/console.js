// What script adds to pages that can be read without it: they stay up to date, times can be shown in the browser's zone,
// numbers are written as the browser's language does, views can be kept, and keys do what buttons do.

import { listen } from "./keys.js";

/** @typedef {{ trigger: (element: Element, event: string) => void }} Htmx */

/** The shortest time between two refreshes of a page, in milliseconds. */
const PAUSE = 1000;

/** @param {string} key */
const stored = (key) => window.localStorage.getItem(key);

/** @type {Htmx | undefined} */
const htmx = /** @type {any} */ (window).htmx;

/** Writes times and numbers below an element for who reads them. @param {ParentNode} root */
function localize(root) {
  const isLocal = stored("zone") === "local";
  for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll("time[datetime]"))) {
    time.dataset.utc ??= time.textContent ?? "";
    const at = new Date(time.dateTime);
    const local = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    time.textContent = isLocal ? local : time.dataset.utc;
    time.title = isLocal ? `${time.dataset.utc} UTC` : `${local} in your time zone`;
  }
  const digits = new Intl.NumberFormat();
  for (const number of /** @type {NodeListOf<HTMLDataElement>} */ (root.querySelectorAll("data[value]"))) {
    if (/^\d+$/.test(number.value)) number.textContent = digits.format(BigInt(number.value));
  }
}

/** Lets people choose between UTC and their own time zone. */
function offerZone() {
  const button = document.getElementById("zone");
  if (!button) return;
  const show = () => {
    button.textContent = stored("zone") === "local" ? "Times in your zone" : "Times in UTC";
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    window.localStorage.setItem("zone", stored("zone") === "local" ? "utc" : "local");
    show();
    localize(document);
  });
  show();
}

/** Keeps the page up to date while incidents change. */
function follow() {
  const path = document.body.dataset.events;
  const note = document.getElementById("live");
  if (!path || !note) return;
  let isDue = false;
  /** @type {number | undefined} */
  let timer;
  const refresh = () => {
    if (!isDue || timer !== undefined) return;
    isDue = false;
    htmx?.trigger(document.body, "refresh");
    timer = window.setTimeout(() => {
      timer = undefined;
      refresh();
    }, PAUSE);
  };
  const changed = () => {
    isDue = true;
    refresh();
  };
  /** @param {string} text @param {boolean} isLive */
  const say = (text, isLive) => {
    note.hidden = false;
    note.textContent = text;
    note.classList.toggle("off", !isLive);
  };
  /** @type {EventSource | undefined} */
  let events;
  let isFirst = true;
  const begun = () => {
    say("Live", true);
    // A stream that begins once more does not have what happened in between.
    if (!isFirst) changed();
    isFirst = false;
  };
  const open = () => {
    if (events) return;
    events = new EventSource(path);
    events.addEventListener("start", begun);
    events.addEventListener("reset", begun);
    events.addEventListener("incident", changed);
    events.addEventListener("error", () => {
      const isEnded = events?.readyState === EventSource.CLOSED;
      say(isEnded ? "Not live: reload the page" : "Not live: connecting", false);
    });
  };
  const close = () => {
    events?.close();
    events = undefined;
  };
  // Browsers open six connections to a host at most: only the tab that is looked at holds one.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", () => document.hidden || open());
}

/** Shows a panel that was opened where the next word is written, and what kept it from opening. */
function watchPanel() {
  document.body.addEventListener("htmx:afterSettle", (event) => {
    const target = /** @type {CustomEvent<{ target: Element }>} */ (event).detail.target;
    if (target.id !== "panel") return;
    target.scrollIntoView({ block: "nearest" });
    document.getElementById("reason")?.focus();
  });
  /** @param {Event} event */
  const failed = (event) => {
    const { target, xhr } = /** @type {CustomEvent<{ target: Element, xhr: XMLHttpRequest }>} */ (event).detail;
    const page = new DOMParser().parseFromString(xhr.responseText ?? "", "text/html");
    const text = page.querySelector(".alone")?.textContent?.trim() || "The console does not answer: try again soon.";
    if (target.id !== "panel" && target.id !== "decision") {
      const note = document.getElementById("live");
      if (note) [note.hidden, note.textContent] = [false, "Not up to date: the console does not answer"];
      note?.classList.add("off");
      return;
    }
    const note = document.createElement("p");
    note.className = "error";
    note.setAttribute("role", "alert");
    note.textContent = text;
    target.prepend(note);
  };
  document.body.addEventListener("htmx:responseError", failed);
  document.body.addEventListener("htmx:sendError", failed);
}

/** Lets people copy what a link leads to. */
function offerCopies() {
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a[data-copy]"))) {
    link.addEventListener("click", async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const name = (link.dataset.copy ||= link.textContent ?? "");
      try {
        const answer = await fetch(link.href);
        if (!answer.ok) throw new Error(answer.statusText);
        await navigator.clipboard.writeText(await answer.text());
        link.textContent = `${name} copied`;
      } catch {
        window.location.assign(link.href);
      }
      window.setTimeout(() => (link.textContent = name), 2000);
    });
  }
}

/** Keeps what is selected while the list is refreshed. */
function keepSelection() {
  /** @type {Set<string>} */
  let selected = new Set();
  /** @type {string | undefined} */
  let current;
  document.body.addEventListener("htmx:beforeSwap", () => {
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[data-row] input:checked"));
    selected = new Set([...boxes].map((box) => box.value));
    current = document.querySelector("[data-row].current")?.id;
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[data-row] input"));
    for (const box of boxes) box.checked = selected.has(box.value);
    if (current) document.getElementById(current)?.classList.add("current");
    countSelected();
  });
}

/** Says how many incidents are selected. */
function countSelected() {
  const note = document.getElementById("selected");
  if (!note) return;
  const count = document.querySelectorAll("[data-row] input:checked").length;
  note.textContent = count > 0 ? `${count} selected` : "";
}

localize(document);
offerZone();
offerCopies();
keepSelection();
watchPanel();
follow();
listen();
countSelected();
document.addEventListener("change", countSelected);
document.body.addEventListener("htmx:afterSettle", () => localize(document));
