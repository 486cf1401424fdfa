/**
 * Rewritten playlists and manifests for a moment, so that a room of many players fetches each once.
 * In: text as it is fetched. Out: the same text for everyone, while it is fresh. Bounded.
 */
import { dropOldest } from '../../../lib/drop-oldest.ts';

/** A rewritten manifest. */
interface Manifest {
  readonly text: string;
  readonly contentType: string;
}

interface Entry {
  readonly manifest: Promise<Manifest>;
  freshUntilMs: number;
  /** Characters; 0 until it is here. */
  length: number;
}

/** Of a live manifest, ms: less than the shortest usual segment. */
const LIVE_MS = 900;
/** Of a manifest that does not change, ms. */
const COMPLETE_MS = 60_000;
const MAX_ENTRIES = 200;
/** Characters of all; the newest is kept at any length. */
const MAX_CHARACTERS = 64 * 1024 * 1024;
/** The MPD element is within the first characters of a manifest. */
const MAX_HEAD = 64 * 1024;
const STATIC_MPD = /<(?:\w+:)?MPD\s(?:[^<>]*\s)?type=["']static["']/;

export class ManifestCache {
  readonly #nowMs: () => number;
  readonly #entries = new Map<string, Entry>();

  /** @param nowMs a clock that never steps, ms */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A fresh manifest, or one that is being fetched. */
  get(key: string): Promise<Manifest> | undefined {
    const entry = this.#entries.get(key);
    return entry && this.#nowMs() < entry.freshUntilMs ? entry.manifest : undefined;
  }

  /** Fetches a manifest, for everyone who requests it meanwhile. A failure is not kept. */
  put(key: string, fetch: () => Promise<Manifest>): Promise<Manifest> {
    const entry: Entry = { manifest: fetch(), freshUntilMs: Number.POSITIVE_INFINITY, length: 0 };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    dropOldest(this.#entries, MAX_ENTRIES);
    entry.manifest.then(
      ({ text }) => {
        const isComplete = text.includes('#EXT-X-ENDLIST') || STATIC_MPD.test(text.slice(0, MAX_HEAD));
        entry.freshUntilMs = this.#nowMs() + (isComplete ? COMPLETE_MS : LIVE_MS);
        entry.length = text.length;
        this.#dropOldest(entry);
      },
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    return entry.manifest;
  }

  /** Drops the oldest until all together are short enough. */
  #dropOldest(newest: Entry): void {
    let sum = 0;
    for (const { length } of this.#entries.values()) sum += length;
    for (const [key, entry] of this.#entries) {
      if (sum <= MAX_CHARACTERS) return;
      if (entry === newest || entry.length === 0) continue;
      sum -= entry.length;
      this.#entries.delete(key);
    }
  }
}
