import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, VideoTrack } from '../../frame.ts';
import { PPS, printSps } from '../../mpegts/packets.fixture.ts';
import { seeded } from '../../random.fixture.ts';
import { parseRtp, printRtp, type RtpPacket } from '../packet.ts';
import { parseRtcp } from '../rtcp.ts';
import type { LayerOutput } from './layers.ts';
import {
  assertRising,
  audioPacket,
  audioTrack,
  PT,
  picture,
  senderReport,
  UTC_MS,
  videoTrack,
} from './receive.fixture.ts';
import { RtpDemuxer } from './rtp-demuxer.ts';

const RID = 10;
const REPAIRED = 11;
const NAMES = ['lo', 'mid', 'hi'] as const;
type Name = (typeof NAMES)[number];
const ssrcOf = (name: Name) => 0x100 + NAMES.indexOf(name);
/** Of each layer another one: only sender reports say how they belong together. */
const firstTimestamp = (name: Name) => 5000 + 1_000_000 * NAMES.indexOf(name);
/** Size in macroblocks: 64, 128 and 256 pixels wide. */
const sizeOf = (name: Name) => [4 << NAMES.indexOf(name), 3 << NAMES.indexOf(name)] as const;

const named = (text: string) => new TextEncoder().encode(text);

/** A demuxer of three layers and sound, in virtual time, and what it gave. */
class Rig {
  readonly frames: Frame[] = [];
  readonly runs: { readonly atMs: number; readonly width: number }[] = [];
  readonly layers = new Map<string, { track: VideoTrack; frames: Frame[] }>();
  readonly ended: string[] = [];
  readonly demuxer: RtpDemuxer;
  readonly keyRequests = new Set<number>();
  readonly nacks: { readonly source: number; readonly sequences: readonly number[] }[] = [];
  readonly #sequences: Record<Name, number> = { lo: 65_500, mid: 100, hi: 7 };
  ms = 0;
  active: readonly Name[] = NAMES;
  /** Packets that are lost on the way. */
  loses: (name: Name, n: number) => boolean = () => false;

  constructor(order: readonly Name[] = NAMES) {
    const layers: LayerOutput = {
      start: (rid, track) => {
        this.layers.set(rid, { track, frames: this.layers.get(rid)?.frames ?? [] });
      },
      frame: (rid, frame) => this.layers.get(rid)!.frames.push(frame),
      end: (rid) => this.ended.push(rid),
    };
    const { formats, ...video } = videoTrack;
    const withoutSets = formats.map((format) => ({ ...format, parameters: new Map([...format.parameters].slice(-1)) }));
    const tracks = order.map((rid) => ({ ...video, formats: withoutSets, rid }));
    this.demuxer = new RtpDemuxer(
      {
        ssrc: 9,
        name: 'oxbow',
        reducedSize: true,
        tracks: [...tracks, audioTrack],
        layerExtensions: { rid: RID, repaired: REPAIRED },
      },
      {
        tracks: (all) => {
          const track = all.find(({ kind }) => kind === 'video') as VideoTrack | undefined;
          this.runs.push({ atMs: this.ms, width: track?.config.width ?? 0 });
        },
        frame: (frame) => this.frames.push(frame),
        damage: () => undefined,
        layers,
      },
    );
  }

  get video(): Frame[] {
    return this.frames.filter(({ trackId }) => trackId === 1);
  }

  /** Sends until a moment, 25 pictures a second; each fiftieth is a key frame, or one that was requested. */
  until(ms: number): void {
    for (; this.ms < ms; this.ms += 20) {
      const at = this.ms;
      if (at % 40 === 0) this.#pictures(at / 40);
      this.demuxer.push(audioPacket(at / 20, at * 48), at);
      if (at % 1000 === 100) this.#report(at);
      this.demuxer.tick(at);
      for (const packet of this.demuxer.feedback(at).flatMap((compound) => parseRtcp(compound))) {
        if (packet.type === 'pictureLoss') this.keyRequests.add(packet.source);
        if (packet.type === 'nack') this.nacks.push(packet);
      }
    }
  }

  #pictures(n: number): void {
    // Encoders answer a request with key frames of all layers.
    const key = n % 50 === 0 || this.keyRequests.size > 0;
    this.keyRequests.clear();
    for (const name of this.active) {
      const timestamp = firstTimestamp(name) + n * 3600;
      const units = key ? [printSps(...sizeOf(name)), PPS, picture(true)] : [picture(false)];
      for (const [i, payload] of units.entries()) {
        const packet = packetOf(
          name,
          this.#sequences[name]++ & 0xffff,
          timestamp,
          payload,
          i === units.length - 1,
          n < 50,
        );
        if (!this.loses(name, n)) this.demuxer.push(packet, this.ms);
      }
    }
  }

  #report(ms: number): void {
    for (const name of this.active) {
      this.demuxer.report(senderReport(ssrcOf(name), UTC_MS + ms, firstTimestamp(name) + ms * 90), ms);
    }
    this.demuxer.report(senderReport(0x2222, UTC_MS + ms, ms * 48), ms);
  }
}

/** Senders name the layer until they see that the source is known. */
function packetOf(
  name: Name,
  sequence: number,
  timestamp: number,
  payload: Uint8Array,
  marker: boolean,
  isNamed: boolean,
): RtpPacket {
  const packet = { payloadType: PT.h264, marker, sequence, timestamp, ssrc: ssrcOf(name), payload };
  return isNamed ? { ...packet, extensions: new Map([[RID, named(name)]]) } : packet;
}

