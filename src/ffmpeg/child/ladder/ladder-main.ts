/**
 * Entry of the process that encodes a ladder of one source: a range of its video in all rungs, or one audio
 * track.
 * In: options on stdin; bytes on descriptor 3. Out: tracks and frames, then an answer with the counts, on
 * stdout.
 *
 * Everything blocks: reads wait for the parent, writes for the pipe.
 */

import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { usToTicks } from '@oxbow/media/run';
import { AV_LOG_FATAL, AV_NOPTS_VALUE, AVDISCARD_ALL, AVERROR_EOF } from 'node-av/constants';
import { type FormatContext, Log, Packet, type Stream } from 'node-av/lib';
import { messageOf } from '../../../lib/errors.ts';
import {
  MessageSplitter,
  messageKinds,
  parseJson,
  printAnswer,
  printFrame,
  printMessage,
  printTracks,
} from '../../frame-protocol.ts';
import { JoinedStream } from '../../joined-clock.ts';
import {
  type LadderAudioOptions,
  type LadderCounts,
  type LadderMeasureOptions,
  type LadderOptions,
  type LadderTimes,
  type LadderVideoOptions,
  ladderTimescale,
} from '../../ladder-options.ts';
import { must } from '../native.ts';
import { openStreamInput } from '../stream-input.ts';
import { AudioLadder } from './audio-ladder.ts';
import { writeBlocking } from './blocking-write.ts';
import { hasTwoPasses } from './encoder-settings.ts';
import { LadderChain, type LadderChainOptions } from './ladder-chain.ts';
import { SampleMeasure } from './sample-measure.ts';
import { seek } from './seek.ts';

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const OPTIONS = { probesize: '5000000', analyzeduration: '5000000', max_streams: '64' };
/** Damaged packets in a row after which a file is given up: nothing of it can be read any more. */
const MAX_READ_ERRORS = 1000;
/** While it works it reports that, so that a device that hangs is noticed; ms. */
const ALIVE_MS = 500;
/** Lowest bit rate that x264 plans for. */
const LEAST_BITS = 5000;

Log.setLevel(AV_LOG_FATAL); // Messages of FFmpeg about damaged media are not logged.

interface Job {
  readonly length: number;
  readonly options: LadderOptions;
}

function run(job: Job): LadderCounts {
  const { media } = job.options;
  if (media.kind === 'measure') return runMeasure(job, media);
  if (media.kind !== 'video') return runPass(job, media);
  const twice = media.renditions.filter(hasTwoPasses);
  if (twice.length === 0) return runPass(job, media);
  // The first pass measures each picture at constant quality; x264 keeps that in files of this process.
  const sizes = new Map<string, { bytes: number; pictures: number }>();
  runPass(
    job,
    { ...media, renditions: twice },
    {
      passOf: ({ id }) => ({ number: 1, file: `${id}.stats` }),
      onFrame({ id }, { data }) {
        const size = sizes.get(id) ?? { bytes: 0, pictures: 0 };
        sizes.set(id, { bytes: size.bytes + data.length, pictures: size.pictures + 1 });
      },
    },
  );
  const renditions = media.renditions.map((rung) => {
    const size = sizes.get(rung.id);
    if (!size) return rung;
    const { num, den } = rung.frameRate;
    // More than constant quality takes would not be seen.
    const needed = Math.ceil((size.bytes * 8 * num) / (Math.max(1, size.pictures) * den));
    return { ...rung, bitRate: Math.max(LEAST_BITS, Math.min(rung.bitRate ?? needed, needed)) };
  });
  return runPass(
    job,
    { ...media, renditions },
    {
      passOf: (rung) => (sizes.has(rung.id) ? { number: 2, file: `${rung.id}.stats` } : undefined),
    },
  );
}

/** The differences between passes. */
type Pass = Pick<LadderChainOptions, 'passOf'> & { readonly onFrame?: LadderChainOptions['onFrame'] };

function runPass(
  { length, options }: Job,
  media: LadderVideoOptions | LadderAudioOptions,
  pass: Pass = {},
): LadderCounts {
  using input = openStreamInput(length, OPTIONS);
  const { format } = input;
  const stream = openStream(format, media.stream);
  return media.kind === 'video'
    ? runVideo(format, stream, { ...options, media, pass })
    : runAudio(format, stream, options);
}

/** The stream of that number; packets of others are not read. */
function openStream(format: FormatContext, index: number): Stream {
  must(format.findStreamInfoSync(null), 'reading stream info');
  const stream = format.streams.find((each) => each.index === index);
  if (!stream) throw new Error(`the file has no stream ${index}`);
  for (const other of format.streams) if (other.index !== index) other.discard = AVDISCARD_ALL;
  return stream;
}

/** Encodes nothing that is kept: measures samples until all are measured, or the time for it is over. */
function runMeasure({ length, options: { times, threads } }: Job, media: LadderMeasureOptions): LadderCounts {
  using input = openStreamInput(length, OPTIONS);
  const { format } = input;
  const stream = openStream(format, media.stream);
  const measure = new SampleMeasure({
    format,
    stream,
    times,
    media,
    threads,
    onPass: () => send(printMessage(messageKinds.alive)),
  });
  for (const sample of media.samples) {
    if (measure.isOverTime) break;
    measure.take(sample);
  }
  return { decoded: measure.decoded, damaged: 0, concealed: 0, changes: 0, fallbacks: [], measured: measure.result };
}

