/**
 * Clusters of a Matroska file: the frames of one segment group, all tracks together in order of decoding.
 * In: samples of each track. Out: how long the clusters will be and where their key frames lie, from sizes
 * and times only; later the clusters themselves, in just as many bytes. Pure. RFC 9559, 5.1.3 (Cluster),
 * SimpleBlock Structure.
 */
import { elementHead, writeUint } from './ebml.ts';

/**
 * Units of all times in a file, per second: a TimestampScale of 100 µs. A frame is at most 50 µs off its true
 * time, so that pictures at 25 or 50 a second are exact and AAC and 29.97 stay true to a twentieth of a
 * millisecond; the usual 1 ms is ten times as coarse. Finer units would make clusters short: a block is at
 * most 32,767 units after its cluster (RFC 9559, Block Structure).
 */
export const unitsPerSecond = 10_000;
/** Nanoseconds of a unit. */
export const timestampScale: number = 1e9 / unitsPerSecond;

/** A frame, as far as the length of a cluster depends on it. */
export interface BlockSample {
  /** Ticks of the track. */
  readonly dts: number;
  readonly pts: number;
  readonly duration: number;
  readonly key: boolean;
  /** Bytes. */
  readonly length: number;
}

/** One track's samples of a group. */
export interface BlockTrack<S extends BlockSample = BlockSample> {
  /** TrackNumber in the file, 1 to 126. */
  readonly number: number;
  /** Ticks per second. */
  readonly timescale: number;
  /** In decode order; times of all tracks count from the same instant. */
  readonly samples: readonly S[];
}

/** Where a cluster can be entered. */
interface Entrance {
  /** TrackNumber of the leading track. */
  readonly number: number;
  /** Of the key frame, ticks of that track. */
  readonly pts: number;
  /** Bytes from the start of the cluster's body to its block. */
  readonly at: number;
}

/** A planned cluster. */
interface ClusterShape {
  /** Bytes, id and length included. */
  readonly length: number;
  /** The first key frame of the leading track, if there is one. */
  readonly entrance?: Entrance;
}

/** The planned clusters of a group. */
export interface GroupShape {
  /** Bytes of all clusters. */
  readonly length: number;
  readonly clusters: readonly ClusterShape[];
  /** By TrackNumber, for tracks whose frames all last equally long: ticks. */
  readonly steps: ReadonlyMap<number, number>;
}

const CLUSTER = 0x1f43b675;
const TIMESTAMP = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const KEY_FLAG = 0x80;
/** Id and a length of 8 bytes. */
const CLUSTER_HEAD = 4 + 8;
/** Id, length and 8 bytes. */
const TIMESTAMP_LENGTH = 10;
/** Id, a length of 4 bytes, track number, relative time, flags. */
const BLOCK_HEAD = 1 + 4 + 1 + 2 + 1;
/**
 * Presentation times within a cluster lie no further apart. A little less than 16 bits of units: where tracks
 * of two runs meet, a clip moves them by slightly different times.
 */
const MAX_SPAN_S = 3.2;
/** A key frame of the leading track begins a cluster if the one before is at least this long. */
const LEAST_SPAN_S = 1;
const MAX_RELATIVE = 0x7fff;

/**
 * How a group's clusters will look.
 *
 * @param wishedLead TrackNumber of the track by whose key frames the file is entered; where it has nothing,
 *   the first that has
 */
export function shapeClusters(tracks: readonly BlockTrack[], wishedLead: number): GroupShape {
  const lead = leadIn(tracks, wishedLead);
  const clusters = arrange(tracks, lead).map((blocks): ClusterShape => {
    let at = TIMESTAMP_LENGTH;
    let entrance: Entrance | undefined;
    for (const { track, sample } of blocks) {
      if (sample.key && track.number === lead) entrance ??= { number: lead, pts: sample.pts, at };
      at += BLOCK_HEAD + sample.length;
    }
    return { length: CLUSTER_HEAD + at, ...(entrance && { entrance }) };
  });
  const steps = new Map<number, number>();
  for (const { number, samples } of tracks) {
    const step = samples[0]?.duration ?? 0;
    // Of the last one only a guess is known.
    if (step > 0 && samples.every(({ duration }, i) => duration === step || i === samples.length - 1)) {
      steps.set(number, step);
    }
  }
  return { length: clusters.reduce((sum, { length }) => sum + length, 0), clusters, steps };
}

