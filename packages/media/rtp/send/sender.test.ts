import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame } from '../../frame.ts';
import { parseRtp, type RtpPacket } from '../packet.ts';
import { joinRtp } from '../pieces.fixture.ts';
import { parseRtcp } from '../rtcp.ts';
import { createPacketExtensions } from './header-extensions.ts';
import { PacketHistory } from './packet-history.ts';
import { filled, frameOf, hex } from './send.fixture.ts';
import { RtpSender, type RtpSenderOptions } from './sender.ts';
import { ViewerTimeline } from './viewer-timeline.ts';

const UTC_MS = 1_790_000_000_000;

/** A sender of video in a run that began at UTC_MS with pts 0. */
function open(options: Partial<RtpSenderOptions> = {}) {
  const timeline = options.timeline ?? new ViewerTimeline();
  const sender = new RtpSender({
    kind: 'video',
    ssrc: 7,
    payloadType: 96,
    clockRate: 90_000,
    name: 'oxbow',
    timeline,
    firstSequence: 0xfffe,
    timestampOffset: 1000,
    ...options,
  });
  timeline.startRun({ utcOffsetUs: UTC_MS * 1000 }, UTC_MS * 1000);
  sender.startRun(90_000);
  return { sender, timeline };
}

/** The packets of a frame. */
function whole(sender: RtpSender, frame: Frame, payloads: readonly Uint8Array[], nowMs = 0): Uint8Array[] {
  return sender.packets(frame, payloads, nowMs).map(joinRtp);
}

/** `count` packets of 100 bytes, one frame each, at 0 ms. */
function sent(sender: RtpSender, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => whole(sender, frameOf(filled(1), { pts: i }), [filled(100, i)])[0]!);
}

const view = ({ sequence, timestamp, marker, payload }: RtpPacket) => [sequence, timestamp, marker, payload.length];

suite('RTP packets of one viewer', () => {
  test('packets of a frame share its timestamp, the last one of video has the marker, and numbers wrap', () => {
    const { sender } = open();
    const first = sender.timestampOf({ pts: 0, duration: 3000 });
    const packets = whole(sender, frameOf(filled(1), { pts: 3000 }), [filled(10), filled(20), filled(30)]);
    const timestamp = (first + 3000) % 2 ** 32;
    assert.deepEqual(packets.map(parseRtp).map(view), [
      [0xfffe, timestamp, false, 10],
      [0xffff, timestamp, false, 20],
      [0, timestamp, true, 30],
    ]);
    assert.deepEqual(sender.packets(frameOf(filled(1)), [], 0), []);
    const { ssrc, payloadType } = parseRtp(packets[0]!);
    assert.deepEqual({ ssrc, payloadType }, { ssrc: 7, payloadType: 96 });
    assert.deepEqual(sender.stats, { packets: 3, bytes: 60, resent: 0, resentBytes: 0, expired: 0, ignored: 0 });
  });

  test('audio has no marker, and timestamps in its own clock rate', () => {
    const { sender } = open({ kind: 'audio', clockRate: 48_000 });
    const [a, b] = [0, 90_000].map((pts) => parseRtp(whole(sender, frameOf(filled(1), { pts }), [filled(9)])[0]!));
    assert.equal((b!.timestamp - a!.timestamp + 2 ** 32) % 2 ** 32, 48_000);
    assert.equal(b!.marker, false);
  });

  test('timestamps wrap at 32 bits, also for negative times', () => {
    const { sender } = open();
    const at = (pts: number) => sender.timestampOf({ pts, duration: 0 });
    const zero = at(0);
    assert.equal(at(2 ** 32 + 5), (zero + 5) % 2 ** 32);
    assert.equal(at(-3000), (zero - 3000 + 2 ** 32) % 2 ** 32);
    assert.ok(zero >= 0 && zero < 2 ** 32);
  });

  test('header extensions: the numbers of the transport count over all sources of a connection', () => {
    const numbers = { next: 0xffff };
    const ids = { mid: 1, transportSequence: 3, absoluteSendTime: 2 };
    const video = open({ extensions: createPacketExtensions(ids, '0', numbers) }).sender;
    const audio = open({ extensions: createPacketExtensions(ids, '1', numbers) }).sender;
    const [a, b] = [video, audio].map((sender) => parseRtp(whole(sender, frameOf(filled(1)), [filled(5)], 64_500)[0]!));
    const shown = ({ extensions }: RtpPacket) =>
      [...extensions!].map(([id, value]) => `${id} ${hex(value)}`).toSorted();
    // 64.5 s modulo 64 s in steps of 2^-18 s.
    assert.deepEqual(shown(a!), ['1 30', '2 020000', '3 ffff']);
    assert.deepEqual(shown(b!), ['1 31', '2 020000', '3 0000']);
    assert.equal(createPacketExtensions({}, '0', numbers), undefined);
    assert.equal(parseRtp(sent(open().sender, 1)[0]!).extensions, undefined);
  });
});