function runVideo(
  format: FormatContext,
  stream: Stream,
  { times, threads, media, pass }: LadderOptions & { readonly media: LadderVideoOptions; readonly pass: Pass },
): LadderCounts {
  const timescale = ladderTimescale(stream.timeBase);
  const ticks = (us: number) => usToTicks(us + times.clockStartUs, timescale);
  const from = ticks(times.cuts[0]!);
  const origin = usToTicks(times.originUs - times.clockStartUs, timescale);
  const { picture, renditions } = media;
  using chain = new LadderChain({
    parameters: stream.codecpar,
    timeBase: stream.timeBase,
    picture,
    rungs: renditions,
    timescale,
    origin,
    from,
    threads,
    to: times.endUs === undefined ? Number.POSITIVE_INFINITY : ticks(times.endUs),
    ...(times.mediaEndUs !== undefined && { mediaEnd: ticks(times.mediaEndUs) }),
    passOf: pass.passOf ?? (() => undefined),
    onConfig: ({ trackId, rung }, config) => {
      if (pass.onFrame) return;
      const track: VideoTrack = { kind: 'video', id: trackId, timescale, language: 'und', label: '', rung, config };
      send(printTracks([track]));
    },
    onFrame: pass.onFrame ?? ((_, frame) => send(printFrame(frame))),
    onEncoderFailed(failure) {
      send(printMessage(messageKinds.encoderFailed, Buffer.from(JSON.stringify(failure))));
    },
  });
  for (const cut of times.cuts) chain.cut(ticks(cut));
  using packet = new Packet();
  packet.alloc();
  const { num, den } = stream.timeBase;
  const start = Math.round(((from + origin) * den) / (num * timescale));
  const place = placing(times, stream, 'video');
  if (times.cuts[0]! > 0) seek(format, stream, start, packet);
  let errors = 0;
  let aliveMs = performance.now();
  while (!chain.isPast) {
    const nowMs = performance.now();
    if (nowMs - aliveMs > ALIVE_MS) {
      aliveMs = nowMs;
      send(printMessage(messageKinds.alive));
    }
    if (packet.size === 0) {
      const result = format.readFrameSync(packet);
      if (result === AVERROR_EOF) break;
      if (result < 0) {
        if (++errors > MAX_READ_ERRORS) break;
        continue;
      }
      errors = 0;
    }
    if (packet.streamIndex === stream.index && place(packet)) chain.push(packet);
    packet.unref();
  }
  chain.flush();
  return chain.counts;
}

/** Puts the packets of a joined file on one clock; false for those that are left out, as in the import. */
function placing({ joined }: LadderTimes, { timeBase }: Stream, kind: 'video' | 'audio'): (packet: Packet) => boolean {
  if (!joined) return () => true;
  const part = new JoinedStream(joined, kind);
  const { num, den } = timeBase;
  const us = (ticks: bigint) => Math.round(((Number(ticks) * num) / den) * 1_000_000);
  return (packet) => {
    const { dts, pts, duration, isKeyframe } = packet;
    const time = dts !== AV_NOPTS_VALUE ? dts : kind === 'video' ? AV_NOPTS_VALUE : pts;
    const shiftUs = part.take(time === AV_NOPTS_VALUE ? undefined : us(time), us(duration), isKeyframe);
    if (shiftUs === undefined) return false;
    const shift = BigInt(Math.round((shiftUs * den) / (num * 1_000_000)));
    if (dts !== AV_NOPTS_VALUE) packet.dts = dts + shift;
    if (pts !== AV_NOPTS_VALUE) packet.pts = pts + shift;
    return true;
  };
}

function runAudio(format: FormatContext, stream: Stream, { media, times }: LadderOptions): LadderCounts {
  if (media.kind !== 'audio') throw new Error('not audio');
  using ladder = new AudioLadder({
    parameters: stream.codecpar,
    timeBase: stream.timeBase,
    media,
    originUs: times.originUs,
    endUs: times.endUs ?? 0,
    onFrame: (frame) => send(printFrame(onClock(frame))),
  });
  function onClock(frame: Frame): Frame {
    const rung = ladder.rungs.find(({ track }) => track.id === frame.trackId)!;
    const start = usToTicks(times.clockStartUs, rung.track.timescale);
    return { ...frame, dts: frame.dts + start, pts: frame.pts + start };
  }
  for (const { track } of ladder.rungs) send(printTracks([track]));
  using packet = new Packet();
  packet.alloc();
  const place = placing(times, stream, 'audio');
  for (let errors = 0; errors <= MAX_READ_ERRORS; ) {
    const result = format.readFrameSync(packet);
    if (result === AVERROR_EOF) break;
    errors = result < 0 ? errors + 1 : 0;
    if (result >= 0 && packet.streamIndex === stream.index && place(packet)) ladder.push(packet);
    packet.unref();
  }
  ladder.flush();
  return ladder.counts;
}

function send(message: Uint8Array): void {
  writeBlocking(1, [message]);
}

const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => {
  if (kind !== messageKinds.options) return;
  let ok = true;
  let said: string;
  try {
    said = JSON.stringify(run(parseJson(payload) as Parameters<typeof run>[0]));
  } catch (error) {
    ok = false;
    said = messageOf(error);
  }
  send(printAnswer({ id: 0, ok, bytes: Buffer.from(said) }));
});

process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
process.stdin.on('end', () => process.exit(0));
send(printMessage(messageKinds.ready));
