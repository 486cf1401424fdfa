import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opusCode, opusConfig } from './config.ts';
import { fuzzOpus } from './fuzz.fixture.ts';
import { opusSamples, parseOpusControl, printOpusControl } from './packet.ts';

test('a packet lasts as its first bytes say (RFC 6716, 3.1, table 2)', () => {
  const at = (...bytes: number[]) => opusSamples(Uint8Array.from(bytes));
  assert.equal(at(0xfc), 960); // CELT, 20 ms, one frame
  assert.equal(at(0xe0), 120); // CELT, 2.5 ms
  assert.equal(at(0x18), 2880); // SILK, 60 ms
  assert.equal(at(0x61), 960); // hybrid, 10 ms, two frames
  assert.equal(at(0x03, 3), 1440); // SILK, 10 ms, three frames
  assert.equal(at(0xfb, 0x30), undefined); // 48 frames of 20 ms are more than 120 ms
  assert.equal(at(0x03), undefined);
  assert.equal(at(), undefined);
});

test('a control header of any length of packet is read as it was written', () => {
  for (const bytes of [1, 254, 255, 256, 510, 4000]) {
    const header = printOpusControl(bytes);
    const expected = { headerBytes: header.length, packetBytes: bytes, startTrim: 0, endTrim: 0 };
    assert.deepEqual(parseOpusControl(header, 0, header.length), expected);
    assert.equal(parseOpusControl(header, 0, header.length - 1), 'short');
  }
});

test('trims and extensions belong to the header', () => {
  const header = Uint8Array.of(0x7f, 0xe0 | 0x1c, 7, 0x01, 0x38, 0x00, 0x05, 2, 9, 9);
  assert.deepEqual(parseOpusControl(header, 0, header.length), {
    headerBytes: 10,
    packetBytes: 7,
    startTrim: 312,
    endTrim: 5,
  });
  assert.equal(parseOpusControl(Uint8Array.of(0x7e, 0xe0, 7), 0, 3), undefined);
});

test('each channel configuration survives a round trip through the record', () => {
  for (let code = 0; code <= 8; code++) {
    const config = opusConfig(code)!;
    assert.equal(config.channels, code || 2);
    assert.equal(opusCode(config.record), code);
  }
  assert.equal(opusConfig(0x81), undefined);
  assert.equal(Buffer.from(opusConfig(2)!.record).toString('hex'), '000200000000bb80000000');
});

test('2,000 random packets and headers give numbers or nothing', () => {
  assert.ok(fuzzOpus(9, 2000) > 100);
});
