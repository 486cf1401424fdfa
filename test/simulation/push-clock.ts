/**
 * A publisher of each push protocol whose clock jumps, wraps, or runs at another speed, from its packets to
 * the runs of a stream.
 * In: a protocol, and the media time of each instant. Out: UTC and arrival of every picture, to be judged.
 * Used by tests only.
 */

import { concatBytes } from '@oxbow/media/bytes';
import {
  AUDIO,
  PacketWriter,
  PMT,
  PPS,
  printAdts,
  printPat,
  printPmt,
  printSlice,
  printSps,
  printUnit,
  VIDEO,
} from '@oxbow/media/mpegts/packets.fixture';
import { printRtp } from '@oxbow/media/rtp/packet';
import { ticksToUs } from '@oxbow/media/run';
import { messageType } from '@oxbow/wire/rtmp/message';
import { Leases } from '../../src/cluster/lease/lease.ts';
import { createLocalLeases } from '../../src/cluster/lease/local-leases.ts';
import { layerChoiceOf } from '../../src/ingest/layer-choice.ts';
import { TsFeed } from '../../src/ingest/mpegts/ts-feed.ts';
import type { Publisher } from '../../src/ingest/publisher.ts';
import { PublisherSlot } from '../../src/ingest/publisher-slot.ts';
import { Publication } from '../../src/ingest/rtmp/publication.ts';
import { AUDIO_SSRC, avSdp, mediaOf, VIDEO_SSRC } from '../../src/ingest/rtp/rtp.fixture.ts';
import { RtpSession } from '../../src/ingest/rtp/rtp-session.ts';
import { createManualClock, type ManualClock } from '../../src/lib/clock.ts';
import { Stream } from '../../src/live/stream.ts';

/** When a simulation begins, ms since 1970. */
const START_MS = 1_795_000_000_000;
/** A picture and two sounds in each step. */
const STEP_MS = 40;
const GOP = 25;
/** A frame of 1,024 samples at 48 kHz. */
const AAC_MS = 64 / 3;

/**
 * The protocols; SRT and UDP are the same feed of MPEG-TS with other tolerances, RTSP and WHIP the same RTP.
 */
export const PUSHED = ['rtmp', 'rtmp-31', 'srt', 'udp', 'rtp', 'rtsp'] as const;
/** One of them; `rtmp-31`: the clock has 31 bits, as FFmpeg's. */
export type Pushed = (typeof PUSHED)[number];

/** What a publisher sends of one step. */
interface Sender {
  /** @param mediaMs media time, without wraps; not negative @param n number of the picture */
  send(mediaMs: number, n: number): void;
  /** Time has passed. */
  tick(): void;
  end(): void;
}

/** A picture that the stream got. */
export interface Filed {
  readonly run: number;
  /** By the stream, µs since the simulation began. */
  readonly utcUs: number;
  /** When it came, µs since the simulation began. */
  readonly arrivedUs: number;
}

/** One stream over the life of several publishers. */
export class PushSimulation {
  readonly clock: ManualClock = createManualClock(START_MS);
  readonly stream: Stream;
  readonly #slot: PublisherSlot;
  readonly #offsets = new Map<number, number>();
  readonly #pictures: { readonly run: number; readonly pts: number; readonly arrivedUs: number }[] = [];
  readonly damage: string[] = [];

  constructor() {
    const { clock } = this;
    const past = { endUs: START_MS * 1000, hasMedia: false, lastRun: 0, gaps: [] };
    this.stream = new Stream({ clock, past });
    let current = 0;
    this.stream.sinks.attach(
      {
        startRun: ({ run }) => {
          current = run.id;
          this.#offsets.set(run.id, run.utcOffsetUs);
        },
        write: ({ trackId, pts }) => {
          if (trackId === this.stream.placement.context?.reference.id)
            this.#pictures.push({ run: current, pts, arrivedUs: this.#nowUs });
        },
        flush() {},
        endRun() {},
        damage() {},
      },
      { name: 'test' },
    );
    this.stream.events.subscribe((event) => {
      if (event.type === 'damage') this.damage.push(event.reason);
    });
    const failed = (error: unknown) => {
      throw error;
    };
    const leases = new Leases({ store: createLocalLeases(clock), clock, failed });
    this.#slot = new PublisherSlot({
      streamId: 'x',
      clock,
      leases,
      failed,
      bug: failed,
      input: this.stream,
      policy: () => 'refuse',
      watches: false,
      onEvent() {},
    });
  }

  get #nowUs(): number {
    return (this.clock.nowMs() - START_MS) * 1000;
  }

  /** µs by which the end of the media is ahead of the clock. */
  get aheadUs(): number {
    return this.stream.edge.endUs - this.clock.nowMs() * 1000;
  }

  /** Every picture, in order. */
  get filed(): Filed[] {
    return this.#pictures.map(({ run, pts, arrivedUs }) => {
      const utcUs = this.#offsets.get(run)! + ticksToUs(pts, 90_000) - START_MS * 1000;
      return { run, utcUs, arrivedUs };
    });
  }

  /**
   * A publisher connects, sends for a while, and leaves.
   *
   * @param mediaMs media time of a picture, from the time since the publisher came, ms
   * @param sendsAt when a picture is sent that is made at an instant, ms; at once where left out
   */
  async publish(
    protocol: Pushed,
    seconds: number,
    mediaMs: (ms: number) => number,
    sendsAt: (ms: number) => number = (ms) => ms,
  ): Promise<void> {
    const publisher = await this.#slot.claim({ protocol, remote: '', signal: new AbortController().signal });
    const sender = openSender(protocol, publisher, this.clock);
    const waiting: { readonly atMs: number; readonly mediaMs: number; readonly n: number }[] = [];
    for (let n = 0; n * STEP_MS < seconds * 1000; n++) {
      waiting.push({ atMs: sendsAt(n * STEP_MS), mediaMs: mediaMs(n * STEP_MS), n });
      while (waiting[0] && waiting[0].atMs <= n * STEP_MS) {
        const { mediaMs: atMs, n: number } = waiting.shift()!;
        sender.send(atMs, number);
      }
      for (let half = 0; half < 2; half++) {
        this.clock.advance(STEP_MS / 2);
        sender.tick();
      }
    }
    sender.end();
    publisher.close('the publisher left');
  }
}

