/**
 * The parts of a room, and the calls of a connection in it.
 * In: features/rooms/open/open-rooms.ts, the store. Out: rooms, and the transport. Types only.
 */
import type { ClientMessage } from '../../api/room/messages.ts';
import type { Clock } from '../../lib/clock.ts';
import type { CallParts } from './call/call-parts.ts';
import type { PermissionCounts } from './members/members.ts';
import type { Connections } from './participants/connections.ts';
import type { OpenChat } from './room-chat.ts';
import type { RoomMedia } from './room-media.ts';
import type { ItemRecord, MemberRecord, RoomProgress, RoomRecord } from './room-record.ts';
import type { RoomRules } from './room-rules.ts';
import type { RoomTables } from './stored/room-tables.ts';

/** Dependencies of a room. */
export interface RoomDeps {
  readonly tables: RoomTables;
  readonly clock: Clock;
  readonly media: RoomMedia;
  readonly openChat: OpenChat;
  readonly createConnections: () => Connections;
  /** The settings now. */
  readonly settings: () => { readonly capacity: number };
  /** Where rooms may be entered; undefined: from everywhere, unless they have their own rules. */
  readonly rules?: RoomRules;
  readonly permissionCounts?: PermissionCounts;
  /** Undefined: there are no calls. */
  readonly calls?: CallParts;
  /** A write was refused, since another node owns the room: it shall be closed. */
  readonly moved?: (id: string) => void;
  /** In a cluster what plays is written at once: another node may have to continue it. */
  readonly isClustered?: boolean;
  /** A bug, or a failed query, for the log. */
  readonly failed: (error: unknown) => void;
}

/** A connection that has entered a room, as the transport uses it. */
export interface EnteredConnection {
  /**
   * Takes a message that matches its schema; errors are answered. Never throws and never waits.
   */
  receive(message: ClientMessage): void;
  /** The connection ended. May be called twice. */
  leave(): void;
}

/** The stored form of a room. */
export interface StoredRoom extends RoomProgress {
  readonly room: RoomRecord;
  readonly members: readonly MemberRecord[];
  readonly items: readonly ItemRecord[];
}
