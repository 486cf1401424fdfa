import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../random.fixture.ts';
import { parseRtp } from '../packet.ts';
import { opusPacket, videoSource, vp8Packet } from './forward.fixture.ts';
import { readVp8, shiftVp8 } from './vp8-descriptor.ts';

test('packets are forwarded as they come, with numbers that do not wrap', () => {
  const source = videoSource();
  const numbers = [65_534, 65_535, 65_536, 65_538, 65_537].map((n) => source.push(vp8Packet(n), 0)!.extended);
  assert.deepEqual(
    numbers.map((one) => one - numbers[0]!),
    [0, 1, 2, 4, 3],
  );
});

test('a packet that comes twice, or too late, is dropped and counted', () => {
  const counts = { dropped: 0 };
  const source = videoSource({ counts });
  assert.ok(source.push(vp8Packet(10), 0));
  assert.equal(source.push(vp8Packet(10), 0), undefined);
  for (let n = 11; n < 700; n++) source.push(vp8Packet(n), n);
  assert.equal(source.push(vp8Packet(12), 700), undefined);
  assert.equal(counts.dropped, 2);
});

test('missing packets are requested, and are forwarded when they come in the repair stream (RFC 4588 4)', () => {
  const source = videoSource();
  source.push(vp8Packet(1), 0);
  source.push(vp8Packet(3), 10);
  assert.deepEqual(source.nacks(100), [2]);
  const { payload } = vp8Packet(2);
  const repair = { ...vp8Packet(500, { ssrc: 9 }), payloadType: 97, payload: Uint8Array.of(0, 2, ...payload) };
  const forwarded = source.push(repair, 120)!;
  assert.deepEqual([forwarded.packet.sequence, forwarded.packet.ssrc, forwarded.packet.payloadType], [2, 1, 96]);
  assert.deepEqual(forwarded.packet.payload, payload);
  assert.deepEqual(source.nacks(1000), []);
});

test('another SSRC, or a jump of the numbers, is another epoch', () => {
  const source = videoSource();
  const first = source.push(vp8Packet(1), 0)!;
  assert.equal(source.push(vp8Packet(5, { ssrc: 3 }), 100), undefined, 'a stranger while the source sends');
  const second = source.push(vp8Packet(5, { ssrc: 3 }), 5000)!;
  const third = source.push(vp8Packet(20_000, { ssrc: 3 }), 5010)!;
  assert.deepEqual([second.epoch - first.epoch, third.epoch - second.epoch], [1, 1]);
});

test('a source that sends more than the rate is cut to it', () => {
  const counts = { dropped: 0 };
  const source = videoSource({ counts });
  for (let n = 0; n < 5000; n++) source.push(vp8Packet(n), n / 5);
  assert.ok(counts.dropped > 2500 && counts.dropped < 3500, String(counts.dropped));
});

test('its report has the loss and the last sender report', () => {
  const source = videoSource();
  assert.equal(source.receptionReport(0), undefined);
  for (const n of [1, 2, 4]) source.push(vp8Packet(n), n);
  source.report(
    { type: 'senderReport', ssrc: 1, utcMs: 0, ntpMiddle: 77, timestamp: 0, packets: 0, bytes: 0, reports: [] },
    10,
  );
  const report = source.receptionReport(1010)!;
  assert.deepEqual([report.lost, report.lastReport, report.delay], [1, 77, 65_536]);
});

test('packets of other payload types, and probes without an original, are not forwarded', () => {
  const source = videoSource();
  assert.equal(source.push(opusPacket(1), 0), undefined);
  assert.equal(source.push(vp8Packet(1, { payloadType: 97 }), 0), undefined, 'before the source');
  source.push(vp8Packet(1), 0);
  assert.equal(source.push({ ...vp8Packet(2, { payloadType: 97 }), payload: new Uint8Array(2) }, 0), undefined);
});

test('the first packet of a key frame is recognized (RFC 7741 4.2, 4.3)', () => {
  for (const [bytes, isKeyStart] of [
    [[0x10, 0x00], true],
    [[0x10, 0x01], false],
    [[0x00, 0x00], false],
    [[0x11, 0x00], false],
    [[0x90, 0x80, 0x05, 0x00], true],
    [[0x90, 0xe0, 0x81, 0x02, 0x03, 0x20, 0x00], true],
  ] as const) {
    assert.equal(readVp8(Uint8Array.from(bytes))?.isKeyStart, isKeyStart, bytes.join());
  }
});

test('numbers of pictures are moved with their wraps, and the rest stays', () => {
  const { payload } = vp8Packet(1, { picture: 0x7fff });
  const moved = shiftVp8(payload, { picture: 2, layer: 2 });
  const { picture, layer } = readVp8(moved)!;
  assert.deepEqual([picture!.id, layer!.index], [1, 1]);
  assert.deepEqual(moved.subarray(5), payload.subarray(5));
  assert.deepEqual([...shiftVp8(Uint8Array.of(0x90, 0x80, 0x7f, 0), { picture: 1, layer: 0 })], [0x90, 0x80, 0, 0]);
});

test('ten thousand random payloads and packets make nothing throw', () => {
  const random = seeded(24);
  const source = videoSource();
  for (let i = 0; i < 10_000; i++) {
    const bytes = Uint8Array.from({ length: random(40) }, () => random(256));
    shiftVp8(bytes, { picture: random(40_000) - 20_000, layer: random(300) - 150 });
    const payloadType = [96, 97, 98][random(3)]!;
    source.push({ ...vp8Packet(random(65_536), { ssrc: random(3), payloadType }), payload: bytes }, i);
    source.nacks(i);
    source.receptionReport(i);
    try {
      parseRtp(bytes);
    } catch (error) {
      assert.equal((error as Error).name, 'FormatError');
    }
  }
});
