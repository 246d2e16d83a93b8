// Keys: each does what a link or button on the page does, and only if there is one. They go by what a key writes, so that
// they work on every layout.

/** How long a `g` waits for its second key, in milliseconds. */
const SEQUENCE = 1500;

/** @returns {HTMLElement[]} */
const rows = () => [...document.querySelectorAll("[data-row]")].map((row) => /** @type {HTMLElement} */ (row));

/** @returns {HTMLElement | undefined} */
const current = () => rows().find((row) => row.classList.contains("current"));

/** Makes a row the current one. @param {HTMLElement | undefined} row */
function choose(row) {
  if (!row) return;
  for (const other of rows()) other.classList.toggle("current", other === row);
  const link = /** @type {HTMLElement | null} */ (row.querySelector("[data-open]"));
  link?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

/** Moves by a number of rows; on a page of its own, to the next or previous one of the list. @param {number} by */
function move(by) {
  const all = rows();
  if (all.length === 0) {
    press(by > 0 ? "j" : "k");
    return;
  }
  const row = current();
  const index = row ? all.indexOf(row) + by : 0;
  choose(all[Math.max(0, Math.min(all.length - 1, index))]);
}

/** Follows the link or presses the button of a key. @param {string} key @returns {boolean} whether there is one */
function press(key) {
  const target = /** @type {HTMLElement | null} */ (document.querySelector(`[data-key="${CSS.escape(key)}"]`));
  target?.click();
  return target !== null;
}

/** Decides on the selected rows, or on the current one. @param {string} key */
function decide(key) {
  const button = /** @type {HTMLButtonElement | null} */ (document.querySelector(`[data-bulk="${CSS.escape(key)}"]`));
  if (!button) return press(key);
  const isSelected = document.querySelector("[data-row] input:checked") !== null;
  if (!isSelected) {
    const box = /** @type {HTMLInputElement | null | undefined} */ (current()?.querySelector("input[type=checkbox]"));
    if (!box) return false;
    box.checked = true;
  }
  button.form?.requestSubmit(button);
  return true;
}

/** Selects the current row, or not any more. */
function select() {
  const box = /** @type {HTMLInputElement | null | undefined} */ (current()?.querySelector("input[type=checkbox]"));
  if (!box) return;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Whether keys are for a field. @param {EventTarget | null} target */
function isField(target) {
  const element = target instanceof HTMLElement ? target : null;
  const input = element instanceof HTMLInputElement ? element.type : "";
  return element?.isContentEditable || element?.matches("textarea, select") || (input !== "" && input !== "checkbox");
}

/** Leaves a field, or closes the panel of a decision. @param {EventTarget | null} target @returns {boolean} whether it did */
function leave(target) {
  if (target instanceof HTMLElement && isField(target)) {
    target.blur();
    return true;
  }
  const panel = document.getElementById("panel");
  if (!panel?.hasChildNodes()) return false;
  const reason = /** @type {HTMLTextAreaElement | null} */ (panel.querySelector("textarea"));
  // What somebody has written is not thrown away.
  if (reason?.value) return true;
  panel.replaceChildren();
  document.getElementById("main")?.focus();
  return true;
}

function help() {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("help"));
  if (dialog && !dialog.open) dialog.showModal();
}

/** Listens to keys. */
export function listen() {
  let isGoing = false;
  /** @type {number | undefined} */
  let timer;
  const button = document.getElementById("help-button");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", help);
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    // A key that is held down moves, and decides once.
    if (event.repeat && !["j", "k"].includes(event.key)) return;
    if (event.key === "Escape" && leave(event.target)) {
      event.preventDefault();
      return;
    }
    if (isField(event.target)) return;
    const key = event.key;
    if (isGoing) {
      isGoing = false;
      window.clearTimeout(timer);
      const link = /** @type {HTMLElement | null} */ (document.querySelector(`[data-go="${CSS.escape(key)}"]`));
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    switch (key) {
      case "g":
        isGoing = true;
        timer = window.setTimeout(() => (isGoing = false), SEQUENCE);
        return;
      case "j":
        move(1);
        break;
      case "k":
        move(-1);
        break;
      case "x":
        select();
        break;
      case "?":
        help();
        break;
      case "/": {
        const search = document.getElementById("search");
        if (!search) return;
        search.focus();
        break;
      }
      default:
        if (!decide(key)) return;
    }
    event.preventDefault();
  });
}
