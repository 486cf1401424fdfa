import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RtpPacket } from '../packet.ts';
import { parseRtcp } from '../rtcp.ts';
import {
  assertRising,
  audioTrack,
  live,
  Network,
  openSession,
  PT,
  picture,
  senderReport,
  UTC_MS,
  VIDEO_FROM,
  VIDEO_SSRC,
  videoPacket,
  videoTrack,
} from './receive.fixture.ts';

/**
 * Ten seconds of video in two packets a picture through a network with losses; the sender answers requests if
 * it may.
 */
function lossy(seed: number, mayAnswer: boolean) {
  const session = openSession([{ ...videoTrack, canRepeat: mayAnswer }], { reducedSize: true });
  const { demuxer } = session;
  const network = new Network(seed, 10, 100);
  const sent = new Map<number, RtpPacket>();
  let repairs = 0;
  let requests = 0;
  let keyDue = false;
  let sequence = 60_000;
  for (let ms = 0; ms < 12_000; ms += 5) {
    for (const { atMs, packet } of network.take(ms)) demuxer.push(packet, atMs);
    if (ms % 40 === 0 && ms < 10_000) {
      const key = keyDue || ms % 2000 === 0;
      keyDue = false;
      for (const marker of [false, true]) {
        const slice = picture(key, 200).fill(marker ? 0x5a : 0x9a, 1, 2);
        const packet = { ...videoPacket(sequence++, VIDEO_FROM + ms * 90, slice), marker };
        sent.set(packet.sequence, packet);
        network.send(packet, ms);
      }
    }
    if (ms % 20 !== 0) continue;
    demuxer.tick(ms);
    for (const packet of demuxer.feedback(ms).flatMap((compound) => parseRtcp(compound))) {
      if (packet.type === 'pictureLoss') keyDue = true;
      if (packet.type !== 'nack') continue;
      assert.equal(packet.source, VIDEO_SSRC);
      for (const one of packet.sequences) {
        requests++;
        const original = sent.get(one);
        if (!original) continue;
        const payload = Uint8Array.of(one >> 8, one & 0xff, ...original.payload);
        network.send({ ...original, payloadType: PT.rtx, ssrc: 0x3333, sequence: repairs++ & 0xffff, payload }, ms);
      }
    }
  }
  demuxer.end();
  return { session, network, requests };
}

test('10 % loss with 100 ms jitter: requests bring nearly all pictures, whole and in order (seeded)', () => {
  for (const seed of [1, 2, 3]) {
    const { session, network, requests } = lossy(seed, true);
    assert.ok(network.lost > 40 && requests > 40);
    const frames = session.of(1);
    assert.ok(frames.length >= 225, `${frames.length} of 250 pictures`);
    assertRising(frames);
    assert.ok(frames.every(({ data }) => data.length === 2 * 204));
    assert.equal(session.runs.length, 1);
    assert.ok(session.demuxer.stats.retransmitted > 30);
    const { packets, lost } = session.demuxer.stats;
    const share = lost / (packets + lost);
    assert.ok(share > 0.06 && share < 0.14, `${share} lost, repaired or not`);
  }
});

test('10 % loss with 100 ms jitter without requests: pictures up to the next key frame are dropped, the others are whole (seeded)', () => {
  for (const seed of [1, 2, 3]) {
    const { session, requests } = lossy(seed, false);
    assert.equal(requests, 0);
    const frames = session.of(1);
    assert.ok(frames.length >= 40 && frames.length < 230, `${frames.length} of 250 pictures`);
    assertRising(frames);
    assert.ok(frames.every(({ data }) => data.length === 2 * 204));
    // After each hole comes a key frame.
    for (const [i, { pts, key }] of frames.entries()) {
      assert.ok(i === 0 || pts - frames[i - 1]!.pts === 3600 || key, `picture ${i} after a hole is no key frame`);
    }
    assert.ok(session.demuxer.stats.lost > 20);
  }
});

test('a stranger is ignored while the source is active, and becomes the source after 2 s of silence', () => {
  const session = openSession([videoTrack]);
  const { demuxer, damage } = session;
  live(session, { fromMs: 0, toMs: 1000, audio: false });
  for (let n = 0; n < 40; n++) {
    demuxer.push(videoPacket(n, n * 3600, picture(true), 0x6666), 1000 + n * 40);
    demuxer.push(videoPacket(65_525 + n, VIDEO_FROM + (1000 + n * 40) * 90, picture(false)), 1000 + n * 40);
  }
  assert.equal(session.of(1).length, 65);
  assert.deepEqual(damage, []);
  for (let n = 0; n < 100; n++) {
    demuxer.push(videoPacket(500 + n, 700_000 + n * 3600, picture(true), 0x6666), 2600 + n * 40);
    demuxer.tick(2600 + n * 40);
  }
  demuxer.end();
  assert.equal(session.runs.length, 2);
  // 2 s after 2.56 s: packets 49 to 99 of the new source.
  assert.equal(session.of(1).length, 65 + 51);
  assertRising(session.of(1));
});

