// Requests to the server that this page came from.
// It does not know who is signed in: it is given the token.

/** The server refused, or there is none. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const address = (path) => new URL(path, document.baseURI).href;

/** Asks for JSON, or for nothing (204). Throws `Refused` in the server's words. */
export async function request(path, { method = "GET", token, json, signal } = {}) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (json !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path), { method, headers, body: json, signal, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, "unreachable", "The server does not answer.");
  }
  const text = await response.text().catch(() => "");
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy between may say what it likes.
  }
  if (response.ok) return body;
  const { code = "refused", message = `The server answers ${response.status}.` } = body?.error ?? {};
  throw new Refused(response.status, code, message);
}