suite('answers to NACK (RFC 4585 6.2.1)', () => {
  test('without a stream for retransmissions the packet is the same, byte by byte, with its old extensions', () => {
    const extensions = createPacketExtensions({ transportSequence: 3, absoluteSendTime: 2 }, '0', { next: 0 });
    const { sender } = open({ extensions });
    const packets = sent(sender, 4);
    assert.deepEqual(sender.resend([0xffff, 1], 50).map(joinRtp).map(hex), [packets[1]!, packets[3]!].map(hex));
    assert.equal(sender.stats.resent, 2);
    assert.equal(sender.stats.packets, 4);
  });

  test('with one, it has its own numbers, and the original number before the payload (RFC 4588 4)', () => {
    const { sender } = open({ retransmission: { ssrc: 8, payloadType: 97, firstSequence: 0xffff } });
    const packets = sent(sender, 3).map(parseRtp);
    const [a, b] = sender.resend([0xfffe, 0], 50).map(joinRtp).map(parseRtp);
    assert.equal(hex(a!.payload), `fffe${hex(packets[0]!.payload)}`);
    assert.equal(hex(b!.payload), `0000${hex(packets[2]!.payload)}`);
    assert.deepEqual([a!.sequence, b!.sequence, a!.ssrc, a!.payloadType], [0xffff, 0, 8, 97]);
    assert.deepEqual([b!.timestamp, b!.marker], [packets[2]!.timestamp, true]);
  });

  test('a packet is not sent again before the answer could have come, and at most eight times', () => {
    const { sender } = open();
    sent(sender, 100);
    assert.equal(sender.resend([0], 5).length, 0);
    assert.equal(sender.resend([0], 70, 100).length, 0);
    assert.equal(sender.resend([0], 75, 100).length, 1);
    assert.equal(sender.resend([0], 140, 100).length, 0);
    let again = 0;
    for (let ms = 200; ms < 5000; ms += 100) again += sender.resend([0], ms, 100).length;
    assert.equal(again, 7);
    assert.equal(sender.stats.ignored, 3 + 48 - 7);
  });

  test('unknown and old packets are counted and not answered', () => {
    const { sender } = open();
    sent(sender, 1500);
    assert.deepEqual(sender.resend([0xfffe, 3000, 40_000], 50), []);
    assert.equal(sender.stats.expired, 3);
    assert.equal(sender.resend([(0xfffe + 1499) & 0xffff, (0xfffe + 1500 - 1024) & 0xffff], 50).length, 2);
    assert.equal(sender.resend([(0xfffe + 1500 - 1025) & 0xffff], 50).length, 0);
  });

  test('a packet that is kept in the place of an older one is sent again as itself', () => {
    const { sender } = open();
    const packets = sent(sender, 3000);
    for (const n of [2999, 2500, 3000 - 1024]) {
      assert.deepEqual(
        sender
          .resend([(0xfffe + n) & 0xffff], 50)
          .map(joinRtp)
          .map(hex),
        [hex(packets[n]!)],
      );
    }
  });

  test('a flood of NACKs costs a burst, and then half of what is sent', () => {
    const { sender } = open();
    const payload = filled(1000);
    const frame = (n: number) => sender.packets(frameOf(filled(1), { pts: n }), [payload], n);
    for (let n = 0; n < 500; n++) frame(n);
    const all = Array.from({ length: 65_536 }, (_, i) => i);
    const burst = sender.resend(all, 600).length;
    assert.equal(burst, 131);
    for (let n = 500; n < 700; n++) frame(n);
    assert.equal(sender.resend(all, 800).length, 100);
    assert.equal(sender.resend(all, 900).length, 0);
  });

  test('packets that are kept are bounded in bytes, and one is kept always', () => {
    const history = new PacketHistory(8, 250, 12);
    const add = (sequence: number, bytes: number) => history.add(sequence, filled(bytes), 0);
    for (const sequence of [65_534, 65_535, 0]) add(sequence, 100);
    assert.deepEqual([history.size, history.bytes], [2, 200]);
    assert.deepEqual(
      [65_534, 65_535, 0, 1].map((sequence) => history.find(sequence) !== undefined),
      [false, true, true, false],
    );
    add(1, 1000);
    assert.deepEqual([history.size, history.bytes], [1, 1000]);
    for (let sequence = 2; sequence < 30; sequence++) add(sequence, 1);
    assert.deepEqual([history.size, history.bytes], [8, 8]);
    assert.equal(history.find(21), undefined);
    assert.equal(history.find(22)?.sequence, 22);
  });
});

