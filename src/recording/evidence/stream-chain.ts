/**
 * The chain of evidence of one stream: hashes each segment when it is on the disk, and signs what has come
 * since the last block.
 * In: groups of the recorder. Out: blocks in the metadata store. docs/5-record/evidence.md.
 */
import {
  BLOCK_CONTEXT,
  type EvidenceBegin,
  type EvidenceBlock,
  type EvidenceNote,
  type EvidenceSegment,
  type EvidenceTrack,
  printBlock,
} from '@oxbow/media/evidence/block';
import type { Track } from '@oxbow/media/frame';
import type { Init, SegmentGroup } from '@oxbow/media/segment';
import type { BlockRows, ChainHead, NewBlock } from './block-rows.ts';
import type { EvidenceKeys } from './evidence-keys.ts';
import { digestOfSegment, type HashedSegment, sha256Text } from './hash-segment.ts';

/** Records that wait for the database; later ones are not hashed, which a note says. Ten minutes and more. */
const MAX_WAITING = 1000;
/** Media of a crashed process is read from the disk from this long before the first segment, µs. */
const UNHASHED_US = 600_000_000;
/** Notes that wait. */
const MAX_NOTES = 200;
/** Records of a block: a longer wait makes several blocks. */
const MAX_RECORDS = 300;
/** Attempts to add a block after other processes have added some. */
const MAX_TRIES = 5;

export type HashedGroup = Pick<SegmentGroup, 'msn' | 'startUs' | 'durationUs' | 'gaps'> & {
  readonly run: number;
  readonly init: Pick<Init, 'number' | 'tracks'>;
  readonly tracks: readonly (HashedSegment & Pick<SegmentGroup['tracks'][number], 'trackId' | 'tfdt' | 'samples'>)[];
};

/** What a chain needs. */
export interface ChainOptions {
  readonly stream: { readonly id: string; readonly name: string };
  readonly rows: Pick<BlockRows, 'head' | 'add'>;
  readonly keys: Pick<EvidenceKeys, 'id' | 'isOwn' | 'sign'>;
  readonly nowMs: () => number;
  /**
   * Media that was recorded after the last block of a process that crashed, and before `untilUs`; it is
   * hashed from the disk.
   */
  readonly unhashed: (fromUs: number, untilUs: number) => Promise<readonly HashedGroup[]>;
  /** A block was stored. */
  readonly sealed?: ((block: NewBlock) => void) | undefined;
}

/** What a block is made of. */
interface BlockContent {
  readonly segments: readonly EvidenceSegment[];
  readonly notes: readonly EvidenceNote[];
  /** Media that was not hashed, µs since 1970. */
  readonly lost: { readonly from: number; readonly to: number } | undefined;
}

export class StreamChain {
  readonly #options: ChainOptions;
  #notes: EvidenceNote[] = [];
  readonly #inits = new Map<number, readonly EvidenceTrack[]>();
  #waiting: EvidenceSegment[] = [];
  #addedUs: number | undefined;
  #head: ChainHead | undefined;
  /** Why this process begins to write; undefined once it has. */
  #begins: EvidenceBegin | undefined;
  #isOpen = false;
  /** The process before may have left media without a record; it is read when new media comes. */
  #isCutOff = false;
  /** A block that may be stored: adding it has failed, perhaps after the commit. */
  #unsure: (BlockContent & { readonly made: NewBlock }) | undefined;
  #lost: { readonly from: number; readonly to: number } | undefined;
  /** Resolves when the blocks before are stored. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ChainOptions) {
    this.#options = options;
  }

  /** Whether a block would have something to say. */
  get isDue(): boolean {
    return this.#waiting.length > 0 || this.#notes.length > 0 || this.#lost !== undefined;
  }

  /** Whether media before an instant is in no block yet. @param us since 1970 */
  waitsFor(us: number): boolean {
    return this.#waiting.some(({ from }) => from < us);
  }

  /**
   * End of the media that was recorded so far, also of what could not be hashed, µs since 1970; undefined:
   * this process has recorded none.
   */
  get addedUs(): number | undefined {
    return this.#addedUs;
  }

  /** Hashes a group, at once. @throws FormatError for a segment that has no samples that can be read */
  add(group: HashedGroup, how: Pick<EvidenceSegment, 'healed' | 'late'> = {}): void {
    if (!how.healed) this.#addedUs = group.startUs + group.durationUs;
    if (this.#waiting.length >= MAX_WAITING) {
      const to = group.startUs + group.durationUs;
      this.#lost = { from: this.#lost?.from ?? group.startUs, to };
      return;
    }
    this.#inits.set(group.init.number, group.init.tracks.map(describe));
    this.#waiting.push(recordOf(group, how));
  }

