'use strict';

// The error of this package.
//
// It does not know the codes: most are the names of statuses of the C ABI.

class TidingsError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }
}

Object.defineProperty(TidingsError.prototype, 'name', {
  value: 'TidingsError',
  configurable: true,
  writable: true,
});

module.exports = { TidingsError };
