/**
 * Opens rooms over the streams and assets of this server.
 * In: the context, store, streams, library, access; in a cluster, the owners of rooms. Out: Rooms.
 */
import { refOf } from '../../../accounts/users/user.ts';
import type { ServerMessage } from '../../../api/room/messages.ts';
import { sleep, waitFor } from '../../../lib/abort.ts';
import { Emitter, type Subscribable } from '../../../lib/events.ts';
import type { Accounts, AppContext } from '../../core.ts';
import type { CoreParts } from '../../feature.ts';
import type { Chats } from '../chat/chats.ts';
import { createFramedConnections } from '../live/framed-connections.ts';
import { Tally } from '../live/tally.ts';
import type { RoomParts } from '../parts.ts';
import { RoomRules } from '../room-rules.ts';
import { Rooms } from '../rooms.ts';
import { exportRoomsOf } from '../stored/room-export.ts';
import { findItem, RoomTables } from '../stored/room-tables.ts';
import { createCallParts } from './calls.ts';
import { createRoomReading } from './read-rooms.ts';
import { type MediaElsewhere, ServerMedia } from './server-media.ts';

/** Open rooms are moved this often, ms. */
const TICK_MS = 50;
/** Expired rooms are looked for this often, ms. */
const SWEEP_MS = 60_000;

export function openRooms(
  context: AppContext,
  parts: CoreParts,
  { chats, ...elsewhere }: Pick<RoomParts, 'chats'> & MediaElsewhere,
): Rooms {
  const { settings, clock, opened, metrics, shutdown, log, failed } = context;
  const { placement } = parts;
  const openings = new Emitter<void>();
  const tables = new RoomTables(parts.store.db, placement.node);
  const rules = new RoomRules(() => settings.now.watchRules, parts.countries);
  const sent = opened.use(
    new Tally<ServerMessage['t']>(metrics, (type, count) => metrics.roomMessagesOut.inc({ type }, count)),
  );
  const answers = opened.use(
    new Tally<'hit' | 'miss'>(metrics, (result, count) => metrics.roomPermissionAnswers.inc({ result }, count)),
  );
  const rooms = new Rooms({
    placement,
    onMoved(room, how) {
      metrics.roomsMoved.inc({ how });
      log.info({ room, how }, 'a room has another node now');
    },
    onOpen: () => openings.emit(),
    tables,
    media: new ServerMedia(context, parts, elsewhere),
    openChat: (room) => chats.open(room),
    createConnections: () => createFramedConnections((message) => sent.count(message.t)),
    clock,
    events: parts.bus,
    settings: () => settings.now.rooms,
    rules,
    permissionCounts: {
      hit: () => answers.count('hit'),
      miss: () => answers.count('miss'),
    },
    failed: failed('a room'),
    calls: createCallParts(context, parts.webrtc),
  });
  const itemOf = (id: string) => findItem(parts.store.db, id);
  parts.hooks.rooms = createRoomReading({ rooms, tables, findItem: itemOf, rules, clock });
  const { signal } = shutdown;
  opened.use(shutdown.owns(run(rooms, openings, () => parts.catalog.isOpen, signal)));
  opened.use(shutdown.owns(sweep(rooms, signal, failed('the expiry of rooms'))));
  opened.defer(() => rooms.close());
  const { users, references, exporters } = parts.accounts.access;
  exporters.add('rooms', (id) => exportRoomsOf(parts.store.db, id));
  // Their connections end first: their last messages are anonymized too.
  references.onDeleted(async (id, role) => {
    const roomIds = await rooms.forgetUser(id);
    // Guests expire by the hundred: for them not all messages of the server are searched.
    await chats.anonymize(id, role === 'guest' ? roomIds : undefined);
  });
  references.onMerged(async (guest, user) => {
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
 * Moves the open rooms until the shutdown. While none is open it has no timer: a server at rest sleeps.
 * @param isReady the streams are open: before that none would have media
 */
async function run(
  rooms: Rooms,
  openings: Subscribable<void>,
  isReady: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    if (isReady()) rooms.tick();
    const isAnyOpen = !rooms.open[Symbol.iterator]().next().done;
    const wait = isAnyOpen ? sleep(TICK_MS, { signal }) : waitFor(nextOf(openings), { signal });
    await wait.catch(() => undefined); // only the signal rejects it, and ends the loop
  }
}

function nextOf(openings: Subscribable<void>): Promise<void> {
  return new Promise((resolve) => {
    const stop = openings.subscribe(() => {
      stop();
      resolve();
    });
  });
}

/** Deletes expired rooms until the shutdown. A separate loop: rooms are moved while many are deleted. */
async function sweep(rooms: Rooms, signal: AbortSignal, report: (error: unknown) => void): Promise<void> {
  while (!signal.aborted) {
    await sleep(SWEEP_MS, { signal }).catch(() => undefined); // as above
    if (!signal.aborted) await rooms.sweep({ signal }).catch(report);
  }
}
