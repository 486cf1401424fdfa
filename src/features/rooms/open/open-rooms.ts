/**
 * Opens rooms over the streams and assets of this server.
 * In: the context, store, streams, library, access; in a cluster, the owners of rooms. Out: Rooms.
 */
import { may } from '../../../accounts/permissions.ts';
import { administrator, type Principal, principalOfUser } from '../../../accounts/principal.ts';
import { administrator as administratorRef, refOf, type UserRef } from '../../../accounts/users/user.ts';
import { printAssetAddress } from '../../../api/library/asset-address.ts';
import { tokenNameOf } from '../../../api/library/assets-api.ts';
import { printMediaAddress } from '../../../api/media-address.ts';
import type { ItemTarget } from '../../../api/room/item-shapes.ts';
import { printSignedPath } from '../../../api/signed-path.ts';
import { streamUnknown } from '../../../api/stream-name.ts';
import { sleep } from '../../../lib/abort.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { unknownAsset } from '../../../library/assets.ts';
import type { StreamDefinition } from '../../../streams/definition.ts';
import { createStreamTimeline, type StreamTimeline } from '../../../streams/timeline/stream-timeline.ts';
import type { Accounts, AppContext } from '../../core.ts';
import type { CoreParts } from '../../feature.ts';
import type { Chats } from '../chat/chats.ts';
import type { StreamsElsewhere } from '../cluster/streams-elsewhere.ts';
import { createFramedConnections } from '../live/framed-connections.ts';
import type { RoomParts } from '../parts.ts';
import { addressExpiry } from '../playlist/address-expiry.ts';
import type { RoomItemMedia, RoomMedia } from '../room-media.ts';
import { Rooms } from '../rooms.ts';
import { exportRoomsOf } from '../stored/room-export.ts';
import { RoomTables } from '../stored/room-tables.ts';
import { createCallParts } from './calls.ts';

/** Rooms are moved this often, ms. */
const TICK_MS = 50;
/** Expired rooms are looked for this often, ms. */
const SWEEP_MS = 60_000;

/** Media of rooms that is not of this node. */
interface MediaElsewhere extends Pick<RoomParts, 'mediaServers'> {
  /** Undefined without a cluster. */
  readonly streamsElsewhere: StreamsElsewhere | undefined;
}

export function openRooms(
  context: AppContext,
  parts: CoreParts,
  { chats, ...elsewhere }: Pick<RoomParts, 'chats'> & MediaElsewhere,
): Rooms {
  const { settings, clock, opened, metrics, shutdown, log, failed } = context;
  const { placement } = parts;
  const rooms = new Rooms({
    placement,
    onMoved(room, how) {
      metrics.roomsMoved.inc({ how });
      log.info({ room, how }, 'a room has another node now');
    },
    tables: new RoomTables(parts.store.db, placement.node),
    media: createRoomMedia(
      parts,
      elsewhere,
      () => clock.nowMs(),
      (user) => principalOf(user, parts.accounts, settings),
    ),
    openChat: (room) => chats.open(room),
    createConnections: () => createFramedConnections((message) => metrics.roomMessagesOut.inc({ type: message.t })),
    clock,
    events: parts.bus,
    settings: () => settings.now.rooms,
    permissionCounts: {
      hit: () => metrics.roomPermissionAnswers.inc({ result: 'hit' }),
      miss: () => metrics.roomPermissionAnswers.inc({ result: 'miss' }),
    },
    failed: failed('a room'),
    calls: createCallParts(context, parts.webrtc),
  });
  const { signal } = shutdown;
  opened.use(shutdown.owns(run(rooms, () => parts.catalog.isOpen, signal)));
  opened.use(shutdown.owns(sweep(rooms, signal, failed('the expiry of rooms'))));
  opened.defer(() => rooms.close());
  const { users, exporters } = parts.accounts.access;
  exporters.add('rooms', (id) => exportRoomsOf(parts.store.db, id));
  // Their connections end first: what they write in the last moment is anonymized too.
  users.onDeleted(async (id, role) => {
    const known = await rooms.forgetUser(id);
    // Guests expire by the hundred: for them not all messages of the server are searched.
    await chats.anonymize(id, role === 'guest' ? known : undefined);
  });
  users.onMerged(async (guest, user) => {
    await chats.mergeGuest(guest, user, await rooms.mergeGuest(guest, refOf(user)));
  });
  if (placement.node !== '') followDeletions(users, rooms, chats, failed('forgetting an account in rooms'));
  return rooms;
}

/** Accounts that are deleted at other nodes are forgotten in the rooms of this one. */
function followDeletions(
  users: Accounts['access']['users'],
  rooms: Rooms,
  chats: Chats,
  report: (error: unknown) => void,
): void {
  users.changed.subscribe(({ id, state }) => {
    if (state !== 'deleted') return;
    chats.forgetAuthor(id);
    rooms.forgetUser(id).catch(report);
  });
}

/**
 * Moves the rooms until the shutdown.
 * @param isReady the streams are open: before that none would have media
 */
async function run(rooms: Rooms, isReady: () => boolean, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (isReady()) rooms.tick();
    await sleep(TICK_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
  }
}

/** Deletes what has expired until the shutdown. A separate loop: rooms are moved while many are deleted. */
async function sweep(rooms: Rooms, signal: AbortSignal, report: (error: unknown) => void): Promise<void> {
  while (!signal.aborted) {
    await sleep(SWEEP_MS, { signal }).catch(() => undefined); // as above
    if (!signal.aborted) await rooms.sweep({ signal }).catch(report);
  }
}

