/**
 * The tables of rooms, as Kysely sees them. Columns are snake_case, times are whole µs; of positions: UTC in
 * streams, from the start in files.
 * In: the tables of migrations.ts. Out: types for schema.ts.
 */
import type { Generated } from 'kysely';

/** A room; see features/rooms/rooms.ts. */
export interface RoomTable {
  readonly id: string;
  name: string;
  /** Id of the user. */
  owner: string;
  /** `public`, `unlisted`. */
  visibility: string;
  /** PHC string; null: none. */
  password: string | null;
  /** Most members at a time; null: as in the settings. */
  capacity: number | null;
  /** api/room/room-shapes.ts RoomOptions, as JSON. */
  options: string;
  /** 1: `options.keepChat`. */
  keep_chat: Generated<number>;
  /** api/room/playback.ts PlaybackState, as JSON. */
  state: string;
  /** Messages of the room have numbers up to this one; none above it was used. */
  message_seq: Generated<number>;
  readonly created_us: number;
  /** Last time a member was present. */
  used_us: number;
  /** Null: never. */
  expires_us: number | null;
  /** People who were there when `used_us` was written. */
  present: Generated<number>;
}

/** What a room knows about a user. */
export interface RoomMemberTable {
  readonly room_id: string;
  readonly user_id: string;
  /** Name at the last visit. */
  name: string;
  /** `moderator`, `member`, `guest`; the owner is a column of the room. */
  role: string;
  /** `active`, `pending`, `banned`, `left`. */
  state: string;
  /** Permission bits beyond those of the role. */
  allow: number;
  /** Permission bits of the role that are withheld. */
  deny: number;
  /** 0: not muted. */
  muted_until_us: number;
  readonly joined_us: number;
  seen_us: number;
  /** 1: has given the password; 0 again when it changes. */
  let_in: number;
  /** IP address of a guest when it was banned; empty: none. */
  address: string;
}

/** An entry of a room's playlist. */
export interface RoomItemTable {
  readonly id: string;
  readonly room_id: string;
  /** The folder; null: at the top. */
  parent_id: string | null;
  /** Order in the folder. */
  rank: number;
  name: string;
  /** api/room/playlist.ts ItemTarget, as JSON. */
  target: string;
  /** 1: its author may watch media that is not open to all, and shows it to the room. */
  signed: number;
  added_by: string;
  readonly created_us: number;
}

/** A message of a room: chat and danmaku. */
export interface RoomMessageTable {
  readonly room_id: string;
  /** Order in the room; never used twice. */
  readonly seq: number;
  /** Chosen by the author's client; a message that is sent again is found by it. */
  readonly client_id: string;
  /** Empty: the account was deleted. */
  author: string;
  author_name: string;
  /** `chat`, `danmaku`, `notice`. */
  readonly kind: string;
  text: string;
  /** `seq` of the message that it answers. */
  readonly reply_to: number | null;
  /** Stream id of the media it was written to; null: none or another kind. */
  readonly stream_id: string | null;
  /** Asset id of the media it was written to. */
  readonly asset_id: string | null;
  /** Item of the playlist that played. */
  readonly item_id: string | null;
  /** Position in the media; null: nothing played. */
  readonly media_us: number | null;
  /** Colour, mode, mentions, reactions, as JSON. */
  extra: string;
  readonly sent_us: number;
  /** Null: it is shown. */
  deleted_us: number | null;
}

export interface RoomPollTable {
  readonly id: string;
  readonly room_id: string;
  created_by: string;
  readonly question: string;
  /** JSON, an array of texts. */
  readonly choices: string;
  /** 1: several choices at a time. */
  readonly multiple: number;
  /** JSON: choices by user id. */
  votes: string;
  readonly created_us: number;
  closed_us: number | null;
}

/** A media server that a user has connected; see features/rooms/providers. */
export interface MediaServerTable {
  readonly id: string;
  readonly user_id: string;
  /** api/room/media-server-shapes.ts MediaServerKind. */
  readonly kind: string;
  readonly name: string;
  readonly url: string;
  /** The sign-in, encrypted by accounts/secret-box.ts. */
  readonly session: string;
  readonly created_us: number;
}
