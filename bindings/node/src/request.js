'use strict';

// A request for a stream: what `fetch` is called with, and what of the response matters.
//
// It does not know when it is made, nor how often.

const { TidingsError } = require('./error.js');
const { callback, invalid, wrong } = require('./options.js');

/** The rules of the options that are the request's. */
const rules = {
  fetch: callback,
  method(value, name) {
    if (typeof value !== 'string' || !/^[!#$%&'*+.^_`|~\w-]+$/.test(value)) {
      throw invalid(name, 'the method of a request', value);
    }
    return value;
  },
  headers(value, name) {
    if (typeof value === 'function') return value;
    try {
      return new Headers(value);
    } catch (cause) {
      const error = invalid(name, `headers, or a function that returns some (${cause.message})`, value);
      throw Object.assign(error, { cause });
    }
  },
  body(value, name) {
    if (typeof value?.getReader === 'function' || typeof value?.[Symbol.asyncIterator] === 'function') {
      throw invalid(name, 'something that can be sent again, or a function that returns it', 'a stream');
    }
    return value;
  },
};

/** The address, if it is one. */
function address(url) {
  const text = url instanceof URL ? url.href : url;
  if (typeof text !== 'string' || !URL.canParse(text)) throw wrong('the url', 'an absolute URL', url);
  return text;
}

/** Checks what has to go together. */
function checkRequest({ method = 'GET', body }) {
  if (body !== undefined && /^(get|head)$/i.test(method)) {
    const message = `the option \`body\` needs a \`method\` other than ${method}`;
    throw Object.assign(new TidingsError('invalid_option', message), { option: 'body' });
  }
}

/** Makes what `fetch` takes. What functions of the application throw goes through. */
async function init({ method = 'GET', headers, body }, lastEventId) {
  const all = new Headers(typeof headers === 'function' ? await headers() : headers);
  if (!all.has('accept')) all.set('accept', 'text/event-stream');
  // The bytes of the id are UTF-8; the characters of a header value are bytes.
  if (lastEventId !== undefined) all.set('last-event-id', Buffer.from(lastEventId).toString('latin1'));
  const content = typeof body === 'function' ? await body() : body;
  const about = { method, headers: all, cache: 'no-store', redirect: 'follow' };
  return content === undefined ? about : { ...about, body: content, duplex: 'half' };
}

/** What of a response decides whether a stream follows. */
function summary(response) {
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    retryAfter: retryAfter(response.headers.get('retry-after')),
  };
}

/** How many milliseconds the server asks to wait; infinity if it does not. */
function retryAfter(value) {
  if (value === null) return Infinity;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, Math.ceil(ms)) : Infinity;
}

module.exports = { address, checkRequest, init, rules, summary };