const s = (frame: Frame) => frame.pts / 90_000;

suite('layers of a video over RTP (RFC 8852, RFC 8853)', () => {
  test('the largest is the picture of the session; the others have its times by their sender reports', () => {
    const rig = new Rig();
    rig.until(4000);
    rig.demuxer.end();
    assert.deepEqual(
      rig.runs.map(({ width }) => width),
      [256],
    );
    assert.deepEqual([...rig.layers.keys()].sort(), ['lo', 'mid']);
    const main = rig.video;
    assertRising(main);
    for (const [name, { track, frames }] of rig.layers) {
      assert.equal(track.config.width, name === 'lo' ? 64 : 128);
      assertRising(frames);
      assert.ok(frames.length >= 98, `${name}: ${frames.length} frames`);
      const times = new Set(main.map(({ pts }) => pts));
      assert.deepEqual(
        frames.filter(({ pts }) => !times.has(pts)),
        [],
        name,
      );
    }
  });

  test('the next one takes over when the largest falls silent, and gives it back with a key frame', () => {
    const rig = new Rig();
    rig.until(4000);
    rig.active = ['lo', 'mid'];
    rig.until(6000);
    assert.deepEqual(
      rig.runs.map(({ width }) => width),
      [256, 128],
    );
    assert.ok(rig.ended.includes('mid'), 'it is no quality any more');
    const silent = rig.video.map(s).filter((at) => at > 13.9);
    assert.ok(silent[1]! - silent[0]! < 0.9, `${silent[1]! - silent[0]!} s without a picture`);
    rig.active = NAMES;
    rig.until(12_000);
    rig.demuxer.end();
    assert.deepEqual(
      rig.runs.map(({ width }) => width),
      [256, 128, 256],
    );
    const back = rig.video.findIndex(
      (frame, i, all) => i > 0 && s(frame) > 17 && all[i - 1]!.key === false && frame.key,
    );
    assert.ok(back > 0);
    // No picture is missing where a larger layer takes over.
    const late = rig.video.map(s).filter((at) => at > 15);
    for (const [i, at] of late.entries()) if (i > 0) assert.ok(at - late[i - 1]! < 0.081, `${late[i - 1]} to ${at}`);
  });

  test('lost packets of each layer are requested of its source, and repeated ones are used', () => {
    const rig = new Rig();
    rig.until(3000);
    rig.loses = (name, n) => name === 'lo' && n === 80;
    rig.until(3260);
    assert.ok(rig.nacks.length > 0);
    assert.deepEqual([...new Set(rig.nacks.map(({ source }) => source))], [ssrcOf('lo')]);
    const [missing] = rig.nacks[0]!.sequences;
    const timestamp = firstTimestamp('lo') + 80 * 3600;
    const payload = Uint8Array.of(missing! >> 8, missing! & 0xff, ...picture(false));
    const extensions = new Map([[REPAIRED, named('lo')]]);
    const repeated = { payloadType: PT.rtx, marker: true, sequence: 1, timestamp, ssrc: 0x900, payload, extensions };
    rig.demuxer.push(repeated, 3260);
    rig.until(4000);
    rig.demuxer.end();
    assert.equal(rig.demuxer.stats.retransmitted, 1);
    const times = rig.layers.get('lo')!.frames.map(s);
    for (const [i, at] of times.entries()) if (i > 0) assert.ok(at - times[i - 1]! < 0.041, `${times[i - 1]} to ${at}`);
  });

  test('no key frame is requested of a layer that is turned off after a loss: all layers would send it', () => {
    const rig = new Rig();
    rig.until(3000);
    rig.loses = (name, n) => name === 'mid' && n >= 80 && n < 83;
    rig.until(3400);
    rig.active = ['lo', 'hi'];
    rig.until(5000);
    const keys = rig.layers.get('lo')!.frames.filter(({ key }) => key).length;
    rig.until(8000);
    const more = rig.layers.get('lo')!.frames.filter(({ key }) => key).length - keys;
    assert.ok(more <= 2, `${more} key frames in 3 s`);
    // One is requested when it sends again, before one would come by itself.
    rig.until(8200);
    rig.active = NAMES;
    rig.until(9000);
    const back = rig.layers.get('mid')!.frames.filter((frame) => frame.key && s(frame) > 18);
    assert.ok(back.length > 0);
  });

  test('packets that name no known layer are ignored, and random ones are no error', () => {
    const rig = new Rig();
    rig.until(1000);
    const random = seeded(7);
    for (let i = 0; i < 3000; i++) {
      const bytes = printRtp({
        payloadType: [PT.h264, PT.rtx, 111][random(3)]!,
        marker: random(2) === 0,
        sequence: random(65_536),
        timestamp: random(2 ** 32),
        ssrc: [0x100, 0x101, random(2 ** 32)][random(3)]!,
        payload: Uint8Array.from({ length: random(40) }, () => random(256)),
        extensions: new Map([[random(2) === 0 ? RID : REPAIRED, named(['lo', 'x', 'hihi'][random(3)]!)]]),
      });
      rig.demuxer.push(parseRtp(bytes), 1000 + i / 10);
      if (i % 100 === 0) rig.demuxer.tick(1000 + i / 10);
    }
    rig.demuxer.end();
    for (const { frames } of rig.layers.values()) assert.ok(frames.every(({ dts, pts }) => dts <= pts));
  });
});
