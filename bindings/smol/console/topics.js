// The topics of the server, each of which can be followed.
// It does not know how one is followed.

import { $, el } from "./dom.js";
import { count } from "./format.js";
import { PAGE, Pages } from "./pages.js";

/** The list; `follow` is called with the topic that is clicked. */
export function topics(session, follow) {
  const link = ({ topic }) =>
    el("button", { type: "button", className: "link mono", textContent: topic, onclick: () => follow(topic) });
  return new Pages($("topics-list"), {
    label: "Topics",
    key: ({ topic }) => topic,
    empty: () => "No topics yet. They are there once somebody subscribes or publishes: try it under Live.",
    columns: [
      { name: "Topic", make: link },
      { name: "Subscribers", className: "number", text: ({ subscribers }) => count(subscribers) },
      { name: "By pattern", className: "number", text: (topic) => count(topic.pattern_subscribers) },
      { name: "Events kept", className: "number", text: ({ events }) => count(events) },
    ],
    async load(after) {
      const query = new URLSearchParams({ limit: PAGE, ...(after && { after }) });
      const { topics, next } = await session.ask(`topics?${query}`);
      return { rows: topics, next };
    },
  });
}
