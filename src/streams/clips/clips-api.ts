/**
 * Clips as the API shows them: who may see what, their media, and the check before a clip is open to more people than its stream.
 * In: requests, the client of each. Out: ClipView, events. docs/3-watch/clips.md.
 */
import { may, type Resource } from '../../accounts/permissions.ts';
import { type ClipAddress, clipPage, printClipAddress } from '../../api/clips/clip-address.ts';
import { type ClipView, clipsPerPage } from '../../api/clips/clip-shapes.ts';
import {
  type ChangedClip,
  type ClipClient,
  type ClipFacts,
  type ClipRequest,
  type ClipsApi,
  clipTokenNameOf,
} from '../../api/clips/clips-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { printSignedPath } from '../../api/signed-path.ts';
import { streamUnknown } from '../../api/stream-name.ts';
import type { EventBus } from '../../cluster/event-bus.ts';
import { type ClipExtent, measureClip } from '../../delivery/clip/clip-extent.ts';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Clip, ClipTable } from '../../recording/clips/clip-table.ts';
import type { Catalog } from '../catalog.ts';
import type { StreamDefinition } from '../definition.ts';

/** Longest clip, ms. */
export const MAX_CLIP_MS = 3_600_000;
/** How far the clock of a client may be ahead, ms. */
const AHEAD_MS = 60_000;
/** Addresses of restricted clips are valid for 12 to 24 hours, and the same for 12: browsers keep the pictures. */
const SIGNED_MS = 12 * 3_600_000;
/** Measured clips that are complete, about 100 bytes each. */
const MAX_MEASURED = 5000;
/** From the least open one on. */
const openness: readonly ClipView['visibility'][] = ['private', 'signed', 'unlisted', 'public'];

/** What the API is made of. */
export interface ClipsApiOptions {
  readonly clips: ClipTable;
  readonly catalog: Pick<Catalog, 'get' | 'find' | 'definitionOf' | 'assertOpen'>;
  readonly clock: Clock;
  readonly events: Pick<EventBus, 'publish'>;
  /** Signs a playback token for a name until an instant, ms since 1970. */
  readonly sign: (name: string, expiresMs: number) => string;
  /** The name of an owner; undefined for owners that are no users, and deleted ones. */
  readonly nameOf: (owner: string) => string | undefined;
}

