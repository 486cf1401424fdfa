import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { altSvc } from './alt-svc-option.ts';

const option = altSvc('The setting.');

test('values of Alt-Svc are kept as they are; the empty text is none (RFC 7838 3)', () => {
  assert.equal(option.initial, undefined);
  assert.equal(option.parse('  '), undefined);
  assert.equal(option.print(option.parse('h3=":443"')), 'h3=":443"');
  for (const value of [
    'clear',
    'h3=":8443"; ma=2592000',
    'h3=":443"; ma=3600; persist=1, h3-29=":443" ;ma="60"',
    'h3="edge.example:443"',
    'h3="[2001:db8::1]:443"',
    'w%3Dx%3Ay#z="alt.example:1"; v="a, b; \\"c\\""',
  ]) {
    assert.equal(option.parse(value), value);
  }
});

test('what browsers would drop is refused, with what to write instead (RFC 7838 3)', () => {
  for (const [value, sentence] of [
    ['h3=:443', '"h3=:443" is no alternative; write h3=":443"; ma=86400, with the quotes, or clear'],
    ['h3', '"h3" is no alternative; write'],
    ['h3=":443",', '"h3=":443"," is no alternative'],
    ['h3=":443" ma=1', '"h3=":443" ma=1" is no alternative'],
    ['h3=":443", Clear', '"Clear" is no alternative'],
    ['clear, h3=":443"', '"clear, h3=":443"" is no alternative'],
    ['h3=":443"\r\nSet-Cookie: a=b', 'is no alternative'],
    ['h3="443"', '"443" is not ":PORT" or "HOST:PORT", with a port from 1 to 65535'],
    ['h3=":0"', '":0" is not ":PORT"'],
    ['h3=":65536"', '":65536" is not ":PORT"'],
    ['h3="a b:443"', '"a b:443" is not ":PORT"'],
    ['h%3d=":443"', '"h%3d" is not the name of a protocol; write h3'],
    ['h3=":443"; ma=1d', 'ma=1d is not a number of seconds, such as ma=86400'],
    ['h3=":443"; ma=60; persist=0', 'persist=0 can only be persist=1'],
    [`h3=":443"${'; a=b'.repeat(100)}`, 'it has 509 characters; use at most 500'],
    [3, '"3" is no alternative'],
    [['h3=":443"'], 'expected text such as h3=":443"; ma=86400'],
  ] as const) {
    assert.throws(
      () => option.parse(value),
      (error) => error instanceof FormatError && error.message.includes(sentence),
      `${value}`,
    );
  }
});
