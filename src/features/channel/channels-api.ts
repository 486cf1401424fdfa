/**
 * The API of channels: schedules, and what interrupts them.
 * In: requests of administrators that HTTP has checked. Out: views, changes of the table.
 * docs/3-publish/channel.md.
 */
import type { WatchRuleLists } from '../../api/access/watch-rules-shapes.ts';
import type {
  ChannelAiring,
  ChannelItemPatch,
  ChannelItemView,
  ChannelLive,
  ChannelPatch,
  ChannelView,
  NewChannelItem,
} from '../../api/channel/channel-shapes.ts';
import { MAX_CHANNEL_ITEMS } from '../../api/channel/channel-shapes.ts';
import type { ClipFinder } from '../../api/clips/clips-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { openTimeZone } from '../../api/local-time.ts';
import type { RoomReading } from '../../api/room/room-reading.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import { readInstant } from '../../http/route/instant-field.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Store } from '../../store/db.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import { reaches, type ShownStreams } from '../../streams/source/shown-streams.ts';
import { readNames, readStreamId, readStreamName } from '../../streams/stream-table.ts';
import type { Channel, ChannelChange, ChannelTable } from './channel-table.ts';
import type { RunningChannels } from './channels.ts';
import { watchedStream } from './following/item-media.ts';
import type { ItemStates } from './item-states.ts';
import { refusalOfRoom } from './plan/followed-rights.ts';
import { type ChannelItem, overlapOf } from './plan/schedule.ts';

/** An interruption ends after this, unless it is set, seconds. */
const LIVE_S = 4 * 3600;
/** Longest range of a guide, ms: IPTV players get 14 days, the hour that began before, and a day ahead. */
const MAX_GUIDE_MS = 16 * 24 * 3_600_000;

/** Checks If-Match against the revision of a channel. @throws OxbowError `precondition-failed` */
export type ChannelCondition = (revision: string) => void;

/** A channel, and its ETag. */
export interface ShownChannel {
  readonly view: ChannelView;
  readonly revision: string;
}

/** Dependencies of the API. */
interface ChannelsApiParts {
  readonly table: ChannelTable;
  readonly running: RunningChannels;
  readonly states: ItemStates;
  readonly catalog: Pick<Catalog, 'get'>;
  readonly clips: () => Pick<ClipFinder, 'stored'>;
  readonly rooms: () => RoomReading;
  /** The setting `watchRules`. */
  readonly watchRules: () => WatchRuleLists;
  readonly store: Store;
  readonly events: Pick<EventBus, 'publish'>;
  readonly clock: Clock;
  /** What streams show live, by feature. */
  readonly shown: ReadonlySet<ShownStreams>;
}

/** Reads and changes the channels whose streams this process has. */
export class ChannelsApi {
  readonly #parts: ChannelsApiParts;

  constructor(parts: ChannelsApiParts) {
    this.#parts = parts;
  }

  /** @throws OxbowError `stream-unknown`, `not-a-channel` */
  async get(name: string): Promise<ShownChannel> {
    return this.#shown(this.#definition(name));
  }

  /** @throws OxbowError as `get`; `bad-time-zone`, `stream-unknown`, `channel-room`, `precondition-failed` */
  async update(name: string, patch: ChannelPatch, condition: ChannelCondition): Promise<ShownChannel> {
    const { timeZone, fillFrom, room } = patch;
    if (typeof room === 'string') await this.#checkRoom(this.#definition(name), room);
    const zone = timeZone === undefined ? undefined : openTimeZone(timeZone).name;
    const ids = fillFrom && (await Promise.all(fillFrom.map((stream) => this.#streamId(stream, 'fillFrom'))));
    return this.#change(name, condition, () => ({
      ...(zone !== undefined && { zone }),
      ...(ids && { fillFrom: [...new Set(ids)] }),
      ...(room !== undefined && { room }),
    }));
  }

