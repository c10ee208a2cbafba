// A shared worker that leads for all tabs which name it: `connect(url, { worker: … })`.
//
// It does not know how that is done.

import { connect } from "./connection.js";
import { Host } from "./share/host.js";
import { browser } from "./share/world.js";

const host = new Host(browser(connect));

globalThis.addEventListener("connect", (event) => {
  (event as MessageEvent).ports[0]!.onmessage = ({ data }) => void host.stand(data);
});
