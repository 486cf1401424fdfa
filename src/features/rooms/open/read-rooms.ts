/**
 * Reads what a room plays, for channels that follow it. It does not open the room, and counts as no visit.
 * In: open rooms; rows of rooms that another node or process has open. Out: ReadRoom.
 */
import { nothingPlays } from '../../../api/room/playback.ts';
import type { ReadRoom, RoomReading } from '../../../api/room/room-reading.ts';
import type { Clock } from '../../../lib/clock.ts';
import { seesMedia } from '../admission.ts';
import type { ItemRecord, RoomRecord } from '../room-record.ts';
import type { RoomRules } from '../room-rules.ts';
import type { Rooms } from '../rooms.ts';
import type { RoomTables } from '../stored/room-tables.ts';

/** A room without people for this long plays nothing, ms; as in room.ts. */
const EMPTY_MS = 120_000;

/** Dependencies of the reading. */
interface RoomReadingParts {
  readonly rooms: Pick<Rooms, 'find'>;
  readonly tables: Pick<RoomTables, 'find'>;
  /** Reads an entry of a room that is not open here. */
  readonly findItem: (id: string) => Promise<ItemRecord | undefined>;
  readonly rules: Pick<RoomRules, 'listsOf'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Opens the reading. */
export function createRoomReading({ rooms, tables, findItem, rules, clock }: RoomReadingParts): RoomReading {
  const factsOf = (record: RoomRecord) => ({
    id: record.id,
    name: record.name,
    isOpen: seesMedia(undefined, undefined, record),
    watchRules: rules.listsOf(record),
  });
  const shown = (item: ItemRecord | undefined): ReadRoom['item'] =>
    item && { id: item.id, name: item.name, target: item.target };

  return {
    async read(id) {
      const room = rooms.find(id);
      if (room) {
        const { record, playback, playlist } = room.state;
        const { state } = playback;
        const item = state.item === null ? undefined : playlist.find(state.item);
        return { ...factsOf(record), state, item: shown(item), isEmpty: false, isHere: true };
      }
      // Another node has it, which writes each state at once; or it is closed.
      const stored = await tables.find(id);
      if (!stored) return undefined;
      const facts = factsOf(stored.room);
      if (clock.nowMs() - stored.usedMs > EMPTY_MS)
        return { ...facts, state: nothingPlays, item: undefined, isEmpty: true, isHere: false };
      const { state } = stored;
      const item = state.item === null ? undefined : await findItem(state.item);
      return { ...facts, state, item: shown(item), isEmpty: false, isHere: false };
    },
  };
}
