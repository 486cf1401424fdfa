/**
 * The API of clips: access control, and the check before a clip is open to more people than its
 * stream.
 * In: requests, the client of each. Out: views of clips (clip-views), events. docs/4-watch/clips.md.
 */
import { may } from '../../accounts/permissions.ts';
import {
  type ClipList,
  type ClipListQuery,
  type ClipPatch,
  type ClipView,
  clipsPerPage,
} from '../../api/clips/clip-shapes.ts';
import type { ChangedClip, ClipClient, ClipFacts, ClipRequest, ClipsApi } from '../../api/clips/clips-api.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { measureClip } from '../../delivery/clip/clip-extent.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import type { Clip, ClipTable } from './clip-table.ts';
import { ClipViews, type ClipViewsParts, isRestricted } from './clip-views.ts';

/** Longest clip, ms. */
const MAX_CLIP_MS = 3_600_000;
/** How far the clock of a client may be ahead, ms. */
const AHEAD_MS = 60_000;
/** From the least open one on. */
const openness: readonly ClipView['visibility'][] = ['private', 'signed', 'unlisted', 'public'];

/** Dependencies of the API. */
interface ClipsApiParts extends ClipViewsParts {
  readonly clips: ClipTable;
  readonly catalog: Pick<Catalog, 'get' | 'find' | 'definitionOf' | 'assertOpen'>;
  readonly events: Pick<EventBus, 'publish'>;
}

/** The API of clips. */
export class ServedClips implements ClipsApi {
  readonly #parts: ClipsApiParts;
  readonly #views: ClipViews;

  constructor(parts: ClipsApiParts) {
    this.#parts = parts;
    this.#views = new ClipViews(parts);
  }

