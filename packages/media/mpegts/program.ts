/**
 * The demuxed program: one elementary stream per PID.
 * In: the PMT of the selected program. Out: the target of each PID. ISO/IEC 13818-1, 2.4.4.
 */

import type { DemuxerOutput } from '../frame.ts';
import { distinctLeftOut, type LeftOutTrack, namesOf } from '../left-out.ts';
import type { FrameMemory, TsDemuxerOptions } from './demuxer-options.ts';
import type { Elementary, ElementaryOutput } from './elementary.ts';
import { type FeedTime, PesAssembler, type PesSink } from './pes.ts';
import { type ChoiceOutput, ProgramChoice, refusalsOf } from './program-choice.ts';
import { type Pmt, type PmtStream, SectionReader } from './psi.ts';
import { isSplice, spliceTime } from './splice.ts';
import { formatsOf, type StreamFormat } from './stream-format.ts';
import { ProgramClock } from './timestamps.ts';
import { AudioTrack } from './track/audio-track.ts';
import { DataTrack, dataSetup } from './track/data-track.ts';
import { Id3Track } from './track/id3-track.ts';
import { VideoTrack } from './track/video-track.ts';
import { type Slot, TrackSet } from './track-set.ts';

const VIDEO_ID = 1;
const FIRST_AUDIO_ID = 2;
const MAX_AUDIO_TRACKS = 16;
/** Above those of audio, so that ids stay when a language joins. */
const FIRST_DATA_ID = 64;
const MAX_DATA_TRACKS = 8;
/** Segments with packets of a track, but without a frame: the first may begin in the middle of one. */
const MAX_UNREAD = 2;

export interface PidTarget {
  readonly pid: number;
  readonly sections: SectionReader | undefined;
  readonly pes: PesAssembler | undefined;
  /** continuity_counter of the last packet with a payload, or -1. */
  counter: number;
  /** Whether the last packet was a duplicate. */
  repeated: boolean;
  scrambled: boolean;
}

interface Wanted {
  readonly declared: PmtStream;
  readonly format: StreamFormat;
  readonly id: number;
}

interface Stream {
  readonly declared: PmtStream;
  readonly kind: LeftOutTrack['kind'];
  /** Of its codec. */
  readonly name: string;
  readonly slot: Slot;
  readonly track: Pick<Elementary, 'flush' | 'restart' | 'settles' | 'settle' | 'holds'>;
  readonly target: PidTarget;
  /** Where it is metadata, and may wait for the first time of the program. */
  readonly data?: DataTrack;
}

const PAT_PID = 0;
const NULL_PID = 0x1fff;

/** Follows the tables of one transport stream. */
export class Program {
  readonly #out: DemuxerOutput;
  readonly #clock = new ProgramClock();
  readonly #trackSet: TrackSet;
  readonly #mpeg2: boolean;
  readonly #memory: FrameMemory | undefined;
  readonly #choice: ProgramChoice;
  /** The PAT, the selected PMTs, then the streams. */
  #targets: readonly (PidTarget | undefined)[] = [];
  /** Index into `#targets` by PID; 0 is none. */
  readonly #byPid = new Uint8Array(8192);
  readonly #pat: PidTarget;
  #tables: readonly PidTarget[] = [];
  #streams: readonly Stream[] = [];
  /** Of the PMT. */
  #version = 0;
  #newestPicture: number | undefined;
  /** Metadata may have come before the first time of the program. */
  #dataWaits = false;
  /** Unsupported streams of the PMT. */
  #refusals: readonly LeftOutTrack[] = [];
  /** Unsupported streams that were reported. */
  #leftOut = '';
  /** Whether the selected program has had a packet. */
  alive = false;
  /** Frames that `settle` delivered, and bytes that came after them. */
  readonly assembly = { settled: 0, lateBytes: 0 };

  constructor(out: DemuxerOutput, { program, live = false, mpeg2 = false, memory }: TsDemuxerOptions) {
    this.#out = out;
    this.#mpeg2 = mpeg2;
    this.#memory = memory;
    this.#trackSet = new TrackSet(out, { live });
    const choice: ChoiceOutput = {
      taken: (pmt) => this.#take(pmt),
      tables: () => this.#follow(),
      damage: this.#damage,
      refused: (tracks) => {
        this.#refusals = tracks;
        this.#tellLeftOut();
      },
    };
    this.#choice = new ProgramChoice(choice, { program, live, mpeg2 });
    this.#pat = targetOf(PAT_PID, new SectionReader((section) => this.#choice.pat(section), this.#damage));
    this.#route();
  }

  /** Whether a PMT with media was parsed. */
  get known(): boolean {
    return this.#streams.length > 0;
  }

  /** Bytes of the input wait in it. */
  get holds(): boolean {
    return this.#trackSet.holds || this.#streams.some(({ track }) => track.holds);
  }

