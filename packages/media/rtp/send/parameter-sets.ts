/**
 * Parameter sets before each key frame: a viewer may join at any of them, and WebRTC carries them in the
 * media.
 * In: the sets of a track's record, NAL units of its frames. Out: NAL units to send. Pure. RFC 6184 8.4,
 * RFC 7798 4.
 */

/** Sets of one track by their NAL unit type, in the order in which they are sent. */
export class ParameterSets {
  readonly #sets: Map<number, readonly Uint8Array[]>;

  /** @param sets of the record; all types that a decoder needs */
  constructor(sets: ReadonlyMap<number, readonly Uint8Array[]>) {
    this.#sets = new Map(sets);
  }

  /**
   * The units of a key frame with all sets that a decoder needs. Sets within the frame replace the known ones
   * of their type; the others are put before the units.
   *
   * @param typeOf nal_unit_type
   */
  complete(nals: readonly Uint8Array[], typeOf: (nal: Uint8Array) => number): Uint8Array[] {
    const missing: Uint8Array[] = [];
    for (const [type, storedSets] of this.#sets) {
      const newSets = nals.filter((nal) => typeOf(nal) === type);
      // Copied: they are kept for as long as the track, the frame is not.
      if (newSets.length > 0)
        this.#sets.set(
          type,
          newSets.map((nal) => nal.slice()),
        );
      else missing.push(...storedSets);
    }
    return [...missing, ...nals];
  }
}
