'use strict';

// Options, checked: a name that is unknown and a value that is wrong are errors which name the option.
//
// It does not know what the options are for.

const { TidingsError } = require('./error.js');

/** The error for a wrong option. */
function invalid(option, wanted, value) {
  const message = `the option \`${option}\` has to be ${wanted}, not ${shown(value)}`;
  return Object.assign(new TidingsError('invalid_option', message), { option });
}

/** The error for a wrong argument. */
function wrong(argument, wanted, value) {
  return new TidingsError('invalid_argument', `${argument} has to be ${wanted}, not ${shown(value)}`);
}

function shown(value) {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
    case 'object':
      return value === null ? 'null' : 'an object';
    case 'function':
      return 'a function';
    default:
      return String(value);
  }
}

/** The options by the rules, one for each name. What is not given is `undefined`. */
function readOptions(options, rules) {
  const read = {};
  if (options === undefined) return read;
  if (options === null || typeof options !== 'object') throw wrong('options', 'an object', options);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(rules, name)) {
      const message = `there is no option \`${name}\`; there are ${Object.keys(rules).join(', ')}`;
      throw Object.assign(new TidingsError('invalid_option', message), { option: name });
    }
    read[name] = rules[name](value, name);
  }
  return read;
}

const flag = (value, name) => {
  if (typeof value !== 'boolean') throw invalid(name, 'true or false', value);
  return value;
};

const text = (value, name) => {
  if (typeof value !== 'string') throw invalid(name, 'a string', value);
  return value;
};

const callback = (value, name) => {
  if (typeof value !== 'function') throw invalid(name, 'a function', value);
  return value;
};

/** A whole number from `least` to `most`; or infinity, if that means something. */
const whole =
  (least, most, infinite = false) =>
  (value, name) => {
    const fits = Number.isInteger(value) && value >= least && value <= most;
    if (!fits && !(infinite && value === Infinity)) {
      const or = infinite ? ', or Infinity' : '';
      throw invalid(name, `a whole number from ${least} to ${most}${or}`, value);
    }
    return value;
  };

/** Milliseconds: at most 30 years, far from where numbers become inexact. */
const milliseconds = (least, infinite) => whole(least, 1e12, infinite);

/** How the addon is told a number: 0 stands for the default, infinity for none. */
const coded = (value) => {
  if (value === undefined) return 0;
  return value === 0 ? Infinity : value;
};

module.exports = { callback, coded, flag, invalid, milliseconds, readOptions, text, whole, wrong };
