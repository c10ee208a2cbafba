// Short ways to the elements of the page, and to new ones.
// It does not know what they show. Nothing here reads markup: what came from elsewhere stays text.

export const $ = (id) => document.getElementById(id);

/**
 * A new element. Properties are set as such, those with a dash, `role` and `for` as attributes; children are texts
 * or elements.
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets a text where it is another, so that nothing is laid out or read aloud for nothing. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A list of terms and what is said of them, kept where nothing has changed. */
export function facts(list, pairs) {
  pairs.forEach(([term, value], place) => {
    let pair = list.children[place];
    if (!pair) list.append((pair = el("div", {}, el("dt"), el("dd"))));
    say(pair.firstElementChild, term);
    say(pair.lastElementChild, value);
  });
  while (list.children.length > pairs.length) list.lastElementChild.remove();
}

let toasting;

/** Says something shortly, at the edge. */
export function toast(text) {
  const place = $("toast");
  place.textContent = text;
  place.dataset.shown = "";
  clearTimeout(toasting);
  toasting = setTimeout(() => delete place.dataset.shown, 2_500);
}

/** Puts a text where it can be pasted from, and says so. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
  } catch {
    // A page without TLS on another machine has no clipboard.
    await ask({ title: what, body: [el("pre", { className: "code", textContent: text })], buttons: [["Close", null]] });
  }
}

/**
 * Asks in a dialog: `buttons` are names with what they answer, which may be a function that does it; what
 * it throws is said, and the dialog stays. Answers null where it is dismissed.
 */
export function ask({ title, body, buttons }) {
  const error = el("p", { className: "error", role: "alert" });
  const choices = el("div", { className: "row" });
  const heading = el("h2", { id: "dialog-title", textContent: title });
  // One of its own each time: one may lead to the next.
  const dialog = el(
    "dialog",
    { "aria-labelledby": heading.id },
    heading,
    el("div", { className: "body" }, ...body),
    error,
    choices,
  );
  return new Promise((resolve) => {
    const done = (answer) => {
      dialog.remove();
      resolve(answer);
    };
    dialog.addEventListener("close", () => done(null));
    const act = async (button, answer) => {
      if (typeof answer !== "function") return done(answer);
      button.disabled = true;
      try {
        done(await answer());
      } catch (refused) {
        error.textContent = refused.message;
        button.disabled = false;
      }
    };
    for (const [name, answer, className = ""] of buttons) {
      const button = el("button", { type: "button", className, textContent: name });
      button.addEventListener("click", () => act(button, answer));
      choices.append(button);
    }
    document.body.append(dialog);
    dialog.showModal();
    choices.firstElementChild.focus();
  });
}