suite('sender reports (RFC 3550 6.4.1)', () => {
  test('before the first packet there is none', () => {
    assert.equal(open().sender.report(UTC_MS), undefined);
  });

  test('the timestamp of a report is that of media of the same moment, in every track', () => {
    const timeline = new ViewerTimeline();
    const video = open({ timeline }).sender;
    const audio = open({ timeline, kind: 'audio', clockRate: 48_000, timestampOffset: 0xffff_fff0 }).sender;
    for (const [sender, rate] of [
      [video, 90_000],
      [audio, 48_000],
    ] as const) {
      // Two seconds after the start of the run, in ticks of the track.
      const [packet] = whole(sender, frameOf(filled(1), { pts: 180_000 }), [filled(50)]);
      const [report] = parseRtcp(sender.report(UTC_MS + 2500)!);
      assert.ok(report?.type === 'senderReport');
      const ticks = (report.timestamp - parseRtp(packet!).timestamp + 2 ** 32) % 2 ** 32;
      assert.equal(ticks, rate / 2);
      assert.deepEqual([report.ssrc, report.packets, report.bytes], [7, 1, 50]);
      assert.ok(Math.abs(report.utcMs - UTC_MS - 2500) < 0.001);
    }
  });
});

suite('runs', () => {
  const at = (packet: Uint8Array) => parseRtp(packet).timestamp;
  const send = (sender: RtpSender, pts: number) =>
    whole(sender, frameOf(filled(1), { pts, duration: 9000 }), [filled(5)])[0]!;
  const distance = (from: Uint8Array, to: Uint8Array) => (at(to) - at(from)) | 0;

  test('a run with another timescale and origin continues at its UTC', () => {
    const { sender, timeline } = open();
    const before = send(sender, 90_000);
    // 300 ms after the end of that frame.
    timeline.startRun({ utcOffsetUs: (UTC_MS + 1400) * 1000 - 5_000_000 }, (UTC_MS + 1400) * 1000);
    sender.startRun(1000);
    assert.equal(distance(before, send(sender, 5000)), 36_000);
  });

  test('a long pause is shortened to a second, for all tracks and their reports', () => {
    const timeline = new ViewerTimeline();
    const video = open({ timeline }).sender;
    const audio = open({ timeline, kind: 'audio' }).sender;
    const [v, a] = [send(video, 90_000), send(audio, 81_000)];
    const startMs = UTC_MS + 3_600_000;
    timeline.startRun({ utcOffsetUs: startMs * 1000 }, startMs * 1000);
    video.startRun(90_000);
    audio.startRun(90_000);
    const next = send(video, 0);
    assert.equal(distance(v, next), 9000 + 90_000);
    assert.equal(distance(a, send(audio, 0)), 18_000 + 90_000);
    const [report] = parseRtcp(video.report(startMs)!);
    assert.ok(report?.type === 'senderReport');
    assert.equal(report.timestamp, at(next));
  });

  test('a run that begins before the end of the last one is moved to it', () => {
    const { sender, timeline } = open();
    const before = send(sender, 90_000);
    timeline.startRun({ utcOffsetUs: (UTC_MS - 50_000) * 1000 }, (UTC_MS - 50_000) * 1000);
    sender.startRun(90_000);
    assert.equal(distance(before, send(sender, 0)), 9000);
  });
});