function openSender(protocol: Pushed, publisher: Publisher, clock: ManualClock): Sender {
  if (protocol === 'rtmp' || protocol === 'rtmp-31')
    return openRtmp(publisher, protocol === 'rtmp' ? 2 ** 32 : 2 ** 31);
  if (protocol === 'srt' || protocol === 'udp') return openTs(publisher, clock, protocol);
  return openRtp(publisher, clock, protocol);
}

function openRtmp(publisher: Publisher, turn: number): Sender {
  const publication = new Publication(publisher, { choice: layerChoiceOf({}), totalBytes: () => 0, warn() {} });
  const sps = printSps();
  const sized = (bytes: Uint8Array) => concatBytes([Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes]);
  const record = concatBytes([
    Uint8Array.of(1, sps[1]!, sps[2]!, sps[3]!, 255, 0xe1),
    sized(sps),
    Uint8Array.of(1),
    sized(PPS),
  ]);
  const message = (type: 8 | 9, head: readonly number[], body: Uint8Array, ms: number) =>
    publication.message(type, ms % turn, concatBytes([Uint8Array.from(head), body]));
  let sounds = 0;
  return {
    send(mediaMs, n) {
      if (n === 0) {
        message(messageType.video, [0x17, 0, 0, 0, 0], record, mediaMs);
        message(messageType.audio, [0xaf, 0], Uint8Array.of(0x11, 0x90), mediaMs);
      }
      const key = n % GOP === 0;
      const slice = printSlice(key, 60);
      const nal = concatBytes([Uint8Array.of(0, 0, 0, slice.length), slice]);
      // The sound of a picture comes first.
      for (; sounds * AAC_MS < (n + 1) * STEP_MS; sounds++)
        message(
          messageType.audio,
          [0xaf, 1],
          Uint8Array.of(0x21, n & 255),
          mediaMs + Math.round(sounds * AAC_MS - n * STEP_MS),
        );
      message(messageType.video, [key ? 0x17 : 0x27, 1, 0, 0, 0], nal, mediaMs);
    },
    tick() {},
    end: () => publication.end('the publisher left', false),
  };
}

function openTs(input: Publisher, clock: ManualClock, protocol: 'srt' | 'udp'): Sender {
  const feed = new TsFeed({ input, clock, protocol, assemblyMs: 200 });
  const writer = new PacketWriter();
  const tables = [
    [0, printPat()] as const,
    [
      PMT,
      printPmt([
        [0x1b, VIDEO],
        [0x0f, AUDIO, 'deu'],
      ]),
    ] as const,
  ];
  return {
    send(mediaMs, n) {
      const pts = mediaMs * 90;
      const key = n % GOP === 0;
      if (key) for (const [pid, table] of tables) feed.push(writer.section(pid, table));
      feed.push(
        writer.pes(VIDEO, key ? printUnit(printSps(), PPS, printSlice(true)) : printUnit(printSlice(false, 300)), {
          pts,
        }),
      );
      for (const half of [0, 1800]) feed.push(writer.pes(AUDIO, printAdts(100), { pts: pts + half }, true));
    },
    tick: () => void feed.tick(),
    end: () => feed.end(),
  };
}

function openRtp(input: Publisher, clock: ManualClock, protocol: 'rtp' | 'rtsp'): Sender {
  const session = new RtpSession({ media: mediaOf(avSdp), input, clock, protocol, assemblyMs: 200, isSeparate: true });
  const packet = (
    ssrc: number,
    payloadType: number,
    marker: boolean,
    sequence: number,
    ticks: number,
    payload: Uint8Array,
  ) =>
    printRtp({
      ssrc,
      payloadType,
      marker,
      sequence: sequence & 0xffff,
      timestamp: Math.round(ticks) % 2 ** 32,
      payload,
    });
  return {
    send(mediaMs, n) {
      session.receive(0, packet(VIDEO_SSRC, 96, true, n, mediaMs * 90, printSlice(n % GOP === 0)));
      for (const half of [0, 1]) {
        const payload = Uint8Array.of(0xfc, n >> 8, n & 255, half);
        session.receive(1, packet(AUDIO_SSRC, 97, false, 2 * n + half, (mediaMs + 20 * half) * 48, payload));
      }
    },
    tick: () => void session.tick(),
    end: () => session.end(),
  };
}
