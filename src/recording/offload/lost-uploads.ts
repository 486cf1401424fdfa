/**
 * Discards uploads in parts of known streams and assets that no database knows: of a process that ended
 * between the begin of one and its note. Those of others stay, also of a server with the same streams, as one
 * that was restored from a backup: each server that looks notes in the target that it is there, and of what.
 * In: a target, the intents to upload. Out: uploads that are gone. docs/9-run/object-storage.md.
 */
import { type ObjectClient, ObjectError, type OpenUpload } from '../../archive/objects/object-client.ts';
import type { ObjectUploads } from '../../archive/objects/object-uploads.ts';
import { parseKey } from '../../archive/objects/upload-object.ts';

/** An upload in parts that is older, and that no database knows, is discarded, ms. */
const OPEN_UPLOAD_MS = 24 * 3600_000;
/** Open uploads that one look reads, and discards; the next look continues behind them. */
const MAX_OPEN_UPLOADS = 5_000;
const DISCARDED = 100;
/** Notes of other servers that are read. */
const MAX_SERVERS = 50;
/** Streams and assets that a note names; with more of them it says `null`: any may be. */
const MAX_NAMED = 2_000;
/** More than a note has, bytes. */
const MAX_NOTE_BYTES = 256 * 1024;
/** Notes are written and read once in this time, ms. */
const MEET_EVERY_MS = 50 * 60_000;
/** Readings in which the note of another server is the same, after which the server is taken for lost. */
const SILENT = 3;
/** The note of such a server is deleted when it is as old as this, ms. */
const GONE_MS = 7 * 24 * 3600_000;

interface LostUploadsOptions {
  readonly uploads: Pick<ObjectUploads, 'ownOf' | 'ownIds' | 'knownIds' | 'idOf'>;
  /** Of the target, may be empty. */
  readonly prefix: string;
  /** Names this server, or its cluster. */
  readonly server: string;
  /** See `ServerName`. */
  readonly run?: string | undefined;
  readonly nowMs: () => number;
}

/** What another server has noted. */
interface OtherServer {
  readonly text: string;
  readonly looks: number;
  /** Ids of its streams and assets; undefined: any. */
  readonly ids: ReadonlySet<string> | undefined;
}

/** The lost uploads of one target. */
export class LostUploads {
  readonly #options: LostUploadsOptions;
  #others: ReadonlyMap<string, OtherServer> = new Map();
  #metMs = Number.NEGATIVE_INFINITY;
  /** The last upload that was looked at; undefined: the list begins. */
  #after: OpenUpload | undefined;

  constructor(options: LostUploadsOptions) {
    this.#options = options;
  }