/** Addresses of stills are on this grid, so that viewers share them, ms. */
const STILL_GRID_MS = 5000;

/** What a person may do, as for requests. */
function principalOf({ id }: UserRef, { access }: Accounts, settings: AppContext['settings']): Principal {
  return id === administratorRef.id ? administrator : principalOfUser(access.users.find(id), settings.now.accounts);
}

/** The media of this server, for rooms. */
function createRoomMedia(
  { catalog, library, accounts, recordings }: CoreParts,
  { mediaServers, streamsElsewhere }: MediaElsewhere,
  nowMs: () => number,
  principalOf: (user: UserRef) => Principal,
): RoomMedia {
  const { assets } = library;
  const signed = (name: string, path: string) =>
    printSignedPath(accounts.access.watch.sign(name, addressExpiry(nowMs())), path);

  function streamAddress(stream: string, isSigned: boolean): string {
    const path = printMediaAddress({ stream, kind: 'index' });
    return isSigned ? signed(stream, path) : path;
  }

  async function findAsset(id: string) {
    const asset = await assets.find(id);
    return asset?.deletedMs === null ? asset : undefined;
  }

  /** A stream that a person may watch; of a cluster, one of any node. */
  async function watchable(
    name: string,
    author: UserRef,
  ): Promise<Pick<StreamDefinition, 'visibility' | 'title' | 'name'>> {
    const definition = catalog.lookUp(name)?.definition ?? (await streamsElsewhere?.find(name));
    if (!definition || !may(principalOf(author), 'watch', { visibility: definition.visibility }))
      throw streamUnknown(name);
    return definition;
  }

  /** The timeline of a stream, whichever node runs it now. */
  function timelineOf(name: string): StreamTimeline {
    const own = createStreamTimeline(() => catalog.find(name), recordings.table);
    if (!streamsElsewhere) return own;
    const elsewhere = streamsElsewhere.timeline(name);
    const now = () => (catalog.find(name) ? own : elsewhere);
    return {
      edgeMs: () => now().edgeMs(),
      distanceMs: () => now().distanceMs(),
      span: (positionMs) => now().span(positionMs),
    };
  }

  /** Whether there is a stream that rooms can play; the edge of one of another node is known then. */
  async function isThere(name: string): Promise<boolean> {
    // While streams are being opened, people come back already: the timeline finds theirs when it is open.
    if (!catalog.isOpen || catalog.find(name)) return true;
    if (!(await streamsElsewhere?.find(name))) return false;
    await streamsElsewhere?.refresh(name);
    return true;
  }

  return {
    async check(target, author) {
      switch (target.kind) {
        case 'stream':
        case 'range': {
          if (target.kind === 'range' && target.toMs <= target.fromMs)
            throw new OxbowError('bad-request', 'The range ends before it begins.');
          const all = [target.stream, ...(target.beside ?? [])];
          if (new Set(all).size < all.length)
            throw new OxbowError('bad-request', 'A stream is shown once: `beside` has only other streams.');
          const streams = await Promise.all(all.map((name) => watchable(name, author)));
          const signed = streams.some(({ visibility }) => isPrivate(visibility));
          return { name: streams.map(({ name, title }) => title || name).join(' + '), signed };
        }
        case 'asset': {
          const asset = await findAsset(target.asset);
          const { owner, visibility } = asset ?? {};
          if (!asset || !may(principalOf(author), 'seeAsset', { owner, visibility })) throw unknownAsset(target.asset);
          return { name: asset.title, signed: asset.visibility === 'private' };
        }
        case 'provider':
          await mediaServers.check(author.id, target.provider);
          return { name: '', signed: false };
        default:
          return { name: '', signed: false };
      }
    },

    async open(target): Promise<RoomItemMedia | undefined> {
      switch (target.kind) {
        case 'stream':
        case 'range': {
          if (!(await isThere(target.stream))) return undefined;
          const range = target.kind === 'range' ? { fromMs: target.fromMs, toMs: target.toMs } : undefined;
          return { kind: 'timeline', range, timeline: timelineOf(target.stream) };
        }
        case 'asset': {
          const asset = await findAsset(target.asset);
          return asset && { kind: 'file', durationMs: asset.durationUs === null ? undefined : asset.durationUs / 1000 };
        }
        case 'link':
          return target.live ? { kind: 'live' } : { kind: 'file', durationMs: undefined };
        case 'provider':
          return { kind: 'file', durationMs: undefined };
        case 'folder':
          return undefined;
      }
    },

    still(target, atMs) {
      if (target.kind !== 'stream' && target.kind !== 'range') return null;
      if (!catalog.isOpen || catalog.lookUp(target.stream)?.definition.visibility !== 'public') return null;
      const at = Math.floor(atMs / STILL_GRID_MS) * (STILL_GRID_MS / 1000);
      return at > 0 ? printMediaAddress({ stream: target.stream, kind: 'still', at: String(at) }) : null;
    },

    address(target: ItemTarget, isSigned: boolean) {
      if (target.kind === 'asset') {
        const path = printAssetAddress({ stream: undefined, asset: target.asset, kind: 'asset-index' });
        return isSigned ? signed(tokenNameOf(target.asset), path) : path;
      }
      if (target.kind !== 'stream' && target.kind !== 'range') return null;
      return streamAddress(target.stream, isSigned);
    },

    besides(target, isSigned) {
      if (target.kind !== 'stream' && target.kind !== 'range') return undefined;
      return target.beside?.map((stream) => ({ stream, address: streamAddress(stream, isSigned) }));
    },
  };
}

const isPrivate = (visibility: string): boolean => visibility === 'signed' || visibility === 'private';