/** Creates the API. */
export function createClipsApi(options: ClipsApiOptions): ClipsApi {
  const { clips, catalog, clock, events, sign, nameOf } = options;
  const measured = new Map<string, ClipExtent>();

  /** A clip of a stream that this server has. */
  function known(id: string): { readonly clip: Clip; readonly stream: StreamDefinition } | undefined {
    const clip = clips.find(id);
    const stream = clip && catalog.definitionOf(clip.streamId);
    if (clip && !stream) catalog.assertOpen();
    return clip && stream && { clip, stream };
  }

  /** A stream that was removed is not served until it is created again: its clips are then for those who may delete them. */
  const isShown = (clip: Clip, { name }: StreamDefinition, client: ClipClient) =>
    catalog.find(name) !== undefined || may(client, 'change', clip);

  /** The clip, if the client may watch it. */
  function find(id: string, client: ClipClient) {
    const found = known(id);
    const isOpen = found && (client.token !== undefined || may(client, 'watchClip', found.clip));
    if (!isOpen || !isShown(found.clip, found.stream, client)) throw clipUnknown(id);
    return found;
  }

  /** The clip, if the client may change it. */
  function findOwn(id: string, client: ClipClient) {
    const found = find(id, client);
    if (may(client, 'change', found.clip)) return found;
    if (client.owner === '')
      throw new OxbowError('unauthorized', 'Clips are changed by their owner and by administrators.');
    throw new OxbowError('forbidden', 'The clip belongs to another owner.');
  }

  /** Where the clip is in its file; undefined while nothing of it can be read. */
  async function extentOf(clip: Clip, { name }: StreamDefinition): Promise<ClipExtent | undefined> {
    const stream = catalog.find(name);
    const before = measured.get(clip.id);
    if (before || !stream) return before;
    try {
      const extent = await measureClip(stream, clip);
      if (extent.isComplete) {
        measured.set(clip.id, extent);
        dropOldest(measured, MAX_MEASURED);
      }
      return extent;
    } catch (error) {
      if (error instanceof OxbowError) return undefined; // its media was deleted, or a run with other codecs reached into it
      throw error;
    }
  }

  async function viewOf(clip: Clip, stream: StreamDefinition, client: ClipClient): Promise<ClipView> {
    const { id, title, visibility, owner } = clip;
    const durationS = (clip.toUs - clip.fromUs) / 1e6;
    const { startS, endS, bytes } = (await extentOf(clip, stream)) ?? { startS: 0, endS: durationS, bytes: 0 };
    const path = pathOf(clip, client);
    return {
      id,
      stream: stream.name,
      title,
      from: printRfc3339(clip.fromUs / 1000),
      to: printRfc3339(clip.toUs / 1000),
      durationS,
      visibility,
      createdAt: printRfc3339(clip.createdUs / 1000),
      createdBy: nameOf(owner) ?? null,
      url: clipPage(id),
      media: { file: path('clip-file'), startS, endS, preview: path('clip-preview'), sizeBytes: bytes },
      mayChange: may(client, 'change', clip),
    };
  }

  /** Prints paths of a clip's media, with a playback token where the clip is restricted. */
  function pathOf({ id, visibility }: Clip, { token }: ClipClient): (kind: ClipAddress['kind']) => string {
    const print = (kind: ClipAddress['kind']) => printClipAddress({ kind, stream: undefined, clip: id });
    if (!isRestricted(visibility)) return print;
    const expiresMs = (Math.floor(clock.nowMs() / SIGNED_MS) + 2) * SIGNED_MS;
    const own = token ?? sign(clipTokenNameOf(id), expiresMs);
    return (kind) => printSignedPath(own, print(kind));
  }

  /** @throws OxbowError `clip-more-open` unless the request confirms it */
  function openedFrom(
    to: ClipView['visibility'] | undefined,
    confirm: boolean,
    { name, visibility: from }: StreamDefinition,
  ): ChangedClip['openedFrom'] {
    if (to === undefined || !isRestricted(from) || openness.indexOf(to) <= openness.indexOf(from)) return undefined;
    if (!confirm) {
      throw new OxbowError('clip-more-open', `The stream ${name} is ${from}, the clip would be ${to}.`, {
        extra: { streamVisibility: from },
      });
    }
    return from;
  }

  function checkTimes({ fromMs, toMs }: ClipRequest): void {
    if (fromMs >= toMs) throw new OxbowError('bad-time', '`from` must be before `to`.');
    if (toMs > clock.nowMs() + AHEAD_MS) throw new OxbowError('bad-time', 'The time is in the future.');
    if (toMs - fromMs > MAX_CLIP_MS) throw new OxbowError('clip-too-long', 'The clip is longer than an hour.');
  }

  return {
    facts(id): ClipFacts | undefined {
      const found = known(id);
      if (!found || !catalog.find(found.stream.name)) return undefined;
      const { visibility, owner, title, fromUs, toUs, lostUs } = found.clip;
      const times = { fromMs: fromUs / 1000, toMs: toUs / 1000 };
      return { visibility, owner, stream: found.stream.name, title, ...times, isLost: lostUs !== undefined };
    },
    async list({ stream: name, limit, cursor }, client) {
      catalog.assertOpen();
      const page = Math.min(clipsPerPage.most, Number(limit ?? clipsPerPage.usual));
      const after = cursor === undefined ? undefined : readCursor(cursor);
      const found = [];
      for (const clip of clips.newestFirst) {
        if (after && !isOlder(clip, after)) continue;
        const stream = catalog.definitionOf(clip.streamId);
        if (!stream || (name !== undefined && stream.name !== name)) continue;
        if (!may(client, 'listClip', clip) || !isShown(clip, stream, client)) continue;
        found.push({ clip, stream });
        if (found.length > page) break;
      }
      const shown = found.slice(0, page);
      const items = await Promise.all(shown.map(({ clip, stream }) => viewOf(clip, stream, client)));
      return { items, nextCursor: found.length > page ? printCursor(shown.at(-1)!.clip) : null };
    },
    async get(id, client) {
      const { clip, stream } = find(id, client);
      if (clip.lostUs !== undefined) throw clipLost(id);
      return viewOf(clip, stream, client);
    },
    async create(request, client) {
      checkTimes(request);
      const stream = catalog.find(request.stream);
      if (!stream) throw streamUnknown(request.stream);
      const { definition } = stream;
      const opened = openedFrom(request.visibility, request.confirm, definition);
      const clip = await clips.add({
        streamId: definition.id,
        fromUs: request.fromMs * 1000,
        toUs: request.toMs * 1000,
        title: request.title.trim(),
        visibility: request.visibility ?? definition.visibility,
        owner: client.owner,
        // Whole milliseconds: a cursor can be made of what clients see.
        createdUs: Math.round(clock.nowMs()) * 1000,
      });
      // Added first, so that retention does not delete the media during the check.
      try {
        await measureClip(stream, clip);
      } catch (error) {
        await clips.remove(clip.id);
        throw error;
      }
      events.publish('clip.created', dataOf(clip), definition);
      return { view: await viewOf(clip, definition, client), openedFrom: opened };
    },
    async update(id, { title, visibility, confirm = false }, client) {
      const { clip, stream } = findOwn(id, client);
      if (clip.lostUs !== undefined) throw clipLost(id);
      const opened = visibility === clip.visibility ? undefined : openedFrom(visibility, confirm, stream);
      const changed = await clips.change(id, {
        ...(title !== undefined && { title: title.trim() }),
        ...(visibility !== undefined && { visibility }),
      });
      if (!changed) throw clipUnknown(id);
      events.publish('clip.changed', dataOf(changed), stream);
      return { view: await viewOf(changed, stream, client), openedFrom: opened };
    },
    async remove(id, client) {
      const { clip, stream } = findOwn(id, client);
      if (!(await clips.remove(id))) throw clipUnknown(id);
      measured.delete(id);
      events.publish('clip.deleted', dataOf(clip), stream);
    },
  };
}