  /** Adds a note to the next block; the oldest is dropped at the bound. */
  note(note: EvidenceNote): void {
    this.#notes.push(note);
    if (this.#notes.length > MAX_NOTES) this.#notes.shift();
  }

  /**
   * Signs and stores what waits.
   *
   * @param options.ends this process writes no more
   * @throws as `BlockRows.add`; what waits stays
   */
  seal({ ends = false }: { readonly ends?: boolean } = {}): Promise<void> {
    const done = this.#turn.then(() => this.#seal(ends));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #seal(ends: boolean): Promise<void> {
    if (!this.#isOpen) {
      if (!this.isDue) return;
      await this.#open();
    }
    await this.#settle();
    if (this.#isCutOff) await this.#readUnhashed();
    while (this.isDue || ends) {
      const segments = this.#waiting.slice(0, MAX_RECORDS);
      const isLast = segments.length === this.#waiting.length;
      const lost = isLast ? this.#lost : undefined;
      const content = { segments, notes: isLast ? [...this.#notes] : [], lost };
      await this.#store(content, ends && isLast);
      this.#forget(content);
      if (isLast) return;
    }
  }

  /** Continues the chain where the last process has left it. */
  async #open(): Promise<void> {
    const { rows, keys, stream } = this.#options;
    const head = await rows.head(stream.id);
    this.#head = head;
    this.#begins = beginOf(head, keys);
    // A process that was killed before its first block has left no chain.
    this.#isCutOff = !head?.block.ends;
    this.#isOpen = true;
  }

  /** Hashes the media that has no record from the disk, once it is known where the new media begins. */
  async #readUnhashed(): Promise<void> {
    const { rows, stream, unhashed } = this.#options;
    const firstUs = Math.min(...this.#waiting.filter(({ healed }) => !healed).map(({ from }) => from));
    if (!Number.isFinite(firstUs)) return;
    // Another process may have written blocks since this one has opened the chain.
    const toUs = (await rows.head(stream.id))?.toUs ?? 0;
    const groups = await unhashed(Math.max(toUs, firstUs - UNHASHED_US), firstUs);
    const late: EvidenceSegment[] = [];
    for (const group of groups.slice(0, MAX_WAITING)) {
      this.#inits.set(group.init.number, group.init.tracks.map(describe));
      late.push(recordOf(group, { late: 1 }));
    }
    this.#waiting = [...late, ...this.#waiting];
    this.#isCutOff = false;
  }

  /** Finds out whether a block whose addition has failed is stored. */
  async #settle(): Promise<void> {
    const unsure = this.#unsure;
    if (!unsure) return;
    const head = await this.#options.rows.head(this.#options.stream.id);
    this.#unsure = undefined;
    if (head?.hash !== unsure.made.hash) return;
    this.#stored(unsure.made);
    this.#forget(unsure);
  }

  /** What is in a block waits no more; what has come meanwhile does. */
  #forget({ segments, notes, lost }: BlockContent): void {
    const stored = new Set<unknown>([...segments, ...notes]);
    this.#waiting = this.#waiting.filter((segment) => !stored.has(segment));
    this.#notes = this.#notes.filter((note) => !stored.has(note));
    if (this.#lost === lost) this.#lost = undefined;
  }

  #nowUs(): number {
    return Math.round(this.#options.nowMs() * 1000);
  }

  async #store(content: BlockContent, ends: boolean): Promise<void> {
    const { rows, stream, keys } = this.#options;
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const made = this.#sign(content, ends);
      this.#unsure = Object.assign({ made }, content);
      const isAdded = await rows.add(stream.id, made);
      this.#unsure = undefined;
      if (isAdded) {
        this.#stored(made);
        return;
      }
      // Another process had the stream meanwhile: its blocks come first.
      this.#head = await rows.head(stream.id);
      this.#begins = beginOf(this.#head, keys);
    }
    throw new Error(`another process writes the chain of ${stream.name}`);
  }

  #stored(made: NewBlock): void {
    const { block, hash } = made;
    const toUs = Math.max(this.#head?.toUs ?? 0, ...block.segments.map(({ from, duration }) => from + duration));
    this.#head = { seq: block.seq, hash, keyId: block.key, toUs, block };
    this.#begins = undefined;
    this.#options.sealed?.(made);
  }

  #sign({ segments, notes, lost }: BlockContent, ends: boolean): NewBlock {
    const { stream, keys } = this.#options;
    const used = new Set(segments.map(({ init }) => init));
    const block: EvidenceBlock = {
      v: 1,
      stream: stream.id,
      name: stream.name,
      seq: (this.#head?.seq ?? 0) + 1,
      prev: this.#head?.hash ?? '',
      at: this.#nowUs(),
      key: keys.id,
      ...(this.#begins && { begins: this.#begins }),
      ...(ends && { ends: 1 }),
      inits: [...used].map((number) => ({ number, tracks: this.#inits.get(number)! })),
      segments,
      notes: lost ? [...notes, { what: 'unhashed', from: lost.from, to: lost.to, at: this.#nowUs() }] : notes,
    };
    const text = printBlock(block);
    const hash = sha256Text(text);
    return { block, text, hash, signature: keys.sign(BLOCK_CONTEXT, Buffer.from(hash, 'base64url')) };
  }
}

/** Why a process continues after the last block of a chain. */
function beginOf(head: ChainHead | undefined, keys: ChainOptions['keys']): EvidenceBegin {
  if (!head) return 'new';
  if (!keys.isOwn(head.keyId)) return head.block.ends ? 'takeover' : 'takeover-crash';
  if (!head.block.ends) return 'crash';
  return head.keyId === keys.id ? 'restart' : 'rotation';
}

function recordOf(group: HashedGroup, { healed, late }: Pick<EvidenceSegment, 'healed' | 'late'>): EvidenceSegment {
  const { msn, run, init, startUs, durationUs, gaps, tracks } = group;
  return {
    msn,
    run,
    init: init.number,
    from: startUs,
    duration: durationUs,
    ...(gaps.length > 0 && {
      gaps: gaps.map(({ fromUs, toUs, cause, detail }) => [fromUs, toUs, cause, detail] as const),
    }),
    tracks: tracks.map((track) => [track.trackId, track.tfdt, track.samples, digestOfSegment(track)] as const),
    ...(late && { late }),
    ...(healed && { healed }),
  };
}

function describe({ id, kind, timescale, config }: Track): EvidenceTrack {
  return {
    id,
    kind,
    timescale,
    codec: config.codec,
    config: config.record.length > 0 ? sha256Text(config.record) : '',
  };
}
