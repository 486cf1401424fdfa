/**
 * Selects the program of a transport stream: the first in the PAT that has media.
 * In: sections of the PAT and of PMTs. Out: the PMT of the selected program, whenever it changes.
 * ISO/IEC 13818-1, 2.4.4.
 */

import { FormatError } from '../errors.ts';
import type { LeftOutTrack } from '../left-out.ts';
import type { TsDemuxerOptions } from './demuxer-options.ts';
import { type Pmt, parsePat, parsePmt } from './psi.ts';
import { formatsOf } from './stream-format.ts';

const NULL_PID = 0x1fff;
const PAT_PID = 0;
/** Most programs to examine. */
const MAX_PROGRAMS = 64;

interface Candidate {
  readonly number: number;
  readonly pmtPid: number;
  /** Undefined until received. */
  pmt: Pmt | undefined;
  /** Its PMT declares media, of which no packet came. */
  silent: boolean;
}

/** Result of a choice. */
export interface ChoiceOutput {
  /** The selected program, or its new PMT. */
  taken(pmt: Pmt): void;
  /** Other PIDs carry PMTs that matter. */
  tables(): void;
  damage(reason: string): void;
  /** No program has supported media: the unsupported streams. */
  refused(tracks: readonly LeftOutTrack[]): void;
}

/** Follows the tables until a program is chosen, then those of that program. */
export class ProgramChoice {
  readonly #out: ChoiceOutput;
  /** Number of the program that was chosen by the user. */
  readonly #wanted: number | undefined;
  readonly #isLive: boolean;
  readonly #mpeg2: boolean;
  #programs: readonly Candidate[] = [];
  #taken: Candidate | undefined;
  /** Reported unsupported streams. */
  #said = '';

  constructor(out: ChoiceOutput, { program, live = false, mpeg2 = false }: TsDemuxerOptions = {}) {
    this.#out = out;
    this.#wanted = program;
    this.#isLive = live;
    this.#mpeg2 = mpeg2;
  }

  /** The other programs of a live feed, as tracks that are left out; none where the user has chosen one. */
  others(): LeftOutTrack[] {
    if (!this.#isLive || this.#wanted !== undefined) return [];
    const others = this.#programs.filter((other) => other !== this.#taken);
    return others.map(({ number }) => ({ kind: 'program', name: `program ${number}` }));
  }

  /** PIDs of the PMTs to parse. */
  get pmtPids(): readonly number[] {
    return this.#taken ? [this.#taken.pmtPid] : [...new Set(this.#programs.map(({ pmtPid }) => pmtPid))];
  }

  /** A new section of the PAT. */
  pat(section: Uint8Array): void {
    const listed = this.#read(() => parsePat(section))?.programs ?? [];
    const wanted = listed.filter(({ pmtPid }) => pmtPid !== PAT_PID && pmtPid !== NULL_PID).slice(0, MAX_PROGRAMS);
    if (wanted.length === 0) return;
    const before = this.#taken;
    this.#programs = wanted.map(
      ({ number, pmtPid }) =>
        this.#programs.find((old) => old.number === number && old.pmtPid === pmtPid) ?? {
          number,
          pmtPid,
          pmt: undefined,
          silent: false,
        },
    );
    if (before && this.#programs.includes(before)) return;
    this.#taken = undefined;
    this.#out.tables();
    this.#decide(false);
  }

  /** A new section on the PID of a PMT. */
  pmt(section: Uint8Array): void {
    const pmt = this.#read(() => parsePmt(section));
    const program = this.#programs.find(({ number }) => number === pmt?.program);
    if (!pmt || !program) return;
    program.pmt = pmt;
    if (!this.#taken) this.#decide(false);
    else if (program === this.#taken) this.#out.taken(pmt);
  }

  /** A PMT was repeated: earlier PMTs of the PAT that never came are skipped. */
  repeated(): void {
    if (!this.#taken) this.#decide(true);
  }

  /** The input paused: chooses among the known PMTs. */
  flush(): void {
    if (!this.#taken) this.#decide(true);
  }

  /** The selected program has no packets: selects the next one with media, if there is one. */
  giveUp(): void {
    const silent = this.#taken;
    if (!silent) return;
    silent.silent = true;
    this.#taken = undefined;
    this.#out.tables(); // the PMTs of the others were not followed until now
    this.#decide(true);
  }

  #decide(late: boolean): void {
    for (const program of this.#programs) {
      if (!program.pmt && !late && this.#wanted === undefined) return;
      if (this.#wanted !== undefined && program.number !== this.#wanted) continue;
      if (program.pmt && !program.silent && hasMedia(program.pmt, this.#mpeg2)) {
        this.#take(program, program.pmt);
        return;
      }
    }
    if (this.#programs.some(({ pmt }) => !pmt)) return;
    const silent = this.#programs.find((program) => program.silent);
    if (silent?.pmt) {
      // None is sent yet: waits for the first declared one again.
      for (const program of this.#programs) program.silent = false;
      this.#take(silent, silent.pmt);
      return;
    }
    this.#out.refused(this.#programs.flatMap(({ pmt }) => (pmt ? refusalsOf(pmt, this.#mpeg2) : [])));
  }

  #take(program: Candidate, pmt: Pmt): void {
    this.#taken = program;
    const others = this.#programs.filter((other) => other !== program);
    if (others.length > 0 && !this.#isLive && this.#wanted === undefined) {
      const names = others.map(
        ({ number, pmt: table }) => `${number}${table && !hasMedia(table, this.#mpeg2) ? ' (no media)' : ''}`,
      );
      const said = `${this.#programs.length} programs: program ${program.number} is taken, left out: ${names.join(', ')}`;
      if (said !== this.#said) this.#out.damage(said);
      this.#said = said;
    }
    this.#out.tables();
    this.#out.taken(pmt);
  }

  #read<T>(parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#out.damage(error.message);
      return undefined;
    }
  }
}

/** The unsupported media streams of a program. */
export function refusalsOf(pmt: Pmt, mpeg2: boolean): LeftOutTrack[] {
  return formatsOf(pmt, mpeg2).flatMap((format) => (format?.kind === 'refused' ? [format.leftOut] : []));
}

function hasMedia(pmt: Pmt, mpeg2: boolean): boolean {
  return formatsOf(pmt, mpeg2).some((format) => format?.kind === 'video' || format?.kind === 'audio');
}
