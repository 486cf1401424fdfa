/** Waits for wall time: WebRTC media arrives over real sockets. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { opusPacket, vp8Packet } from '@oxbow/media/rtp/forward/forward.fixture';
import { parseRtp, printRtp, type RtpPacket, splitRtp } from '@oxbow/media/rtp/packet';
import { parseRtcp, printNack, printReceiverReport, printSenderReport, type RtcpPacket } from '@oxbow/media/rtp/rtcp';
import { openWebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import { until } from '../../../../../test/fixtures/wait.ts';
import type { CallParticipant, CallSlot } from '../../../../api/room/call-shapes.ts';
import { WebRtcTransport } from '../../../../ingest/webrtc/webrtc-transport.ts';
import { type Clock, createManualClock, createSystemClock } from '../../../../lib/clock.ts';
import { createSilentLog } from '../../../../observe/log.ts';
import { createCallStats } from '../call-parts.ts';
import { type CallClient, clientExtensions, offeredMedia, openCallClient } from './call-client.fixture.ts';
import { Forwarder } from './forwarder.ts';

async function openForwarder(clock: Clock = createSystemClock()) {
  const endpoint = await openWebRtcEndpoint({
    address: '127.0.0.1',
    port: 0,
    nowMs: Date.now(),
    onError: (error: Error) => assert.fail(error),
  });
  const stats = createCallStats();
  const tables = new Map<string, readonly CallSlot[]>();
  const transport = new WebRtcTransport(endpoint, '127.0.0.1', []);
  const parts = { isOn: () => true, canForward: () => true, transport: () => transport, iceServers: () => [] };
  const forwarder = new Forwarder(
    { ...parts, clock, log: createSilentLog(), stats },
    'den',
    (participant, slots) => void tables.set(participant, slots),
  );
  return {
    forwarder,
    stats,
    tables,
    endpoint,
    async [Symbol.asyncDispose]() {
      forwarder[Symbol.dispose]();
      await endpoint.close();
    },
  };
}

function person(id: string): CallParticipant {
  return { id, user: id, name: id, microphone: true, camera: true, screen: false };
}

/** A participant that keeps what it gets. */
class Person implements AsyncDisposable {
  readonly packets: { readonly packet: RtpPacket; readonly bytes: Uint8Array }[] = [];
  readonly reports: RtcpPacket[] = [];
  readonly connected = Promise.withResolvers<void>();
  readonly closed = Promise.withResolvers<void>();
  client!: CallClient;

  static async open(forwarder: Forwarder, id: string, media = offeredMedia()): Promise<Person> {
    const one = new Person();
    const handlers = {
      onConnected: one.connected.resolve,
      onPacket: (bytes: Uint8Array) => void one.packets.push({ packet: parseRtp(bytes), bytes }),
      onReport: (bytes: Uint8Array) => void one.reports.push(...parseRtcp(bytes)),
      onClosed: () => one.closed.resolve(),
    };
    one.client = await openCallClient((offer) => forwarder.open(id, offer, undefined), handlers, media);
    await one.connected.promise;
    return one;
  }

  /** Sends a picture with its camera. */
  show(sequence: number, isKey = false): void {
    const extensions = new Map([[clientExtensions.mid, Uint8Array.of('1'.charCodeAt(0))]]);
    this.client.peer.send(splitRtp(printRtp({ ...vp8Packet(sequence, { isKey, ssrc: 77 }), extensions }))!);
  }

