/**
 * MPEG-TS demuxer: parses bytes, in pieces of any size, into frames.
 * In: a transport stream with H.264 or HEVC video, AAC, MP3, AC-3, E-AC-3 or Opus audio, ID3 and SCTE 35.
 * Out: tracks, frames and damage, through DemuxerOutput.
 * Video comes one access unit late, to know its duration. ISO/IEC 13818-1, 2.4.3.
 */
import { FormatError } from '../errors.ts';
import type { Demuxer, DemuxerOutput } from '../frame.ts';
import type { TsDemuxerOptions } from './demuxer-options.ts';
import { PACKET_BYTES, PacketSplitter, SYNC } from './packet.ts';
import type { FeedTime, PesAssembler } from './pes.ts';
import { type PidTarget, Program } from './program.ts';

const MAX_BYTES_WITHOUT_PROGRAM = 16 * 1024 * 1024;
/** After this many bytes without a packet of a declared program, another program is chosen. */
const MAX_SILENT_BYTES = 2 * 1024 * 1024;

/** A demuxer whose input may have discontinuities. */
export interface TsDemuxer extends Demuxer {
  /**
   * EXT-X-DISCONTINUITY, or a feed that was silent for long: delivers waiting frames, then drops times and
   * partial units; tables and configurations stay. Of a live feed, here and in `flush`, a unit whose end is
   * unknown is dropped and counted as damage, unless its last packet is filled up with stuffing.
   */
  discontinuity(): void;
  /**
   * Called every few seconds of a live feed, in place of `flush`: names declared streams that never had a
   * frame in `leftOut`.
   */
  check(): void;
  /**
   * Called often of a live feed: delivers frames whose PES packets have had no bytes for the deadline,
   * without waiting for the next one to begin. Video is delivered only while its frame rate is constant,
   * because its duration is not known yet, and only if its PES packets are access units. A PES packet whose
   * last packet was full may not be complete: for it, only time counts in which other packets came. Bytes
   * that come nevertheless are dropped and counted as damage.
   *
   * @param now the time of this call; of bytes, that of the first call after them counts
   */
  settle(now: FeedTime, deadlineMs: number): void;
  /** Bytes of the input wait: after `flush` only of media without a time or a configuration. */
  readonly holds: boolean;
  /** Frames that `settle` delivered so far, and bytes that came after them. */
  readonly assembly: { readonly settled: number; readonly lateBytes: number };
}

/**
 * Creates a demuxer for the first program with media of a transport stream.
 *
 * Video is track 1 in 90 kHz, audio 2 and up in its sample rate, metadata 64 and up in 90 kHz: ID3 at its
 * time, SCTE 35 decoded at its arrival and presented at its splice time. Times start at those of the source;
 * they never wrap. A hole in video decode times does not lengthen `duration`. When the source's clock goes
 * back by more than a second, the times continue, and `damage` is called.
 *
 * @param output `leftOut` gets the unsupported streams of the PMT; `frame.data` may be kept; consecutive
 *   frames share memory
 */
export function createTsDemuxer(output: DemuxerOutput, options: TsDemuxerOptions = {}): TsDemuxer {
  const program = new Program(output, options);
  let unknownBytes = 0;
  let silentBytes = 0;
  const waitFor = () => {
    if (program.known) {
      silentBytes += PACKET_BYTES;
      if (silentBytes <= MAX_SILENT_BYTES) return;
      silentBytes = 0;
      program.giveUp();
    } else {
      unknownBytes += PACKET_BYTES;
      if (unknownBytes <= MAX_BYTES_WITHOUT_PROGRAM) return;
      const wanted = options.program === undefined ? 'no program' : `no program ${options.program}`;
      throw new FormatError(`${wanted} with media oxbow takes in the first ${MAX_BYTES_WITHOUT_PROGRAM} bytes`, 0);
    }
  };
  const splitter = new PacketSplitter({
    packets(bytes, from, limit, stride) {
      let at = from;
      while (at < limit && bytes[at] === SYNC) {
        const target = program.target(((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!);
        if (target !== undefined) takePacket(target, bytes, at, output, program);
        at += stride;
        if (!program.alive) waitFor();
        else if (target?.pes !== undefined) at = takeRest(target, target.pes, bytes, at, limit, stride);
      }
      return at;
    },
    damage: (reason) => output.damage(reason),
  });
  return {
    push: (bytes) => splitter.push(bytes),
    flush() {
      splitter.flush();
      program.flush(options.live); // encoders close live feeds within a picture
    },
    discontinuity() {
      splitter.flush();
      program.flush(options.live);
      program.restart();
    },
    check: () => program.check(),
    settle: (now, deadlineMs) => program.settle(now, deadlineMs),
    get holds() {
      return program.holds;
    },
    assembly: program.assembly,
  };
}

/**
 * The plain packets that continue a PES packet, most of all: next in order, only a payload, no flag. Others
 * are for `takePacket`.
 *
 * @param pes of `target`
 * @returns where the first other packet begins
 */
function takeRest(
  target: PidTarget,
  pes: PesAssembler,
  bytes: Uint8Array,
  from: number,
  limit: number,
  stride: number,
): number {
  const { pid } = target;
  const [high, low] = [pid >> 8, pid & 0xff];
  let at = from;
  while (at < limit && bytes[at] === SYNC && bytes[at + 2] === low && bytes[at + 1] === high) {
    const counter = (target.counter + 1) & 0x0f;
    if (bytes[at + 3] !== (0x10 | counter)) return at;
    target.counter = counter;
    target.repeated = false;
    pes.append(bytes, at + 4, at + PACKET_BYTES);
    at += stride;
  }
  return at;
}

/** One transport packet of a selected PID (2.4.3.2 to 2.4.3.5). */
function takePacket(target: PidTarget, bytes: Uint8Array, at: number, output: DemuxerOutput, program: Program): void {
  const flags = bytes[at + 3]!;
  // transport_error_indicator: not even the PID is reliable; the counter of the next packet shows the loss.
  if ((bytes[at + 1]! & 0x80) !== 0 || (flags & 0x10) === 0) return;
  const end = at + PACKET_BYTES;
  let payload = at + 4;
  let stepAllowed = false;
  if ((flags & 0x20) !== 0) {
    const length = bytes[payload]!;
    stepAllowed = length > 0 && (bytes[payload + 1]! & 0x80) !== 0; // discontinuity_indicator
    payload += 1 + length;
    if (payload >= end) return; // no payload, or a length that cannot be
  }
  if ((flags & 0xc0) !== 0) {
    if (!target.scrambled) {
      output.damage(`PID ${target.pid} is scrambled`);
      program.scrambled(target);
    }
    target.scrambled = true;
    return;
  }
  const starts = (bytes[at + 1]! & 0x40) !== 0;
  const counter = flags & 0x0f;
  const expected = (target.counter + 1) & 0x0f;
  const { pes } = target;
  if (target.counter >= 0 && counter !== expected && !(stepAllowed && starts)) {
    const repeats = counter === target.counter && !target.repeated;
    if (repeats && (pes === undefined || pes.endsWith(bytes, payload, end))) {
      target.repeated = true;
      return;
    }
    pes?.lose(`packets of PID ${target.pid} are missing`);
    target.sections?.reset();
  }
  // Other bytes are joined to those before.
  if (stepAllowed && starts && pes !== undefined) output.mayChange?.();
  target.counter = counter;
  target.repeated = false;
  if (pes === undefined) target.sections!.push(bytes, payload, end, starts);
  else if (starts) pes.start(bytes, payload, end);
  else pes.append(bytes, payload, end);
}
