'use strict';

// A certificate for 127.0.0.1 that signs itself, made anew for each process that asks.
//
// It does not know TLS: this is X.509 (RFC 5280), as little of it as Node takes.

const { generateKeyPairSync, sign } = require('node:crypto');

const der = (tag, ...parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const size = body.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};

const SEQUENCE = 0x30;
const sequence = (...parts) => der(SEQUENCE, ...parts);
const time = (date) => der(0x17, `${date.toISOString().replace(/[-:T]|\.\d+/g, '').slice(2, 14)}Z`);

/** ecdsa-with-SHA256, commonName, subjectAltName. */
const ECDSA = sequence(der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
const NAME = sequence(der(0x31, sequence(der(0x06, [0x55, 0x04, 0x03]), der(0x0c, '127.0.0.1'))));
const ALTERNATIVE = sequence(
  der(0x06, [0x55, 0x1d, 0x11]),
  der(0x04, sequence(der(0x87, [127, 0, 0, 1]))),
);

function certificate() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const day = 86_400_000;
  const body = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [1]),
    ...[ECDSA, NAME],
    sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day))),
    NAME,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(ALTERNATIVE)),
  );
  const signed = sequence(body, ECDSA, der(0x03, [0], sign('sha256', body, privateKey)));
  const lines = signed.toString('base64').replace(/.{64}/g, '$&\n');
  const cert = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}

module.exports = { certificate };
