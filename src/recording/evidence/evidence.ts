/**
 * The chains of evidence of all streams of this process.
 * In: recorders. Out: signed blocks, every `evidence.every`; bundles of ranges. docs/5-record/evidence.md.
 */
import type { EvidenceNote } from '@oxbow/media/evidence/block';
import type { EvidenceBundle, SignedBlock } from '@oxbow/media/evidence/bundle';
import type { SegmentGroup } from '@oxbow/media/segment';
import { sleep, waitFor } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { Emitter } from '../../lib/events.ts';
import type { StreamRows } from '../../store/shards/stream-rows.ts';
import { BlockRows } from './block-rows.ts';
import { EarlySeal } from './early-seal.ts';
import type { EvidenceKeys } from './evidence-keys.ts';
import { type HashedGroup, StreamChain } from './stream-chain.ts';

/** Text of the blocks of one bundle, bytes: eleven days of a stream. */
const MAX_BUNDLE_BYTES = 128 * 1024 * 1024;

/** Clips of the last minute cause at most so many blocks of a stream in the time of one. */
const EARLY_BLOCKS = 6;
/** No clip waits longer for its block, ms: where blocks are rare, there are more early ones. */
const MAX_EARLY_MS = 10_000;

/** What a recorder calls. */
export interface EvidenceSink {
  /** A group is on the disk. Never throws. */
  add(group: SegmentGroup): void;
  /** The recorder ends; resolves when its last block is stored, or that has failed. Never rejects. */
  close(): Promise<void>;
}

/** What the chains need. */
export interface EvidenceOptions {
  readonly rows: StreamRows;
  readonly keys: EvidenceKeys;
  readonly clock: Clock;
  readonly settings: Current<{ readonly evidence: { readonly enabled: boolean; readonly every: number } }>;
  /** Stored groups that are hashed after a crash; see `ChainOptions`. */
  readonly unhashed: (streamId: string, fromUs: number, untilUs: number) => Promise<readonly HashedGroup[]>;
  readonly failed: (error: unknown) => void;
}

/** A block that was stored. */
export interface SealedBlock {
  readonly streamId: string;
  readonly seq: number;
  /** base64url. */
  readonly hash: string;
}

/** The blocks and keys of a range, for a file or for a program. */
export type EvidenceRangeBundle = Omit<EvidenceBundle, 'ranges' | 'configs'>;

/** All chains. */
export class Evidence {
  /** Emits each block that was stored. */
  readonly sealed = new Emitter<SealedBlock>();
  readonly #options: EvidenceOptions;
  readonly #rows: BlockRows;
  readonly #chains = new Map<string, StreamChain>();
  readonly #early = new WeakMap<StreamChain, EarlySeal>();
  readonly #closing = new AbortController();

  constructor(options: EvidenceOptions) {
    this.#options = options;
    this.#rows = new BlockRows(options.rows);
  }

  /** Blocks in the store, for anchors. */
  get blocks(): BlockRows {
    return this.#rows;
  }

  /** The sink of a recorder. */
  sinkOf(stream: { readonly id: string; readonly name: string }): EvidenceSink {
    const { failed } = this.#options;
    return {
      add: (group) => this.#add(stream, group),
      close: async () => {
        const chain = this.#chains.get(stream.id);
        this.#chains.delete(stream.id);
        await chain?.seal({ ends: true }).catch(failed);
      },
    };
  }

  /** The sink of media that is filled in later, where a gap was; the chain continues when it ends. */
  healedSinkOf(stream: { readonly id: string; readonly name: string }): EvidenceSink {
    return { add: (group) => this.#add(stream, group, { healed: 1 }), close: async () => undefined };
  }

  /** Adds a group; a segment that cannot be read is reported. */
  #add(
    stream: { readonly id: string; readonly name: string },
    group: SegmentGroup,
    how?: { readonly healed: 1 },
  ): void {
    const { settings, failed } = this.#options;
    if (!settings.now.evidence.enabled) return;
    try {
      this.#chainOf(stream).add(Object.assign({}, group, { run: group.run.id }), how);
    } catch (error) {
      failed(error);
    }
  }

