import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitWriter } from '../../bits.ts';
import { concatBytes } from '../../bytes.ts';
import { meaningOf } from './formats.ts';
import { collect, formatOf, hex } from './payload.fixture.ts';

const HBR = { mode: 'AAC-hbr', config: '1190', sizelength: '13', indexlength: '3', indexdeltalength: '3' };
const channelsOf = (config: object) => ('channels' in config ? config.channels : undefined);
const unit = (size: number, fill: number) => new Uint8Array(size).fill(fill);

/** AU headers of 13 and 3 bits, then data. */
function aacPacket(sizes: readonly number[], data: Uint8Array, deltas: readonly number[] = []): Uint8Array {
  const bits = new BitWriter().u(16 * sizes.length, 16);
  for (const [i, size] of sizes.entries()) bits.u(size, 13).u(deltas[i] ?? 0, 3);
  return concatBytes([bits.finish(), data]);
}

test('Opus: each packet is a unit that lasts as its first bytes say (RFC 7587 4.2)', () => {
  const { send, units, configs, damage } = collect(formatOf('opus', 48_000));
  send(960, hex('fc 01 02'));
  send(1920, hex('03'));
  send(2880, new Uint8Array(0));
  assert.deepEqual(
    configs.map(({ codecs }) => codecs),
    ['opus'],
  );
  assert.deepEqual(units, [{ timestamp: 960, key: true, data: hex('fc 01 02'), duration: 960 }]);
  assert.equal(damage.length, 1);
});

test('AAC: several access units of a packet follow each other by 1024 samples (RFC 3640 3.2.1)', () => {
  const { send, units, configs, damage } = collect(formatOf('aac', 48_000, HBR));
  send(0xffff_ff00, aacPacket([5, 7], concatBytes([unit(5, 1), unit(7, 2)])));
  assert.deepEqual(damage, []);
  assert.deepEqual(
    configs.map(({ codecs }) => codecs),
    ['mp4a.40.2'],
  );
  assert.deepEqual(units, [
    { timestamp: 0xffff_ff00, key: true, data: unit(5, 1), duration: 1024 },
    { timestamp: 0x300, key: true, data: unit(7, 2), duration: 1024 },
  ]);
});

test('AAC: an access unit in fragments is joined, one without its end is dropped (RFC 3640 3.2.3)', () => {
  const { packet, units, damage, depacketizer } = collect(formatOf('aac', 48_000, HBR));
  packet(0, false, aacPacket([300], unit(200, 1)));
  packet(0, true, aacPacket([300], unit(100, 2)));
  assert.deepEqual(
    units.map(({ data }) => data),
    [concatBytes([unit(200, 1), unit(100, 2)])],
  );
  packet(1024, false, aacPacket([300], unit(200, 1)));
  depacketizer.lost();
  packet(2048, true, aacPacket([4], unit(4, 3)));
  packet(3072, false, aacPacket([300], unit(200, 1)));
  packet(4096, true, aacPacket([4], unit(4, 4)));
  assert.deepEqual(
    units.map(({ timestamp }) => timestamp),
    [0, 2048, 4096],
  );
  assert.deepEqual(damage, ['an AAC access unit without its end']);
});

test('AAC: interleaved access units are damage', () => {
  const { send, units, damage } = collect(formatOf('aac', 48_000, HBR));
  send(0, aacPacket([2, 2], unit(4, 1), [0, 1]));
  assert.deepEqual([units.length, damage.length], [0, 1]);
});

test('AAC: a session description without a configuration is refused with its reason', () => {
  const { send, refused, damage } = collect(formatOf('aac', 48_000, { ...HBR, config: 'x' }));
  send(0, aacPacket([2], unit(2, 1)));
  assert.match(refused[0]!, /^AAC audio \(.*hexadecimal\)$/);
  assert.deepEqual(damage, []);
});

test('LATM: the configuration of the SDP, and access units after their length (RFC 6416 6)', () => {
  const { packet, units, configs, damage } = collect(
    formatOf('latm', 48_000, { cpresent: '0', config: '400023103fc0' }),
  );
  const element = concatBytes([Uint8Array.of(255, 45), unit(300, 9)]);
  packet(0, false, element.subarray(0, 200));
  packet(0, true, element.subarray(200));
  packet(1024, true, Uint8Array.of(9, 1));
  assert.deepEqual(
    configs.map((config) => `${config.codecs} ${channelsOf(config)}`),
    ['mp4a.40.2 1'],
  );
  assert.deepEqual(units, [{ timestamp: 0, key: true, data: unit(300, 9), duration: 1024 }]);
  assert.equal(damage.length, 1);
});

test('LATM: a configuration of GStreamer, which ends after the AudioSpecificConfig, is read', () => {
  for (const config of ['40002310', '40002310adca00']) {
    const { packet, units, configs, refused } = collect(formatOf('latm', 48_000, { cpresent: '0', config }));
    packet(0, true, Uint8Array.of(2, 1, 2));
    assert.deepEqual([configs.map(channelsOf), units.map(({ data }) => data), refused], [[1], [hex('0102')], []]);
  }
});

test('LATM: a configuration within the stream is read, at any bit (ISO/IEC 14496-3, 1.7.3)', () => {
  const { packet, units, configs, damage } = collect(formatOf('latm', 48_000));
  const bits = new BitWriter().u(0, 1); // useSameStreamMux
  bits.u(0, 1).u(1, 1).u(0, 6).u(0, 4).u(0, 3); // version, same framing, one unit, program, layer
  bits.u(2, 5).u(3, 4).u(2, 4).u(0, 3); // AAC-LC, 48 kHz, stereo
  bits.u(0, 3).u(0xff, 8).u(0, 1).u(0, 1).u(3, 8).u(0xabcdef, 24);
  packet(0, true, bits.finish());
  packet(1024, true, new BitWriter().u(1, 1).u(2, 8).u(0x1234, 16).finish());
  assert.deepEqual(damage, []);
  assert.deepEqual(configs.map(channelsOf), [2]);
  assert.deepEqual(
    units.map(({ data }) => data),
    [hex('abcdef'), hex('1234')],
  );
});

test('MPEG-TS is passed as bytes (RFC 2250 2)', () => {
  const { send, bytes, units } = collect(formatOf('mp2t', 90_000));
  send(0, unit(188, 0x47));
  assert.deepEqual([bytes, units.length], [[unit(188, 0x47)], 0]);
});

test('encodings of a session description are media, repeated packets, or left out by name', () => {
  const meaning = (encoding: string, parameters: Record<string, string> = {}, kind: 'video' | 'audio' = 'video') =>
    meaningOf(
      {
        encoding,
        payloadType: 96,
        clockRate: 90_000,
        channels: 1,
        feedback: [],
        parameters: new Map(Object.entries(parameters)),
      },
      kind,
    );
  assert.equal(meaning('H265')?.kind, 'media');
  assert.deepEqual(meaning('RTX', { apt: '97' }), { kind: 'repair', payloadType: 97 });
  assert.deepEqual(meaning('JXSV'), { kind: 'leftOut', track: { kind: 'video', name: 'JPEG XS video' } });
  assert.equal(meaning('PCMA', {}, 'audio')?.kind, 'media');
  assert.deepEqual(meaning('G722', {}, 'audio'), { kind: 'leftOut', track: { kind: 'audio', name: 'G.722 audio' } });
  assert.deepEqual(meaning('\u0007X'), {
    kind: 'leftOut',
    track: { kind: 'video', name: "video of unknown encoding '?'" },
  });
  assert.equal(meaning('TELEPHONE-EVENT', {}, 'audio'), undefined);
});