  /**
   * Looks at the next open uploads, and discards those that are lost.
   *
   * @returns whether the look has come to the end of the list
   * @throws ObjectError if the target fails; OxbowError `not-ready` if a database does not respond
   */
  async look(client: ObjectClient, { signal }: { readonly signal: AbortSignal }): Promise<boolean> {
    if (!client.openUploads) return true;
    const { prefix, uploads, nowMs } = this.#options;
    const now = nowMs();
    // Also if the clock was set back.
    if (Math.abs(now - this.#metMs) >= MEET_EVERY_MS) {
      await this.#meet(client, signal);
      this.#metMs = now;
    }
    const untilMs = now - OPEN_UPLOAD_MS;
    const old: (OpenUpload & { readonly location: string })[] = [];
    const after = this.#after;
    let looked = 0;
    let last: OpenUpload | undefined;
    for await (const upload of client.openUploads(prefix, { signal, after })) {
      last = upload;
      const location = upload.startedMs < untilMs ? parseKey(prefix, upload.key)?.location : undefined;
      if (location !== undefined) old.push(Object.assign({ location }, upload));
      if (++looked === MAX_OPEN_UPLOADS) break;
    }
    const isEnd = looked < MAX_OPEN_UPLOADS;
    const lost = old.length === 0 ? [] : await this.#lostOf(old, uploads);
    for (const { key, uploadId } of lost.slice(0, DISCARDED)) {
      await client.abandon(key, { uploadId, partBytes: 0, parts: [] }, { signal });
    }
    // What is left of these is looked at again.
    if (lost.length > DISCARDED) return false;
    this.#after = isEnd ? undefined : last;
    return isEnd;
  }

  async #lostOf<T extends OpenUpload & { readonly location: string }>(
    old: readonly T[],
    uploads: LostUploadsOptions['uploads'],
  ): Promise<T[]> {
    const own = await uploads.ownOf(old.map(({ location }) => location));
    const known = await uploads.knownIds();
    const others = [...this.#others.values()].filter(({ looks }) => looks < SILENT);
    const isShared = (location: string) => others.some(({ ids }) => !ids || ids.has(uploads.idOf(location)));
    return old.filter(({ uploadId, location }) => own.has(location) && !known.has(uploadId) && !isShared(location));
  }

  /** Notes that this server is there, and reads the notes of others. */
  async #meet(client: ObjectClient, signal: AbortSignal): Promise<void> {
    const { server, run, uploads, prefix, nowMs } = this.#options;
    const folder = prefix === '' ? 'upload-servers/' : `${prefix}/upload-servers/`;
    const own = `${folder}${server}.json`;
    const ids = await uploads.ownIds(MAX_NAMED);
    const text = JSON.stringify({ at: nowMs(), ids: ids ?? null, ...(run !== undefined && { run }) });
    const others = new Map<string, OtherServer>();
    // The process before this one has noted the same name; so does a server with a copy of this data folder.
    const copy = run === undefined ? undefined : await this.#noteAt(client, own, signal);
    const isOther = copy !== undefined && runOf(copy.text) !== undefined && runOf(copy.text) !== run;
    if (isOther) others.set(own, { ...copy, looks: 0 });
    else if (this.#others.has(own)) others.set(own, later(this.#others.get(own)!));
    const note = Buffer.from(text);
    const read = async (at: number, length: number) => note.subarray(at, at + length);
    await client.put(own, { size: note.length, read }, { signal, hasChecksum: true });
    for await (const { key } of client.list(folder, { signal })) {
      if (key === own) continue;
      const found = await this.#noteAt(client, key, signal);
      if (!found) continue;
      const before = this.#others.get(key);
      const other = before?.text === found.text ? later(before) : found;
      const isGone = other.looks >= SILENT && nowMs() - atOf(other.text) > GONE_MS;
      if (isGone && (await removed(client, key, signal))) continue;
      others.set(key, other);
      if (others.size < MAX_SERVERS) continue;
      // More than any bucket has: nothing is certain.
      others.set('', { text: '', looks: 0, ids: undefined });
      break;
    }
    this.#others = others;
  }

  /** A note as it is now. */
  async #noteAt(client: ObjectClient, key: string, signal: AbortSignal): Promise<OtherServer | undefined> {
    const bytes = await client.read(key, { offset: 0, length: MAX_NOTE_BYTES }, { signal });
    if (!bytes) return undefined;
    const text = Buffer.from(bytes).toString();
    return { text, looks: 0, ids: idsOf(text) };
  }
}

const later = (other: OtherServer): OtherServer => ({ ...other, looks: other.looks + 1 });

/** Deletes a note. False if the target refuses that: its note stays, and the server counts as lost. */
async function removed(client: ObjectClient, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.delete(key, { signal });
    return true;
  } catch (error) {
    if (error instanceof ObjectError) return false;
    throw error;
  }
}

/** The process that wrote a note; undefined if it does not say. */
function runOf(text: string): string | undefined {
  const { run } = noteOf(text);
  return typeof run === 'string' ? run : undefined;
}

/** When a note was written, ms since 1970; now and later where it does not say: it stays. */
function atOf(text: string): number {
  const { at } = noteOf(text);
  return typeof at === 'number' ? at : Number.POSITIVE_INFINITY;
}

function noteOf(text: string): { readonly at?: unknown; readonly ids?: unknown; readonly run?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}

function idsOf(text: string): ReadonlySet<string> | undefined {
  const { ids } = noteOf(text);
  return Array.isArray(ids) ? new Set(ids.map(String)) : undefined;
}
