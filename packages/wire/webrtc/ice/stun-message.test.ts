import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { hasIntegrity, parseStun, printStun, printXorAddress, stunAttribute, stunType } from './stun-message.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));

/** RFC 5769 2.1. */
const request = bytes(`
  00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae 80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c
  69 65 6e 74 00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36 00 06 00 09 65 76 74 6a 3a 68 36 76
  59 20 20 20 00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2 80 28 00 04 e5 7a 3b cf`);

test('the sample request of RFC 5769 is read, and its integrity depends on the password', () => {
  const message = parseStun(request);
  assert.equal(message.type, stunType.bindingRequest);
  assert.equal(new TextDecoder().decode(message.attributes.get(stunAttribute.username)), 'evtj:h6vY');
  assert.ok(hasIntegrity(message, 'VOkJxbRl1RmTxUk/WvJxBt'));
  assert.ok(!hasIntegrity(message, 'VOkJxbRl1RmTxUk/WvJxBu'));
});

test('addresses are printed as in the sample responses of RFC 5769', () => {
  const { transaction } = parseStun(request);
  assert.deepEqual(printXorAddress(Uint8Array.of(192, 0, 2, 1), 32853, transaction), bytes('0001 a147 e112a643'));
  const ipv6 = bytes('2001 0db8 1234 5678 0011 2233 4455 6677');
  assert.deepEqual(printXorAddress(ipv6, 32853, transaction), bytes('0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9'));
});

test('what is printed is read again', () => {
  const attributes = new Map([[stunAttribute.username as number, new TextEncoder().encode('a:bc')]]);
  const printed = printStun(
    { type: stunType.bindingSuccess, transaction: new Uint8Array(12).fill(9), attributes },
    'secret',
  );
  const read = parseStun(printed);
  assert.equal(read.type, stunType.bindingSuccess);
  assert.deepEqual(read.attributes.get(stunAttribute.username), attributes.get(stunAttribute.username));
  assert.ok(hasIntegrity(read, 'secret'));
});

test('attributes after MESSAGE-INTEGRITY do not count', () => {
  const message = parseStun(request);
  const { content, hmac } = message.signed!;
  const forged = new Uint8Array([...content, 0, 8, 0, 20, ...hmac, 0, 0x25, 0, 0]);
  new DataView(forged.buffer).setUint16(2, forged.length - 20);
  const read = parseStun(forged);
  assert.ok(hasIntegrity(read, 'VOkJxbRl1RmTxUk/WvJxBt'));
  assert.ok(!read.attributes.has(stunAttribute.useCandidate));
});

test('damaged messages throw FormatError and nothing else (20,000 inputs, seeded)', () => {
  const random = seeded(5769);
  for (let n = 0; n < 20_000; n++) {
    const damaged = Uint8Array.from(request.subarray(0, random(2) ? request.length : random(request.length)));
    for (let i = 0; i < 3; i++) damaged[random(request.length)] = random(256);
    try {
      hasIntegrity(parseStun(damaged), 'VOkJxbRl1RmTxUk/WvJxBt');
    } catch (error) {
      assert.equal((error as Error).name, 'FormatError');
    }
  }
});