  /**
   * Notes that media is gone: its records stay. A deletion is signed at once: after a crash no one could say
   * why the media is missing.
   */
  note(stream: { readonly id: string; readonly name: string }, note: EvidenceNote): void {
    if (!this.#options.settings.now.evidence.enabled) return;
    const chain = this.#chainOf(stream);
    chain.note(note);
    // `close` waits for it.
    if (note.what === 'erased') void chain.seal().catch(this.#options.failed);
  }

  /** Signs every chain that has something new, each `evidence.every`, until an abort. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { settings, keys, failed } = this.#options;
    while (!signal.aborted) {
      try {
        await sleep(settings.now.evidence.every, { signal });
      } catch {
        return;
      }
      await keys.share().catch(failed);
      for (const chain of [...this.#chains.values()]) {
        if (chain.isDue) await chain.seal().catch(failed);
      }
    }
  }

  /** Signs what waits of a stream. @throws as `StreamChain.seal` */
  async seal(streamId: string): Promise<void> {
    await this.#chains.get(streamId)?.seal();
  }

  /**
   * The blocks with the media of ranges, and the keys. All that waits is signed first.
   *
   * @param ranges µs since 1970
   * @returns undefined if there is no block, or there are too many
   */
  async bundle(
    stream: { readonly id: string; readonly name: string },
    ranges: readonly { readonly fromUs: number; readonly toUs: number }[],
  ): Promise<EvidenceRangeBundle | undefined> {
    await this.seal(stream.id);
    return this.#bundle(stream, ranges);
  }

  /**
   * Resolves when what waits of a stream before an instant is signed: for files that anyone may request, so
   * that it may wait, and all that wait share a block. A block that cannot be stored is reported.
   *
   * @param untilUs µs since 1970
   * @param options.signal ends the wait, not the block
   * @returns end of the recorded media that is signed, µs since 1970; Infinity where no bound is known
   */
  async signUntil(streamId: string, untilUs: number, { signal }: { readonly signal: AbortSignal }): Promise<number> {
    const { settings } = this.#options;
    const chain = this.#chains.get(streamId);
    if (!chain || !settings.now.evidence.enabled) return Number.POSITIVE_INFINITY;
    if (!chain.waitsFor(untilUs)) return chain.addedUs ?? Number.POSITIVE_INFINITY;
    // It rejects only while this process closes.
    const sealed = this.#earlyOf(chain)
      .next(untilUs)
      .catch(() => Number.POSITIVE_INFINITY);
    return waitFor(sealed, { signal });
  }

  #earlyOf(chain: StreamChain): EarlySeal {
    const known = this.#early.get(chain);
    if (known) return known;
    const { settings, clock, failed } = this.#options;
    const early = new EarlySeal({
      async seal(untilUs) {
        const endUs = chain.addedUs ?? Number.POSITIVE_INFINITY;
        if (!chain.waitsFor(untilUs)) return endUs;
        try {
          await chain.seal();
          return endUs;
        } catch (error) {
          failed(error); // once for all that wait
          return Number.POSITIVE_INFINITY;
        }
      },
      everyMs: () => Math.min(MAX_EARLY_MS, settings.now.evidence.every / EARLY_BLOCKS),
      monotonicMs: () => clock.monotonicMs(),
      signal: this.#closing.signal,
    });
    this.#early.set(chain, early);
    return early;
  }

  /** As `bundle`, of what is signed already: see `signUntil`. */
  bundleOf(
    stream: { readonly id: string; readonly name: string },
    range: { readonly fromUs: number; readonly toUs: number },
  ): Promise<EvidenceRangeBundle | undefined> {
    return this.#bundle(stream, [range]);
  }

  async #bundle(
    stream: { readonly id: string; readonly name: string },
    ranges: readonly { readonly fromUs: number; readonly toUs: number }[],
  ): Promise<EvidenceRangeBundle | undefined> {
    const blocks = new Map<number, SignedBlock>();
    let bytes = 0;
    for (const { fromUs, toUs } of ranges) {
      for await (const { seq, text, signature, anchors } of this.#rows.between(stream.id, fromUs, toUs)) {
        if (!blocks.has(seq)) bytes += text.length;
        if (bytes > MAX_BUNDLE_BYTES) return undefined;
        blocks.set(seq, { text, signature, anchors });
      }
    }
    if (blocks.size === 0) return undefined;
    const ordered = [...blocks].sort(([a], [b]) => a - b).map(([, block]) => block);
    return { v: 1, stream: stream.id, name: stream.name, keys: await this.#options.keys.all(), blocks: ordered };
  }

  /** Id of the key that signs. */
  get keyId(): string {
    return this.#options.keys.id;
  }

  /** The public keys of this server, and of the nodes of its cluster. */
  publicKeys(): ReturnType<EvidenceKeys['all']> {
    return this.#options.keys.all();
  }

  /** Now, µs since 1970. */
  get nowUs(): number {
    return Math.round(this.#options.clock.nowMs() * 1000);
  }

  /** The signature of this server over a context and bytes, and its key. */
  sign(context: string, bytes: Uint8Array): { readonly key: string; readonly signature: string } {
    const { keys } = this.#options;
    return { key: keys.id, signature: keys.sign(context, bytes) };
  }

  /** Signs all that waits; this process writes no more. Never rejects. */
  async close(): Promise<void> {
    this.#closing.abort();
    const chains = [...this.#chains.values()];
    this.#chains.clear();
    for (const chain of chains) await chain.seal({ ends: true }).catch(this.#options.failed);
  }

  #chainOf(stream: { readonly id: string; readonly name: string }): StreamChain {
    const known = this.#chains.get(stream.id);
    if (known) return known;
    const { keys, clock, unhashed } = this.#options;
    const chain = new StreamChain({
      stream,
      rows: this.#rows,
      keys,
      nowMs: () => clock.nowMs(),
      unhashed: (fromUs, untilUs) => unhashed(stream.id, fromUs, untilUs),
      sealed: ({ block, hash }) => this.sealed.emit({ streamId: stream.id, seq: block.seq, hash }),
    });
    this.#chains.set(stream.id, chain);
    return chain;
  }
}
