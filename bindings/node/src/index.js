'use strict';

const { TidingsError } = require('./error.js');
const { Decoder } = require('./decoder.js');
const { EventStream } = require('./stream.js');
const { decode } = require('./decode.js');
const { subscribe } = require('./subscribe.js');
const { Hub, createHub } = require('./hub.js');

module.exports = { Decoder, EventStream, Hub, TidingsError, createHub, decode, subscribe };
