// Who is signed in, with which token, and what they may do.
// It does not know how it is asked for: the page does that, and is told when there is none any more.

import { Refused, request } from "./api.js";

const KEY = "tidings.token";

function stored() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(token) {
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // It lasts as long as the page.
  }
}

/** Tells `ended` when the server has refused the token, `changed` when there is another. */
export class Session extends EventTarget {
  token = stored();
  /** What `GET /identity` says. */
  identity = null;

  /** Asks who this is. Without an answer the identity stays. */
  async load() {
    try {
      this.identity = await request("identity", { token: this.token });
    } catch (error) {
      if (error.status !== 401 || !this.token) throw error;
      this.#end(error);
    }
  }

  /** Takes a token if the server does. */
  async signIn(token) {
    this.identity = await request("identity", { token });
    this.#take(token);
  }

  /** Takes a newer token of the same user, to go on with. */
  async renew(token) {
    const identity = await request("identity", { token });
    if (this.identity && identity.user !== this.identity.user) {
      throw new Refused(
        0,
        "other_user",
        `That token is for ${identity.user ?? "nobody"}, not for ${this.identity.user}. Sign out to change.`,
      );
    }
    this.identity = identity;
    this.#take(token);
  }

  signOut() {
    this.token = this.identity = null;
    store(null);
    this.dispatchEvent(new Event("changed"));
  }

  /** A request with the token. */
  async ask(path, options) {
    const { token } = this;
    try {
      return await request(path, { ...options, token });
    } catch (error) {
      // A request that was sent before a newer token came says nothing about that one.
      if (error.status === 401 && token === this.token && token) this.#end(error);
      throw error;
    }
  }

  /** For a stream: the token, and after it has had that one, the next, for as long as that may take. */
  tokens() {
    let given;
    let waiting = null;
    const next = (resolve) => {
      const give = () => {
        if (!this.token || this.token === given) return false;
        this.removeEventListener("changed", give);
        resolve((given = this.token));
        return true;
      };
      if (give()) return;
      this.addEventListener("changed", give);
      this.dispatchEvent(new Event("wanted"));
    };
    return () => (waiting ??= new Promise(next).finally(() => (waiting = null)));
  }

  #take(token) {
    this.token = token;
    store(token);
    this.dispatchEvent(new Event("changed"));
  }

  #end(error) {
    this.token = this.identity = null;
    store(null);
    this.dispatchEvent(new CustomEvent("ended", { detail: error }));
  }
}
