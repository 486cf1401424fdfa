/**
 * Tracks the parameter sets of one video track and their changes.
 * In: the sets of an access unit. Out: the configuration, if it changed.
 */
import { sameBytes } from '../../bytes.ts';
import { FormatError } from '../../errors.ts';
import type { VideoConfig } from '../../frame.ts';
import type { ParameterSet, PictureReader, VideoCodec } from './video-codec.ts';

const MAX_SETS = 64;
/** Most bytes of a set: records have 16-bit lengths. */
const MAX_SET_BYTES = 0xffff;
/** Most sets in an access unit: more than there are ids. */
const MAX_SETS_AT_ONCE = 1024;

/** Holds the current parameter sets of a track. */
export class ParameterSets {
  readonly #codec: VideoCodec;
  #sets: readonly ParameterSet[] = [];
  #config: VideoConfig | undefined;
  #pictures: PictureReader | undefined;

  constructor(codec: VideoCodec) {
    this.#codec = codec;
  }

  /** The configuration of the sets; undefined while one is missing. */
  get config(): VideoConfig | undefined {
    return this.#config;
  }

  /** Parses slice headers of the current configuration. */
  get pictures(): PictureReader | undefined {
    return this.#pictures;
  }

  /** Whether this set equals a current one. */
  has(nal: Uint8Array): boolean {
    for (const set of this.#sets) if (sameBytes(set.nal, nal)) return true;
    return false;
  }

  /**
   * Takes all parameter sets of one access unit, of which at least one is new.
   * A changed SPS begins a new sequence: sets of the same types that are not repeated with it are dropped. A
   * repeated SPS keeps them.
   *
   * @param nals with headers; kept
   * @returns whether the configuration changed
   * @throws FormatError if one is malformed or too long, or there are too many; the sets are then as before
   */
  take(nals: readonly Uint8Array[]): boolean {
    if (nals.length > MAX_SETS_AT_ONCE) throw new FormatError(`${nals.length} parameter sets in one access unit`, 0);
    const nameOf = ({ type, id }: ParameterSet) => type * 256 + id;
    const fresh = new Map<number, ParameterSet>();
    let isOther = false;
    for (const nal of nals) {
      if (nal.length > MAX_SET_BYTES) throw new FormatError('a parameter set of more than 64 KiB', 0);
      const set = this.#codec.set(nal);
      isOther ||= set.type === this.#codec.spsType && !this.has(nal);
      fresh.set(nameOf(set), set);
    }
    const types = new Set([...fresh.values()].map(({ type }) => type));
    const anew = isOther && types.has(this.#codec.ppsType);
    const kept = this.#sets.filter((set) => !(anew ? types.has(set.type) : fresh.has(nameOf(set))));
    const sets = [...kept, ...fresh.values()].sort((a, b) => a.type - b.type || a.id - b.id).slice(0, MAX_SETS);
    const complete = this.#codec.neededTypes.every((type) => sets.some((set) => set.type === type));
    const config = complete ? this.#codec.config(sets) : undefined;
    const pictures = complete ? this.#codec.pictures(sets) : undefined;
    this.#sets = sets;
    this.#pictures = pictures ?? this.#pictures;
    if (!config || (this.#config && sameBytes(config.record, this.#config.record))) return false;
    this.#config = config;
    return true;
  }
}