  /** The target of the packets of a PID, or undefined. */
  target(pid: number): PidTarget | undefined {
    return this.#targets[this.#byPid[pid]!];
  }

  /** Packets of a PID are scrambled. */
  scrambled(target: PidTarget): void {
    const stream = this.#streams.find((candidate) => candidate.target === target);
    if (stream && !stream.slot.setup) this.#refuse(stream.slot, stream.kind, `scrambled ${stream.kind}`);
  }

  /** No packets for long: selects another program with media, if there is one. */
  giveUp(): void {
    this.#choice.giveUp();
  }

  /**
   * Delivers all waiting frames; continuity counters and sections may restart.
   *
   * @param isCut the input was interrupted anywhere: a PES without a length may be incomplete
   */
  flush(isCut = false): void {
    this.#choice.flush();
    for (const { target, track } of this.#streams) {
      if (isCut) target.pes?.cut();
      else target.pes?.finish();
      track.flush();
      target.pes?.release();
    }
    this.#settleData();
    this.#trackSet.announce();
    for (const stream of this.#streams) this.#countUnread(stream);
    for (const target of this.#targets) {
      if (!target) continue;
      target.counter = -1;
      target.sections?.reset();
    }
  }

  /** A new timeline begins. */
  restart(): void {
    this.#clock.reset();
    this.#trackSet.restart();
    this.#newestPicture = undefined;
    for (const { track } of this.#streams) track.restart();
    this.#dataWaits = this.#streams.some(({ data }) => data);
  }

  /**
   * Of a live feed: delivers the frames whose last byte came this long ago, where their end and duration are
   * known.
   */
  settle(now: FeedTime, deadlineMs: number): void {
    for (const { target, track } of this.#streams) {
      if (target.pes && track.settles && target.pes.settle(now, deadlineMs) && track.settle?.())
        this.assembly.settled++;
    }
  }

  /** Of a live feed: some seconds have passed. */
  check(): void {
    for (const stream of this.#streams) this.#countUnread(stream);
  }

  /**
   * A segment ended: streams whose packets never yield a frame are no tracks, even if the PMT declares them.
   */
  #countUnread({ slot, kind, name }: Stream): void {
    if (slot.setup || slot.refused || slot.unread === undefined) return;
    slot.unread += 1;
    if (slot.unread >= MAX_UNREAD) this.#refuse(slot, kind, `${name} ${kind} that cannot be read`);
  }

  #refuse(slot: Slot, kind: LeftOutTrack['kind'], name: string): void {
    slot.refused = { kind, name };
    this.#tellLeftOut();
  }

  #tellLeftOut(): void {
    const leftOut = distinctLeftOut([...this.#refusals, ...this.#streams.flatMap(({ slot }) => slot.refused ?? [])]);
    const names = namesOf(leftOut);
    if (names === this.#leftOut) return;
    this.#leftOut = names;
    this.#out.leftOut?.(leftOut);
  }

  readonly #damage = (reason: string): void => this.#out.damage(reason);

  #take(pmt: Pmt): void {
    const wanted = this.#choose(pmt);
    this.#tellLeftOut();
    const before = this.#streams;
    const same = (a: Stream, { declared, id }: Wanted) =>
      a.declared.pid === declared.pid &&
      a.declared.type === declared.type &&
      a.slot.id === id &&
      a.slot.language === declared.language;
    const streams = wanted.map(
      (wantedStream) => before.find((old) => same(old, wantedStream)) ?? this.#open(wantedStream),
    );
    if (streams.length === before.length && streams.every((stream) => before.includes(stream))) {
      // Muxers send another version of the same table where the configuration of a stream changes.
      if (pmt.version !== this.#version) this.#out.mayChange?.();
      this.#version = pmt.version;
      return;
    }
    this.#version = pmt.version;
    for (const gone of before) {
      if (streams.includes(gone)) continue;
      gone.target.pes?.finish();
      gone.track.flush();
    }
    this.#streams = streams;
    this.#dataWaits = streams.some(({ data }) => data);
    this.#route();
    this.#trackSet.declare(streams.map((stream) => stream.slot));
  }

  /** The streams that become tracks, with their ids. */
  #choose(pmt: Pmt): Wanted[] {
    const chosen: Wanted[] = [];
    const tables = [PAT_PID, NULL_PID, ...this.#choice.pmtPids];
    const counts = { video: 0, audio: 0, data: 0 };
    const most = { video: 1, audio: MAX_AUDIO_TRACKS, data: MAX_DATA_TRACKS };
    const first = { video: VIDEO_ID, audio: FIRST_AUDIO_ID, data: FIRST_DATA_ID };
    const formats = formatsOf(pmt, this.#mpeg2);
    for (const [i, declared] of pmt.streams.entries()) {
      const format = formats[i];
      if (!format || format.kind === 'refused' || tables.includes(declared.pid)) continue;
      if (chosen.some((other) => other.declared.pid === declared.pid)) continue;
      const { kind } = format;
      if (counts[kind] < most[kind]) chosen.push({ declared, format, id: first[kind] + counts[kind] });
      counts[kind]++;
    }
    this.#refusals = [
      ...refusalsOf(pmt, this.#mpeg2),
      ...this.#choice.others(),
      ...(counts.video > most.video ? [{ kind: 'video', name: 'a second video track' } as const] : []),
      ...(counts.audio > most.audio ? [{ kind: 'audio', name: `more than ${most.audio} audio tracks` } as const] : []),
    ];
    return chosen.sort((a, b) => a.id - b.id);
  }

  #open({ declared, format, id }: Wanted): Stream {
    const slot: Slot = { id, kind: format.kind, language: declared.language, setup: undefined };
    const kind = format.kind === 'data' ? 'unknown' : format.kind;
    const out: ElementaryOutput = {
      configured: (setup) => {
        slot.refused = undefined;
        this.#tellLeftOut();
        this.#trackSet.configured(slot, setup);
      },
      frame: (frame) => {
        if (format.kind === 'video') this.#newestPicture = frame.dts;
        this.#trackSet.frame(slot, frame);
        if (this.#dataWaits && format.kind !== 'data') this.#settleData();
      },
      damage: this.#damage,
      mayChange: () => this.#out.mayChange?.(),
      refused: (name) => this.#refuse(slot, kind, name),
    };
    if (format.kind === 'data') return this.#openData(declared, slot, format.codec, out);
    const track =
      format.kind === 'audio'
        ? new AudioTrack(format.framing, this.#clock, out)
        : new VideoTrack(format.codec, this.#clock, out);
    const seen = () => {
      this.alive = true;
      slot.unread ??= 0;
    };
    const { name } = format.kind === 'audio' ? format.framing : format.codec;
    return {
      declared,
      kind,
      name,
      slot,
      track,
      target: targetOf(declared.pid, undefined, this.#assembler(track, out, seen)),
    };
  }

  #settleData(): void {
    this.#dataWaits = false;
    for (const { data } of this.#streams) data?.settle();
  }

  #openData(declared: PmtStream, slot: Slot, codec: 'id3' | 'scte35' | 'daterange', out: ElementaryOutput): Stream {
    slot.setup = dataSetup(codec);
    const now = () => this.#newestPicture ?? this.#clock.now;
    const data = new DataTrack(this.#clock, out, { now, ahead: codec === 'scte35' });
    if (codec === 'id3') {
      const track = new Id3Track(data, out);
      const target = targetOf(declared.pid, undefined, this.#assembler(track, out));
      return { declared, kind: 'unknown', name: codec, slot, data, track, target };
    }
    const take = (section: Uint8Array) => {
      if (isSplice(section)) data.take(spliceTime(section), section);
    };
    const sections = new SectionReader(take, this.#damage, { isPrivate: true });
    const track = { flush: () => data.settle(), restart: () => data.restart() };
    return { declared, kind: 'unknown', name: codec, slot, data, track, target: targetOf(declared.pid, sections) };
  }

  #assembler(track: Elementary, out: ElementaryOutput, seen?: () => void): PesAssembler {
    const sink: PesSink = {
      header(header, bytes, from, to) {
        seen?.();
        track.header(header, bytes, from, to);
      },
      unit: (header, bytes, from, to) => track.unit(header, bytes, from, to),
      lost: (reason) => {
        track.lost();
        out.damage(reason);
      },
      late: (bytes) => {
        this.assembly.lateBytes += bytes;
      },
    };
    return new PesAssembler(sink, this.#memory);
  }

  /** Updates the targets of the selected PMTs. */
  #follow(): void {
    const options = { repeated: () => this.#choice.repeated() };
    const open = (pid: number) =>
      targetOf(pid, new SectionReader((section) => this.#choice.pmt(section), this.#damage, options));
    this.#tables = this.#choice.pmtPids.map((pid) => this.#tables.find((old) => old.pid === pid) ?? open(pid));
    this.#route();
  }

  /** Points the PIDs to the PAT, the PMTs and the streams. */
  #route(): void {
    this.#byPid.fill(0);
    this.#targets = [undefined, this.#pat, ...this.#tables, ...this.#streams.map((stream) => stream.target)];
    this.#targets.forEach((target, index) => {
      // The tables come first in the list: a stream that claims their PID does not get it.
      if (target && this.#byPid[target.pid] === 0) this.#byPid[target.pid] = index;
    });
  }
}

/**
 * Every target has the same properties, in the same order, because the access per packet must be monomorphic.
 */
function targetOf(pid: number, sections?: SectionReader, pes?: PesAssembler): PidTarget {
  return { pid, sections, pes, counter: -1, repeated: false, scrambled: false };
}
