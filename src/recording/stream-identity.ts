/**
 * Stores the identity of a stream with its recording, so that a lost database can be rebuilt with stream
 * names.
 * In: id, name and creation time of a stream. Out: `stream.json` of its recording.
 */
import { identityLocation, listRecordings } from '../archive/recording-locations.ts';
import { type Abortable, isMissing, type SegmentStore } from '../archive/segment-store.ts';

/** The stream that a recording belongs to. */
interface Identity {
  readonly id: string;
  readonly name: string;
  /** µs since 1970. */
  readonly createdUs: number;
}

/** oxbow writes no longer file. */
const MAX_BYTES = 64 * 1024;

/** Stores the identity of a recording, unless it is stored already. */
export async function writeIdentity(segments: SegmentStore, identity: Identity, options?: Abortable): Promise<void> {
  const text = `${JSON.stringify(identity, undefined, 2)}\n`;
  const stored = await readText(segments, identity.id).catch(() => undefined); // an unreadable file is replaced
  if (stored !== text) await segments.put(identityLocation(identity.id), Buffer.from(text), options);
}

/** The identities of all recordings; recordings without a readable one are left out. */
export async function readIdentities(segments: SegmentStore): Promise<Identity[]> {
  const identities: Identity[] = [];
  for (const id of await listRecordings(segments)) {
    try {
      const parsed: unknown = JSON.parse(await readText(segments, id));
      if (isIdentity(parsed) && parsed.id === id) identities.push(parsed);
    } catch (error) {
      if (!(error instanceof SyntaxError) && !isMissing(error)) throw error;
    }
  }
  return identities;
}

async function readText(segments: SegmentStore, streamId: string): Promise<string> {
  const bytes = await segments.read(identityLocation(streamId), { offset: 0, length: MAX_BYTES });
  return new TextDecoder().decode(bytes);
}

function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name, createdUs } = value as Partial<Identity>;
  return typeof id === 'string' && typeof name === 'string' && Number.isSafeInteger(createdUs);
}
