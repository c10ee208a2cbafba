// Who is signed in, and the token that says so.
// It does not know what is asked for with it. The session itself is in a cookie that no script sees.

export class Session {
  /** What the server said last: the token, who has it, and their groups. */
  me = null;
  #ended;
  #refreshing = null;

  constructor(ended) {
    this.#ended = ended;
  }

  /** Whether the name and the password are right. */
  async signIn(name, password) {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify({ name, password }) };
    const response = await fetch("/api/auth/login", init);
    if (response.ok) this.me = await response.json();
    return response.ok;
  }

  async signOut() {
    this.me = null;
    await fetch("/api/auth/logout", { method: "POST" });
  }

  /** A new token. Whoever asks meanwhile gets the same. */
  refresh() {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refresh() {
    const response = await fetch("/api/auth/refresh", { method: "POST" });
    if (response.status === 401 && this.me) {
      this.me = null;
      this.#ended();
    }
    if (!response.ok) throw new Error(`no token: ${response.status}`);
    this.me = await response.json();
    return this.me.token;
  }

  /** Asks for something with the token, and once more with a new one if that has ended. */
  async ask(path, { method = "GET", json } = {}, again = true) {
    const headers = { authorization: `Bearer ${this.me?.token}` };
    const body = json && JSON.stringify(json);
    if (json) headers["content-type"] = "application/json";
    const response = await fetch(path, { method, headers, body });
    if (response.status === 401 && again) {
      await this.refresh();
      return this.ask(path, { method, json }, false);
    }
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(answer.error.message), { status: response.status });
    return answer;
  }
}