/** A sample and its bytes. */
export interface Block extends BlockSample {
  /** As many as `length` says. */
  readonly data: Uint8Array;
}

/**
 * Writes a group's clusters.
 *
 * @param tracks as they were given to `shapeClusters`, with their bytes, which are copied
 * @param unitsOf when a sample of a track is presented in the file, units, 0 or more
 * @returns as many bytes as the shape said
 * @throws RangeError if the times of two tracks lie further apart than they did for the shape
 */
export function printClusters(
  tracks: readonly BlockTrack<Block>[],
  wishedLead: number,
  unitsOf: (number: number, pts: number) => number,
): Uint8Array {
  const clusters = arrange(tracks, leadIn(tracks, wishedLead));
  const lengths = clusters.map((blocks) =>
    blocks.reduce((sum, { sample }) => sum + BLOCK_HEAD + sample.length, TIMESTAMP_LENGTH),
  );
  const target = new Uint8Array(lengths.reduce((sum, length) => sum + CLUSTER_HEAD + length, 0));
  let at = 0;
  const head = (id: number, length: number, lengthBytes: number) => {
    const bytes = elementHead(id, length, lengthBytes);
    target.set(bytes, at);
    at += bytes.length;
  };
  for (const [i, blocks] of clusters.entries()) {
    const times = blocks.map(({ track, sample }) => unitsOf(track.number, sample.pts));
    const first = Math.min(...times);
    head(CLUSTER, lengths[i]!, 8);
    head(TIMESTAMP, 8, 1);
    writeUint(target, at, first, 8);
    at += 8;
    for (const [k, { track, sample }] of blocks.entries()) {
      const relative = times[k]! - first;
      if (relative > MAX_RELATIVE) throw new RangeError(`a block is ${relative} units after its cluster`);
      head(SIMPLE_BLOCK, BLOCK_HEAD - 5 + sample.length, 4);
      target[at] = 0x80 | track.number;
      writeUint(target, at + 1, relative, 2);
      target[at + 3] = sample.key ? KEY_FLAG : 0;
      target.set(sample.data, at + 4);
      at += 4 + sample.length;
    }
  }
  return target;
}

function leadIn(tracks: readonly BlockTrack[], wished: number): number {
  const present = tracks.filter(({ samples }) => samples.length > 0);
  return (present.find(({ number }) => number === wished) ?? present[0])?.number ?? wished;
}

interface Placed<S extends BlockSample> {
  readonly track: BlockTrack<S>;
  readonly sample: S;
  /** When it is decoded, seconds. */
  readonly decodeS: number;
}

/** Puts blocks into clusters, independently of the position of the group in a clip. */
function arrange<S extends BlockSample>(tracks: readonly BlockTrack<S>[], lead: number): Placed<S>[][] {
  const blocks = tracks.flatMap((track) =>
    track.samples.map((sample): Placed<S> => ({ track, sample, decodeS: sample.dts / track.timescale })),
  );
  blocks.sort((a, b) => a.decodeS - b.decodeS);
  const clusters: Placed<S>[][] = [];
  let cluster: Placed<S>[] = [];
  let [lowS, highS] = [0, 0];
  for (const block of blocks) {
    const { track, sample, decodeS } = block;
    const shownS = sample.pts / track.timescale;
    const isFull = Math.max(highS, shownS) - Math.min(lowS, shownS) > MAX_SPAN_S;
    const isEntrance = sample.key && track.number === lead && decodeS - (cluster[0]?.decodeS ?? 0) >= LEAST_SPAN_S;
    if (cluster.length === 0 || isFull || isEntrance) {
      cluster = [];
      clusters.push(cluster);
      [lowS, highS] = [shownS, shownS];
    }
    cluster.push(block);
    lowS = Math.min(lowS, shownS);
    highS = Math.max(highS, shownS);
  }
  return clusters;
}