  /**
   * @throws OxbowError as `get`; `channel-source`, `channel-overlap`, `limit-reached`,
   *   `precondition-failed`
   */
  async addItem(name: string, body: NewChannelItem, condition: ChannelCondition): Promise<ShownChannel> {
    const { id: streamId } = this.#definition(name);
    const { kind, start, seconds, weekly = false } = body;
    const { ref, title } = await this.#sourceOf(streamId, body);
    const item = {
      kind,
      ref,
      title: (body.title?.trim() || title).slice(0, 200),
      startMs: readStart(start),
      durationMs: Math.round(seconds * 1000),
      weekly,
      mediaMs: mediaMsOf(kind, body),
    };
    return this.#change(name, condition, ({ items }) => {
      if (items.length >= MAX_CHANNEL_ITEMS)
        throw new OxbowError('limit-reached', `This channel has ${MAX_CHANNEL_ITEMS} items already.`);
      assertFree(item, items);
      return { added: item };
    });
  }

  /** @throws OxbowError as `addItem`; `channel-item-unknown` */
  async changeItem(
    name: string,
    id: string,
    patch: ChannelItemPatch,
    condition: ChannelCondition,
  ): Promise<ShownChannel> {
    return this.#change(name, condition, ({ items }) => {
      const item = itemOf(items, id);
      const { title, start, seconds, weekly, offset, from } = patch;
      const changed: ChannelItem = {
        ...item,
        title: title?.trim() || item.title,
        startMs: start === undefined ? item.startMs : readStart(start),
        durationMs: seconds === undefined ? item.durationMs : Math.round(seconds * 1000),
        weekly: weekly ?? item.weekly,
        mediaMs: offset === undefined && from === undefined ? item.mediaMs : mediaMsOf(item.kind, patch),
      };
      assertFree(
        changed,
        items.filter((other) => other !== item),
      );
      return { changed };
    });
  }

  /** @throws OxbowError as `get`; `channel-item-unknown`, `precondition-failed` */
  async removeItem(name: string, id: string, condition: ChannelCondition): Promise<void> {
    await this.#change(name, condition, ({ items }) => ({ removed: itemOf(items, id).id }));
  }

  /** Shows a live stream now. @throws OxbowError as `get`; `stream-unknown`, `channel-source` */
  async goLive(name: string, { stream, seconds = LIVE_S }: ChannelLive): Promise<ShownChannel> {
    const own = this.#definition(name);
    const streamId = await this.#streamId(stream, 'stream');
    this.#assertNoCircle(own.id, streamId, stream);
    await this.#parts.running.knowLive(streamId);
    const untilMs = Math.round(this.#parts.clock.nowMs() + seconds * 1000);
    return this.#change(
      name,
      () => {},
      () => ({ interruption: { streamId, untilMs } }),
    );
  }

  /** Returns to the schedule; does nothing if it is not interrupted. @throws OxbowError as `get` */
  async endLive(name: string): Promise<void> {
    const { id } = this.#definition(name);
    if (!this.#parts.table.of(id).interruption) return;
    await this.#change(
      name,
      () => {},
      () => ({ interruption: null }),
    );
  }

  /** What is shown in [fromMs, toMs), at most 16 days. @throws OxbowError as `get`; `bad-time` */
  guide(name: string, fromMs: number, toMs: number): ChannelAiring[] {
    const channel = this.#parts.table.of(this.#definition(name).id);
    if (toMs <= fromMs || toMs - fromMs > MAX_GUIDE_MS)
      throw new OxbowError('bad-time', 'A guide is of more than 0 and at most 16 days.');
    const { running } = this.#parts;
    if (channel.room !== undefined) {
      const programmes = running.programmes(name, fromMs, toMs) ?? [];
      return programmes.map(({ title, fromMs: beginMs, toMs: endMs }) => {
        return { item: 'room', title, from: printRfc3339(beginMs), to: printRfc3339(endMs) };
      });
    }
    return running
      .scheduleOf(channel)
      .between(fromMs, toMs)
      .map(({ item, fromMs: beginMs, toMs: endMs }) => {
        return { item: item.id, title: item.title, from: printRfc3339(beginMs), to: printRfc3339(endMs) };
      });
  }

  async #change(
    name: string,
    condition: ChannelCondition,
    decide: (now: Channel) => ChannelChange,
  ): Promise<ShownChannel> {
    const definition = this.#definition(name);
    await this.#parts.table.change(definition.id, (now) => {
      condition(String(now.revision));
      return decide(now);
    });
    this.#parts.events.publish('channel.changed', {}, definition);
    return this.#shown(definition);
  }

  async #shown(definition: StreamDefinition): Promise<ShownChannel> {
    const { table, running, states, rooms, store, clock } = this.#parts;
    const channel = table.of(definition.id);
    const names = await readNames(store.db);
    const nameOf = (id: string) => names.get(id) ?? '';
    const plan = running.planOf(definition.id);
    const { interruption } = channel;
    const nowMs = clock.nowMs();
    const stateOf = await states.of(running.scheduleOf(channel), nowMs, (id) => names.has(id));
    const onAir = plan?.onAir;
    const room = channel.room === undefined ? undefined : await rooms().read(channel.room);
    const view: ChannelView = {
      stream: definition.name,
      timeZone: channel.zone,
      fillFrom: channel.fillFrom.map(nameOf).filter((stream) => stream !== ''),
      items: channel.items.map((item) => viewOf(item, nameOf, stateOf(item))),
      onAir: onAir
        ? {
            kind: onAir.stretch.kind,
            item: onAir.stretch.item?.id ?? null,
            title: onAir.stretch.title,
            since: printRfc3339(onAir.sinceMs),
            why: onAir.stretch.why,
          }
        : null,
      live:
        interruption && interruption.untilMs > nowMs
          ? { stream: nameOf(interruption.streamId), until: printRfc3339(interruption.untilMs) }
          : null,
      room: room ? { id: room.id, name: room.name } : null,
      skipped: (plan?.skips ?? []).map(({ atMs, itemId, title, reason }) => {
        return { at: printRfc3339(atMs), item: itemId ?? null, title, reason };
      }),
    };
    return { view, revision: String(channel.revision) };
  }

  #definition(name: string): StreamDefinition {
    const { definition } = this.#parts.catalog.get(name);
    if (definition.source.type === 'channel') return definition;
    throw new OxbowError('not-a-channel', `The source of ${name} is of type ${definition.source.type}, not channel.`);
  }

  /** @throws OxbowError `channel-room` for a room that the channel cannot follow */
  async #checkRoom(definition: StreamDefinition, id: string): Promise<void> {
    const room = await this.#parts.rooms().read(id);
    if (!room) throw new OxbowError('channel-room', `\`room\`: there is no room with the id "${id}".`);
    const refusal = refusalOfRoom(watchedStream(definition, this.#parts.watchRules()), room);
    if (refusal !== undefined) throw new OxbowError('channel-room', refusal);
  }

  /** What an item refers to, and the title that it gets without one. */
  async #sourceOf(
    own: string,
    { kind, ref }: Pick<NewChannelItem, 'kind' | 'ref'>,
  ): Promise<{ readonly ref: string; readonly title: string }> {
    if (kind === 'asset') {
      const asset = await this.#parts.states.asset(ref);
      if (!asset || asset.isDeleted) throw new OxbowError('channel-source', `There is no asset ${ref}.`);
      return { ref, title: asset.title };
    }
    if (kind === 'clip') {
      const clip = this.#parts.clips().stored(ref);
      const stream = clip && (await readStreamName(this.#parts.store.db, clip.streamId));
      if (!clip || stream === undefined) throw new OxbowError('channel-source', `There is no clip ${ref}.`);
      return { ref, title: clip.title || stream };
    }
    const streamId = await this.#streamId(ref, 'ref');
    if (kind === 'live') this.#assertNoCircle(own, streamId, ref);
    return { ref: streamId, title: ref };
  }

  /** Streams that show each other live, on any day, could send the same frames round and round. */
  #assertNoCircle(own: string, shown: string, name: string): void {
    if (shown === own) throw new OxbowError('channel-source', `The channel ${name} cannot show itself.`);
    if (reaches(shown, own, this.#parts.shown))
      throw new OxbowError(
        'channel-source',
        `The stream ${name} shows this channel live, itself or by another stream.`,
      );
  }

  async #streamId(name: string, field: string): Promise<string> {
    const id = await readStreamId(this.#parts.store.db, name);
    if (id === undefined) throw new OxbowError('channel-source', `\`${field}\`: there is no stream "${name}".`);
    return id;
  }
}

function itemOf(items: readonly ChannelItem[], id: string): ChannelItem {
  const item = items.find((each) => each.id === id);
  if (!item) throw new OxbowError('channel-item-unknown', `The channel has no item ${id}.`);
  return item;
}

/** A local time, read as if it were UTC, ms. */
function readStart(text: string): number {
  const ms = Date.parse(`${text}Z`);
  if (ms >= 0 && new Date(ms).toISOString().startsWith(text)) return ms;
  throw new OxbowError('bad-time', `\`start\` (${text}) is no local time from 1970 on, such as 2026-11-30T20:15:00.`);
}

function mediaMsOf(kind: ChannelItem['kind'], { offset, from }: Pick<ChannelItemPatch, 'offset' | 'from'>): number {
  if (kind === 'live') return 0;
  if (kind !== 'recording') return Math.round((offset ?? 0) * 1000);
  if (from === undefined) throw new OxbowError('bad-request', 'An item of a recording needs `from`.');
  return readInstant('from', from);
}

function assertFree(item: Omit<ChannelItem, 'id'>, others: readonly ChannelItem[]): void {
  const other = overlapOf(item, others);
  if (!other) return;
  const start = printLocal(other.startMs);
  throw new OxbowError('channel-overlap', `"${other.title}" (${other.id}) is there: it begins at ${start}.`);
}

function printLocal(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}

function viewOf(
  { id, kind, ref, title, startMs, durationMs, weekly, mediaMs }: ChannelItem,
  nameOf: (streamId: string) => string,
  state: ChannelItemView['state'],
): ChannelItemView {
  const isStream = kind === 'recording' || kind === 'live';
  return {
    id,
    kind,
    ref: isStream ? nameOf(ref) || ref : ref,
    title,
    start: printLocal(startMs),
    seconds: durationMs / 1000,
    weekly,
    offset: isStream ? null : mediaMs / 1000,
    from: kind === 'recording' ? printRfc3339(mediaMs) : null,
    state,
  };
}
