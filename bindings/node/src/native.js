'use strict';

// The addon: loads it, and sees that what it hands out is freed.
//
// It does not know what the functions do; `addon/src` does.

const path = require('node:path');
const { TidingsError } = require('./error.js');
const { target } = require('./target.js');

function load() {
  const name = target();
  const file = path.join(__dirname, '..', 'prebuilds', name, 'tidings.node');
  try {
    return require(file);
  } catch (cause) {
    const missing = cause.code === 'MODULE_NOT_FOUND';
    const what = missing ? 'there is no build for' : 'the build does not load for';
    throw new TidingsError(
      'unsupported',
      `${what} ${name}: in a checkout, \`npm run build\` makes one in bindings/node`,
      { cause },
    );
  }
}

const native = load();
native.setup(TidingsError);

const registry = new FinalizationRegistry(native.free);

/** Has a handle be freed when its owner is gone, if it was not closed before. */
function own(owner, handle) {
  registry.register(owner, handle, owner);
  return handle;
}

/** Frees the handle of an owner. */
function disown(owner, handle) {
  registry.unregister(owner);
  native.free(handle);
}

module.exports = { native, own, disown };
