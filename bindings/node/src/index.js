'use strict';

const { TidingsError } = require('./error.js');
const { Decoder } = require('./decoder.js');
const { EventStream } = require('./stream.js');
const { decode } = require('./decode.js');
const { subscribe } = require('./subscribe.js');

module.exports = { Decoder, EventStream, TidingsError, decode, subscribe };
