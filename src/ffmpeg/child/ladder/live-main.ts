/**
 * Entry of the process that encodes the ladder of one live stream.
 * In: the track of the source, options and rungs for each run; then frames in decode order, cuts and marks,
 * on stdin. Out: a track for each rung before its first frame, frames with the times of the stream, and the
 * marks, on stdout.
 */
import { setPriority } from 'node:os';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { mpeg2Stream } from '@oxbow/media/mpeg2/sequence';
import {
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_HEVC,
  AV_CODEC_ID_MPEG2VIDEO,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AV_LOG_FATAL,
  AVMEDIA_TYPE_VIDEO,
} from 'node-av/constants';
import { CodecParameters, Log, Packet } from 'node-av/lib';
import {
  MessageSplitter,
  messageKinds,
  parseCut,
  parseFrame,
  parseJson,
  parseMark,
  parseTracks,
  printFrame,
  printMark,
  printMessage,
  printTracks,
} from '../../frame-protocol.ts';
import { type EncoderOrder, ladderTimescale } from '../../ladder-options.ts';
import type { LiveLadderOptions } from '../../live-ladder-options.ts';
import { writeBlocking } from './blocking-write.ts';
import { LadderChain } from './ladder-chain.ts';

/** Larger than any picture: an intra picture of 8K has some MB. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** The server and its source come first where the machine is too slow for everything. */
const NICE = 5;
const CODECS = {
  h264: AV_CODEC_ID_H264,
  hevc: AV_CODEC_ID_HEVC,
  av1: AV_CODEC_ID_AV1,
  vp9: AV_CODEC_ID_VP9,
  vp8: AV_CODEC_ID_VP8,
  // Its decoder takes MPEG-1 too.
  mpeg2: AV_CODEC_ID_MPEG2VIDEO,
} as const;
/** Without a separate configuration: the parameter sets are in the samples. */
const PLAIN: ReadonlySet<string> = new Set(['vp9', 'vp8', 'mpeg2']);

Log.setLevel(AV_LOG_FATAL); // Messages of FFmpeg about damaged media are not logged.

/** One run of the stream. */
interface LiveRun extends Disposable {
  readonly chain: LadderChain;
  /** @param at ticks of the stream */
  cut(at: number): void;
}

const packet = new Packet();
packet.alloc();
let track: VideoTrack | undefined;
let run: LiveRun | undefined;

function begin(source: VideoTrack, options: LiveLadderOptions): LiveRun {
  const { picture, renditions, origin, threads, isSource = false } = options;
  if (!isSource) yieldToOthers();
  const timeBase = { num: 1, den: source.timescale };
  const timescale = ladderTimescale(timeBase);
  const scale = timescale / source.timescale;
  const parameters = parametersOf(source);
  // Positive times inside, those of the stream outside.
  const onClock = (frame: Frame): Frame => ({
    ...frame,
    dts: frame.dts + origin * scale,
    pts: frame.pts + origin * scale,
  });
  const chain = new LadderChain({
    parameters,
    timeBase,
    picture,
    rungs: renditions,
    timescale,
    threads,
    origin: origin * scale,
    from: 0,
    to: Number.POSITIVE_INFINITY,
    decoderThreads: isSource ? 1 : threads,
    onConfig: ({ trackId, rung }, config) => {
      const made: VideoTrack = { kind: 'video', id: trackId, timescale, language: 'und', label: '', rung, config };
      send(printTracks([made]));
    },
    onFrame: (_, frame) => send(printFrame(onClock(frame))),
    continues: true,
    onEncoderFailed(failure) {
      send(printMessage(messageKinds.encoderFailed, Buffer.from(JSON.stringify(failure))));
    },
  });
  return {
    chain,
    cut: (at) => chain.cut((at - origin) * scale),
    [Symbol.dispose]() {
      chain[Symbol.dispose]();
      parameters.free();
    },
  };
}

function parametersOf({ config }: VideoTrack): CodecParameters {
  const parameters = new CodecParameters();
  parameters.alloc();
  parameters.codecType = AVMEDIA_TYPE_VIDEO;
  parameters.codecId = CODECS[config.codec];
  parameters.width = config.width;
  parameters.height = config.height;
  if (!PLAIN.has(config.codec)) parameters.extradata = Buffer.from(config.record);
  return parameters;
}

function yieldToOthers(): void {
  try {
    setPriority(NICE);
  } catch {} // Not allowed everywhere; the limits of the ladder hold without it.
}

function push(frame: Frame): void {
  if (!run) return;
  const data = track?.config.codec === 'mpeg2' ? mpeg2Stream(frame.data) : frame.data;
  packet.data = Buffer.from(data.buffer, data.byteOffset, data.length);
  packet.pts = BigInt(frame.pts);
  packet.dts = BigInt(frame.dts);
  packet.isKeyframe = frame.key;
  run.chain.push(packet);
  packet.unref();
}

function end(): void {
  run?.chain.flush();
  run?.[Symbol.dispose]();
  run = undefined;
}

function send(message: Uint8Array): void {
  writeBlocking(1, [message]);
}

const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => {
  switch (kind) {
    case messageKinds.tracks:
      track = parseTracks(payload)[0] as VideoTrack;
      break;
    case messageKinds.options:
      run?.[Symbol.dispose]();
      run = begin(track!, parseJson(payload) as LiveLadderOptions);
      break;
    case messageKinds.enabled:
      run?.chain.keep(parseJson(payload) as readonly number[]);
      break;
    case messageKinds.encoder: {
      const { trackId, ...choice } = parseJson(payload) as EncoderOrder;
      run?.chain.use(trackId, choice);
      break;
    }
    case messageKinds.cut:
      run?.cut(parseCut(payload));
      break;
    case messageKinds.frame:
      push(parseFrame(payload));
      break;
    case messageKinds.mark: {
      const mark = parseMark(payload);
      if (mark.ends) end();
      send(printMark(mark));
      break;
    }
  }
});

process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
process.stdin.on('end', () => process.exit(0));
send(printMessage(messageKinds.ready));
