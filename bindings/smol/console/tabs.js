// The sections of the page as tabs, by pointer, keyboard and address.
// It does not know what is in them.

import { $ } from "./dom.js";

const tabs = [...document.querySelectorAll('[role="tab"]')];
const nameOf = (tab) => tab.getAttribute("aria-controls");

/** Shows the section that the address names; `turn` is called with each name, and whether it is shown. */
export function begin(turn) {
  const show = (name, isFocused = false) => {
    const chosen = tabs.find((tab) => nameOf(tab) === name) ?? tabs[0];
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
      $(nameOf(tab)).hidden = !isChosen;
      turn(nameOf(tab), isChosen);
    }
    if (isFocused) chosen.focus();
  };
  const go = (name, isFocused) => {
    history.replaceState(null, "", `#${name}`);
    show(name, isFocused);
  };
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => go(nameOf(tab)));
    tab.addEventListener("keydown", ({ key }) => {
      const to = { ArrowRight: place + 1, ArrowLeft: place - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[key];
      if (to !== undefined) go(nameOf(tabs[to % tabs.length]), true);
    });
  });
  addEventListener("hashchange", () => show(location.hash.slice(1)));
  show(location.hash.slice(1));
  return go;
}