  /** A clip of a stream that this server has. */
  #entryOf(id: string): { readonly clip: Clip; readonly stream: StreamDefinition } | undefined {
    const clip = this.#parts.clips.find(id);
    const stream = clip && this.#parts.catalog.definitionOf(clip.streamId);
    if (clip && !stream) this.#parts.catalog.assertOpen();
    return clip && stream && { clip, stream };
  }

  /**
   * A stream that was removed is not served until it is created again: its clips are then for those who may
   * delete them.
   */
  #isShown(clip: Clip, { name }: StreamDefinition, client: ClipClient): boolean {
    return this.#parts.catalog.find(name) !== undefined || may(client, 'change', clip);
  }

  /** The clip, if the client may watch it. */
  #find(id: string, client: ClipClient) {
    const entry = this.#entryOf(id);
    const isOpen = entry && (client.token !== undefined || may(client, 'watchClip', entry.clip));
    if (!isOpen || !this.#isShown(entry.clip, entry.stream, client)) throw clipUnknown(id);
    return entry;
  }

  /** The clip, if the client may change it. */
  #findOwn(id: string, client: ClipClient) {
    const entry = this.#find(id, client);
    if (may(client, 'change', entry.clip)) return entry;
    if (client.owner === '')
      throw new OxbowError('unauthorized', 'Clips are changed by their owner and by administrators.');
    throw new OxbowError('forbidden', 'The clip belongs to another owner.');
  }

  #checkTimes({ fromMs, toMs }: ClipRequest): void {
    if (fromMs >= toMs) throw new OxbowError('bad-time', '`from` must be before `to`.');
    if (toMs > this.#parts.clock.nowMs() + AHEAD_MS) throw new OxbowError('bad-time', 'The time is in the future.');
    if (toMs - fromMs > MAX_CLIP_MS) throw new OxbowError('clip-too-long', 'The clip is longer than an hour.');
  }

  facts(id: string): ClipFacts | undefined {
    const entry = this.#entryOf(id);
    if (!entry || !this.#parts.catalog.find(entry.stream.name)) return undefined;
    const { visibility, owner, title, fromUs, toUs, lostUs } = entry.clip;
    const times = { fromMs: fromUs / 1000, toMs: toUs / 1000 };
    return { visibility, owner, stream: entry.stream.name, title, ...times, isLost: lostUs !== undefined };
  }

  async list({ stream: name, limit, cursor }: ClipListQuery, client: ClipClient): Promise<ClipList> {
    this.#parts.catalog.assertOpen();
    const page = Math.min(clipsPerPage.most, Number(limit ?? clipsPerPage.usual));
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const entries = [];
    for (const clip of this.#parts.clips.newestFirst) {
      if (after && !isOlder(clip, after)) continue;
      const stream = this.#parts.catalog.definitionOf(clip.streamId);
      if (!stream || (name !== undefined && stream.name !== name)) continue;
      if (!may(client, 'listClip', clip) || !this.#isShown(clip, stream, client)) continue;
      entries.push({ clip, stream });
      if (entries.length > page) break;
    }
    const shown = entries.slice(0, page);
    const items = await Promise.all(shown.map(({ clip, stream }) => this.#views.of(clip, stream, client)));
    return { items, nextCursor: entries.length > page ? printCursor(shown.at(-1)!.clip) : null };
  }

  async get(id: string, client: ClipClient): Promise<ClipView> {
    const { clip, stream } = this.#find(id, client);
    if (clip.lostUs !== undefined) throw clipLost(id);
    return this.#views.of(clip, stream, client);
  }

  async create(request: ClipRequest, client: ClipClient): Promise<ChangedClip> {
    this.#checkTimes(request);
    const stream = this.#parts.catalog.find(request.stream);
    if (!stream) throw streamUnknown(request.stream);
    const { definition } = stream;
    const opened = openedFrom(request.visibility, request.confirm, definition);
    const clip = await this.#parts.clips.add({
      streamId: definition.id,
      fromUs: request.fromMs * 1000,
      toUs: request.toMs * 1000,
      title: request.title.trim(),
      visibility: request.visibility ?? definition.visibility,
      owner: client.owner,
      // Whole milliseconds: clients can build a cursor from the fields of a clip.
      createdUs: Math.round(this.#parts.clock.nowMs()) * 1000,
    });
    // Added first, so that retention does not delete the media during the check.
    try {
      await measureClip(stream.served, clip);
    } catch (error) {
      await this.#parts.clips.remove(clip.id);
      throw error;
    }
    this.#parts.events.publish('clip.created', dataOf(clip), definition);
    return { view: await this.#views.of(clip, definition, client), openedFrom: opened };
  }

  async update(
    id: string,
    { title, visibility, confirm = false }: ClipPatch,
    client: ClipClient,
  ): Promise<ChangedClip> {
    const { clip, stream } = this.#findOwn(id, client);
    if (clip.lostUs !== undefined) throw clipLost(id);
    const opened = visibility === clip.visibility ? undefined : openedFrom(visibility, confirm, stream);
    const changed = await this.#parts.clips.change(id, {
      ...(title !== undefined && { title: title.trim() }),
      ...(visibility !== undefined && { visibility }),
    });
    if (!changed) throw clipUnknown(id);
    this.#parts.events.publish('clip.changed', dataOf(changed), stream);
    return { view: await this.#views.of(changed, stream, client), openedFrom: opened };
  }

  async remove(id: string, client: ClipClient): Promise<void> {
    const { clip, stream } = this.#findOwn(id, client);
    if (!(await this.#parts.clips.remove(id))) throw clipUnknown(id);
    this.#views.forget(id);
    this.#parts.events.publish('clip.deleted', dataOf(clip), stream);
  }
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

/** The data of a clip's events. */
function dataOf({ id, title, visibility, owner }: Clip) {
  return { id, title, visibility, owner };
}

/** The refusal of a clip that does not exist, or that the client may not watch. */
function clipUnknown(id: string): OxbowError {
  return new OxbowError('clip-unknown', `There is no clip ${id.slice(0, 40)}.`);
}

function clipLost(id: string): OxbowError {
  return new OxbowError('clip-lost', `The media of the clip ${id} had to be deleted.`);
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