  /** Sends sound with its microphone. */
  speak(sequence: number): void {
    const extensions = new Map([[clientExtensions.mid, Uint8Array.of('0'.charCodeAt(0))]]);
    this.client.peer.send(splitRtp(printRtp({ ...opusPacket(sequence, { ssrc: 78 }), extensions }))!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

suite('a forwarded call', () => {
  test('a picture goes to the slot that the table names, from a key frame on, which is requested of its sender', async () => {
    await using call = await openForwarder();
    const { forwarder, tables, stats } = call;
    forwarder.update([person('ann'), person('ben')]);
    await using ann = await Person.open(forwarder, 'ann');
    await using ben = await Person.open(forwarder, 'ben');
    const mid = tables.get('ben')!.find(({ source }) => source === 'camera')!.mid;
    const media = ben.client.answer.media.find((one) => one.mid === mid)!;
    assert.equal(media.kind, 'video');
    ann.show(5);
    await until('a request for a key frame', () => ann.reports.some((one) => one.type === 'pictureLoss'));
    assert.equal(ben.packets.length, 0);
    ann.show(6, true);
    await until('the key frame', () => ben.packets.length === 1);
    const { packet } = ben.packets[0]!;
    assert.deepEqual([packet.ssrc, packet.payloadType], [media.sources[0], 96]);
    assert.equal(String.fromCharCode(...packet.extensions!.get(clientExtensions.mid)!), mid);
    assert.deepEqual(new Uint8Array(packet.payload), vp8Packet(6, { isKey: true }).payload);
    assert.equal(stats.forwarded, 1);
    assert.equal(ann.packets.length, 0, 'no one gets their own picture');
  });

  test('losses on both sides are repaired: the server requests packets, and sends them again', async () => {
    await using call = await openForwarder();
    const { forwarder } = call;
    forwarder.update([person('ann'), person('ben')]);
    await using ann = await Person.open(forwarder, 'ann');
    await using ben = await Person.open(forwarder, 'ben');
    ann.show(1, true);
    ann.show(3);
    await until('a NACK for the second', () =>
      ann.reports.some((one) => one.type === 'nack' && one.sequences.includes(2)),
    );
    ann.show(2);
    await until('all three', () => ben.packets.length === 3);
    const [first, , second] = ben.packets;
    assert.equal(second!.packet.sequence, first!.packet.sequence + 1);
    const [before] = [ben.packets.length];
    ben.client.peer.sendReport(printNack(1, first!.packet.ssrc, [first!.packet.sequence]));
    // SRTP drops a packet that is repeated: what comes again is counted there.
    const { rejected } = ben.client.peer.stats;
    await until('the packet again', () => ben.client.peer.stats.rejected > rejected || ben.packets.length > before);
  });

  test('sender reports are passed on with the timestamps of the slot', async () => {
    await using call = await openForwarder();
    const { forwarder } = call;
    forwarder.update([person('ann'), person('ben')]);
    await using ann = await Person.open(forwarder, 'ann');
    await using ben = await Person.open(forwarder, 'ben');
    ann.show(1, true);
    await until('the key frame', () => ben.packets.length === 1);
    const sent = { ssrc: 77, utcMs: 1_795_000_000_000, timestamp: 6000 + 450, packets: 1, bytes: 8 };
    ann.client.peer.sendReport(printSenderReport(sent, 'ann'));
    await until('the report', () => ben.reports.some((one) => one.type === 'senderReport'));
    const report = ben.reports.find((one) => one.type === 'senderReport')!;
    const { ssrc, timestamp } = ben.packets[0]!.packet;
    assert.deepEqual([report.ssrc, report.timestamp], [ssrc, (timestamp + 450) >>> 0]);
  });

  test('a connection that is opened again replaces the one before, and its slots of the others continue', async () => {
    await using call = await openForwarder();
    const { forwarder, tables, endpoint } = call;
    forwarder.update([person('ann'), person('ben')]);
    await using ann = await Person.open(forwarder, 'ann');
    await using ben = await Person.open(forwarder, 'ben');
    ann.show(1, true);
    await until('a picture', () => ben.packets.length === 1);
    const table = tables.get('ben');
    await using again = await Person.open(forwarder, 'ann');
    await ann.closed.promise;
    assert.equal(endpoint.size, 2);
    again.show(40_000, true);
    await until('another picture', () => ben.packets.length === 2);
    const [one, other] = ben.packets;
    assert.equal(other!.packet.ssrc, one!.packet.ssrc);
    assert.equal(other!.packet.sequence, one!.packet.sequence + 1);
    assert.deepEqual(tables.get('ben'), table);
  });

  test('a receiver that loses packets gets fewer pictures; its sound stays, and the others get everything', async () => {
    const clock = createManualClock();
    await using call = await openForwarder(clock);
    const { forwarder, tables } = call;
    forwarder.update([person('ann'), person('ben'), person('cid')]);
    await using ann = await Person.open(forwarder, 'ann');
    await using ben = await Person.open(forwarder, 'ben');
    await using cid = await Person.open(forwarder, 'cid');
    const [slot] = tables.get('ben')!.filter(({ source, participant }) => source === 'camera' && participant === 'ann');
    const [ssrc] = ben.client.answer.media.find(({ mid }) => mid === slot!.mid)!.sources;
    const loss = { ssrc: ssrc!, lossRate: 0.5, lost: 9, highestSequence: 9, jitter: 0, lastReport: 0, delay: 0 };
    let sequence = 0;
    await until('the pictures of ben are paused', async () => {
      ann.show(++sequence, true);
      ben.client.peer.sendReport(printReceiverReport(9, [loss], 'ben'));
      clock.advance(1001);
      return forwarder.paused === 2;
    });
    const before = ben.packets.length;
    ann.show(++sequence, true);
    ann.speak(1);
    const isSound = ({ packet }: (typeof ben.packets)[number]) => packet.payloadType === 111;
    await until('both hear it', () => ben.packets.some(isSound) && cid.packets.some(isSound));
    assert.equal(ben.packets.slice(before).filter((one) => !isSound(one)).length, 0);
    assert.equal(cid.packets.filter((one) => !isSound(one)).length, sequence);
  });

  test('who leaves the call is disconnected, and who comes next gets the slot', async () => {
    await using call = await openForwarder();
    const { forwarder, tables } = call;
    forwarder.update([person('ann'), person('ben')]);
    await using ann = await Person.open(forwarder, 'ann');
    await using _ben = await Person.open(forwarder, 'ben');
    const before = tables.get('ben')!.map(({ mid }) => mid);
    forwarder.update([person('ben')]);
    await ann.closed.promise;
    assert.deepEqual(tables.get('ben'), []);
    forwarder.update([person('ben'), person('cid')]);
    assert.deepEqual(
      tables.get('ben')!.map(({ mid, participant }) => [mid, participant]),
      before.map((mid) => [mid, 'cid']),
    );
  });

  test('an offer without Opus and VP8 is refused; media beyond the limits is rejected alone', async () => {
    await using call = await openForwarder();
    const { forwarder, endpoint } = call;
    forwarder.update([person('ann')]);
    const others = offeredMedia().map((one) => ({ ...one, formats: [] }));
    await assert.rejects(Person.open(forwarder, 'ann', others), { code: 'offer-refused' });
    assert.equal(endpoint.size, 0);
    await using ann = await Person.open(forwarder, 'ann', offeredMedia({ audio: 20, video: 10 }));
    const used = ann.client.answer.media.filter(({ isRejected }) => !isRejected);
    assert.deepEqual(
      ['audio', 'video'].map((kind) => used.filter((one) => one.kind === kind && one.direction === 'sendonly').length),
      [15, 8],
    );
  });

  test('random packets and reports of a participant end nothing', async () => {
    await using call = await openForwarder();
    const { forwarder, stats } = call;
    forwarder.update([person('ann'), person('ben')]);
    await using ann = await Person.open(forwarder, 'ann');
    await using ben = await Person.open(forwarder, 'ben');
    for (let i = 0; i < 300; i++) {
      const bytes = Uint8Array.from({ length: 12 + (i % 40) }, (_, at) =>
        at === 0 ? 0x80 | (i % 64) : (i * 31 + at * 7) & 0xff,
      );
      bytes[1] = [96, 97, 111][i % 3]!;
      const pieces = splitRtp(bytes);
      if (pieces) ann.client.peer.send(pieces);
      const report = bytes.slice();
      report[1] = 200 + (i % 8);
      ann.client.peer.sendReport(report);
    }
    ann.show(1, true);
    await until('a picture after them', () => ben.packets.some(({ packet }) => packet.payloadType === 96));
    assert.ok(stats.forwarded >= 1);
  });
});