/** The data of a clip's events. */
export function dataOf({ id, title, visibility, owner }: Clip) {
  return { id, title, visibility, owner };
}

/** The refusal of a clip that does not exist, or that the client may not watch. */
export function clipUnknown(id: string): OxbowError {
  return new OxbowError('clip-unknown', `There is no clip ${id.slice(0, 40)}.`);
}

function clipLost(id: string): OxbowError {
  return new OxbowError('clip-lost', `The media of the clip ${id} had to be deleted.`);
}

function isRestricted(visibility: Resource['visibility']): visibility is 'signed' | 'private' {
  return visibility === 'signed' || visibility === 'private';
}

/** Whether a clip comes after a place in the list, which is newest first. */
function isOlder({ createdUs, id }: Clip, after: Pick<Clip, 'createdUs' | 'id'>): boolean {
  return createdUs < after.createdUs || (createdUs === after.createdUs && id < after.id);
}

function printCursor({ createdUs, id }: Clip): string {
  return `${createdUs}.${id}`;
}

/** @throws OxbowError `bad-request` for an invalid cursor */
function readCursor(cursor: string): Pick<Clip, 'createdUs' | 'id'> {
  const [, at, id] = /^(\d{1,16})\.([\w-]{1,40})$/.exec(cursor) ?? [];
  if (at === undefined || id === undefined) throw new OxbowError('bad-request', 'The cursor is not one of this list.');
  return { createdUs: Number(at), id };
}