test('a source of the session description takes over at once from one that is not', () => {
  const session = openSession([{ ...videoTrack, sources: [VIDEO_SSRC, 0x3333] }]);
  const { demuxer } = session;
  for (let n = 0; n < 5; n++) demuxer.push(videoPacket(n, n * 3600, picture(true), 0x6666), n * 40);
  for (let n = 0; n < 50; n++) demuxer.push(videoPacket(n, 900_000 + n * 3600, picture(n === 0)), 200 + n * 40);
  for (let n = 0; n < 5; n++) demuxer.push(videoPacket(n, n * 3600, picture(true), 0x6666), 2200 + n * 40);
  demuxer.end();
  assert.equal(session.of(1).length, 55);
  assert.equal(session.runs.length, 2);
});

test('a source that says goodbye is replaced at once, and its last picture is delivered', () => {
  const session = openSession([videoTrack]);
  const { demuxer } = session;
  for (let n = 0; n < 10; n++) demuxer.push(videoPacket(n, n * 3600, picture(n === 0)), n * 40);
  demuxer.report([{ type: 'bye', sources: [VIDEO_SSRC] }], 400);
  for (let n = 0; n < 10; n++) demuxer.push(videoPacket(n, n * 3600, picture(n === 0), 0x7777), 420 + n * 40);
  demuxer.end();
  assert.equal(session.of(1).length, 20);
});

test('the last packets of a source that its goodbye overtook are still its own', () => {
  const session = openSession([videoTrack]);
  const { demuxer } = session;
  for (let n = 0; n < 10; n++) {
    if (n === 8) demuxer.report([{ type: 'bye', sources: [VIDEO_SSRC] }], n * 40);
    demuxer.push(videoPacket(n, n * 3600, picture(n === 0)), n * 40);
  }
  demuxer.end();
  assert.equal(session.of(1).length, 10);
  assert.equal(session.runs.length, 1);
});

test('a source that comes again later than its goodbye begins again, with the same SSRC', () => {
  const session = openSession([videoTrack]);
  const { demuxer } = session;
  for (let n = 0; n < 10; n++) demuxer.push(videoPacket(n, n * 3600, picture(n === 0)), n * 40);
  demuxer.report([{ type: 'bye', sources: [VIDEO_SSRC] }], 400);
  for (let n = 0; n < 10; n++) demuxer.push(videoPacket(n, n * 3600, picture(n === 0)), 900 + n * 40);
  demuxer.end();
  assert.equal(session.of(1).length, 20);
  assertRising(session.of(1));
});

test('reports are sent once a second, requests for key frames at most twice, congestion feedback ten times', () => {
  const session = openSession([videoTrack, audioTrack], { transportExtension: 3, midExtension: 4 });
  const { demuxer } = session;
  const counts = { receiverReport: 0, pictureLoss: 0 };
  let transport = 0;
  let first = true;
  for (let ms = 0; ms < 4000; ms += 20) {
    const extensions = new Map([[3, Uint8Array.of(0, (ms / 20) & 0xff)]]);
    // Video before its first key frame.
    demuxer.push({ ...videoPacket(ms / 20, ms * 90, picture(false)), extensions }, ms);
    demuxer.report(senderReport(VIDEO_SSRC, UTC_MS + ms, ms * 90), ms);
    for (const compound of demuxer.feedback(ms)) {
      const packets = parseRtcp(compound);
      assert.equal(packets[0]?.type, 'receiverReport');
      if (compound.some((byte, i) => byte === 0x8f && compound[i + 1] === 205)) transport++;
      for (const packet of packets) {
        if (packet.type === 'pictureLoss') counts.pictureLoss++;
        if (packet.type !== 'receiverReport' || packet.reports.length === 0) continue;
        counts.receiverReport++;
        const [report] = packet.reports;
        assert.equal(report?.ssrc, VIDEO_SSRC);
        assert.equal(report.highestSequence & 0xffff, ms / 20);
        if (!first) assert.ok(report.lastReport > 0 && report.delay === 0);
        first = false;
      }
    }
  }
  assert.deepEqual(counts, { receiverReport: 4, pictureLoss: 8 });
  assert.equal(transport, 39); // from 100 ms on
});

test('a key frame is requested once, then no more', () => {
  const session = openSession([videoTrack]);
  const { demuxer } = session;
  let requests = 0;
  for (let ms = 0; ms < 3000; ms += 20) {
    if (ms % 40 === 0) demuxer.push(videoPacket(ms / 40, ms * 90, picture(ms === 0)), ms);
    if (ms === 1000) demuxer.requestKeyFrame();
    const packets = demuxer.feedback(ms).flatMap((compound) => parseRtcp(compound));
    requests += packets.filter(({ type }) => type === 'pictureLoss').length;
  }
  assert.equal(requests, 1);
});

test('packets of one transport find their track by media name, source or payload type', () => {
  const other = { ...videoTrack, id: 3, mid: 'w', sources: [0x4444] };
  const session = openSession([videoTrack, other], { midExtension: 4 });
  const { demuxer } = session;
  const named = new Map([[4, Uint8Array.of(0x77)]]);
  for (let n = 0; n < 4; n++) {
    demuxer.push(videoPacket(n, n * 3600, picture(true)), n);
    // The name is in the first packets alone.
    const packet = videoPacket(n, n * 3600, picture(true), 0x5555);
    demuxer.push(n === 0 ? { ...packet, extensions: named } : packet, n);
  }
  demuxer.end();
  assert.deepEqual([session.of(1).length, session.of(3).length], [4, 4]);
  const announced = openSession([videoTrack, other]);
  announced.demuxer.push(videoPacket(0, 0, picture(true), 0x4444), 0);
  announced.demuxer.end();
  assert.equal(announced.of(3).length, 1);
});
