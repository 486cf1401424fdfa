/**
 * Random and damaged packets for the parsers of SRT.
 * In: a seed. Out: how many were valid, or what failed. Used by tests and `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { parseAck, parseDropRequest, readLossList } from './ack.ts';
import { type Handshake, handshakeType, parseHandshake, printHandshake } from './handshake.ts';
import { HEADER_BYTES } from './header.ts';
import { parseKeyMaterial, printKeyMaterial } from './key-material.ts';
import { parseStreamId } from './stream-id.ts';

function randomBytes(random: (below: number) => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

/** A valid conclusion with random extensions. */
function randomHandshake(random: (below: number) => number): Handshake {
  const text = (most: number) => [...'aä€😀/#!::r='.repeat(30)].slice(0, random(most)).join('');
  return {
    version: 5,
    encryption: random(5),
    extensionField: 0,
    sequence: random(2 ** 31),
    mtu: 1500,
    flowWindow: random(2 ** 16),
    type: handshakeType.conclusion,
    socketId: random(2 ** 30),
    cookie: random(2 ** 32),
    peerAddress: randomBytes(random, 16),
    parameters: {
      version: random(2 ** 24),
      flags: random(256),
      receiveLatencyMs: random(65_536),
      sendLatencyMs: random(65_536),
    },
    isAnswer: random(2) === 1,
    keyMaterial: random(2) === 1 ? randomBytes(random, 4 * random(24)) : undefined,
    streamId: text(80),
    congestion: random(4) === 0 ? 'live' : undefined,
  };
}

/** Calls a parser; the only error it may throw is FormatError. Returns whether the input was valid. */
function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/**
 * Handshakes: printed ones parse to themselves; damaged ones parse or are refused, and never take more than
 * they have.
 */
export function fuzzSrtHandshake(seed: number, count: number): number {
  const random = seeded(seed);
  let valid = 0;
  for (let round = 0; round < count; round++) {
    const handshake = randomHandshake(random);
    const packet = printHandshake(handshake);
    const parsed = parseHandshake(packet);
    assert.deepEqual(parsed.parameters, handshake.parameters, `round ${round}`);
    assert.equal(parsed.streamId ?? '', handshake.streamId, `round ${round}`);
    assert.deepEqual(printHandshake({ ...parsed, extensionField: 0 }), packet, `round ${round}`);
    const damaged = packet.slice(0, random(4) === 0 ? random(packet.length) : packet.length);
    for (let changes = random(6); changes > 0 && damaged.length > 0; changes--) {
      damaged[random(damaged.length)] = random(256);
    }
    if (accepts(() => parseHandshake(damaged))) valid++;
    accepts(() => parseStreamId(randomBytes(random, random(600))));
  }
  return valid;
}

/** Key material: printed messages parse to themselves; damaged ones parse or are refused. */
export function fuzzSrtKeyMaterial(seed: number, count: number): number {
  const random = seeded(seed);
  let valid = 0;
  for (let round = 0; round < count; round++) {
    const keyLength = ([16, 24, 32] as const)[random(3)]!;
    const keys = ([1, 2, 3] as const)[random(3)]!;
    const wrapped = randomBytes(random, 8 + keyLength * (keys === 3 ? 2 : 1));
    const message = printKeyMaterial({ keys, cipher: 2, keyLength, salt: randomBytes(random, 16), wrapped });
    assert.deepEqual(printKeyMaterial(parseKeyMaterial(message)), message, `round ${round}`);
    const damaged = message.slice(0, random(4) === 0 ? random(message.length) : message.length);
    for (let changes = random(4); changes > 0 && damaged.length > 0; changes--) {
      damaged[random(Math.min(damaged.length, 24))] = random(256);
    }
    if (accepts(() => parseKeyMaterial(damaged))) valid++;
  }
  return valid;
}

/** Bodies of control packets: random bytes parse or are refused; ranges of loss lists are 31-bit numbers. */
export function fuzzSrtControl(seed: number, count: number): number {
  const random = seeded(seed);
  let ranges = 0;
  for (let round = 0; round < count; round++) {
    const packet = randomBytes(random, HEADER_BYTES + random(random(8) === 0 ? 1500 : 40));
    accepts(() => parseAck(packet));
    accepts(() => parseDropRequest(packet));
    accepts(() =>
      readLossList(packet, (first, last) => {
        assert.ok(first < 2 ** 31 && last < 2 ** 31 && first >= 0 && last >= 0, `round ${round}`);
        ranges++;
      }),
    );
  }
  return ranges;
}
