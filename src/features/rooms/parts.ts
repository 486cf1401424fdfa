/**
 * The open parts of rooms, for their routes and connections.
 * In: feature.ts. Out: routes, sockets. Types only.
 */
import type { ItemSource } from '../../api/room/media-server-shapes.ts';
import type { Chats } from './chat/chats.ts';
import type { MediaServers } from './providers/media-servers.ts';
import type { MediaProxy } from './proxy/media-proxy.ts';
import type { ItemRecord } from './room-record.ts';
import type { Rooms } from './rooms.ts';
import type { RoomSocketLimits } from './sockets/socket-limits.ts';

export interface RoomParts {
  readonly rooms: Rooms;
  /** Their messages and polls. */
  readonly chats: Chats;
  /** Media servers that people have connected. */
  readonly mediaServers: MediaServers;
  /** Fetches media from elsewhere for members. */
  readonly mediaProxy: MediaProxy;
  /**
   * Where players load an entry from that is not media of this server; undefined: it is. Refuses as media
   * servers.
   */
  itemSource(room: string, item: Pick<ItemRecord, 'id' | 'target'>): Promise<ItemSource | undefined>;
  /** Limits of the connections, as they are now. */
  socketLimits(): RoomSocketLimits;
}
