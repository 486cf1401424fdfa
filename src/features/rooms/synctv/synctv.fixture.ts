/**
 * A database as SyncTV v0.9.15 creates it in SQLite: the columns of its models, in the types that its library
 * (GORM) gives them.
 * In: a path. Out: a file with a few users, rooms and entries.
 */
import { DatabaseSync } from 'node:sqlite';
import { GUEST_ID } from './synctv-rows.ts';

/** bcrypt of "correct horse battery", as SyncTV stores it, with cost 4 so that tests are quick. */
export const passwordHash = '$2a$04$o38qIvAY7PR2qZqYzALWwuPnVQHDMVKmYmMs7wKAj.5VGF/I1E0zu';

/** An id of SyncTV: 32 hex digits that begin with the time. */
export const idOf = (number: number): string => `018f3c5e${String(number).padStart(24, '0')}`;

const schema = `
CREATE TABLE settings (name varchar(256), updated_at datetime, value text NOT NULL, type text NOT NULL DEFAULT "string", "group" text NOT NULL, PRIMARY KEY (name));
CREATE TABLE users (id char(32), created_at datetime, updated_at datetime, username varchar(32) NOT NULL, email varchar(64), hashed_password blob NOT NULL,
  role integer NOT NULL DEFAULT 2, registered_by_provider numeric NOT NULL DEFAULT false, registered_by_email numeric NOT NULL DEFAULT false, PRIMARY KEY (id));
CREATE TABLE user_providers (provider varchar(32), provider_user_id varchar(64), created_at datetime, updated_at datetime, user_id char(32) NOT NULL, PRIMARY KEY (provider, provider_user_id));
CREATE TABLE rooms (id char(32), created_at datetime, updated_at datetime, name varchar(32) NOT NULL, creator_id char(32), hashed_password blob,
  status integer NOT NULL DEFAULT 2, current text, PRIMARY KEY (id));
CREATE TABLE room_settings (updated_at datetime, id char(32), user_default_permissions integer, guest_permissions integer, disable_guest numeric DEFAULT false,
  join_need_review numeric DEFAULT false, disable_join_new_user numeric DEFAULT false, hidden numeric DEFAULT false, can_get_movie_list numeric DEFAULT true,
  can_add_movie numeric DEFAULT true, can_delete_movie numeric DEFAULT true, can_edit_movie numeric DEFAULT true, can_set_current_movie numeric DEFAULT true,
  can_set_current_status numeric DEFAULT true, can_send_chat_message numeric DEFAULT true, PRIMARY KEY (id));
CREATE TABLE room_members (created_at datetime, updated_at datetime, user_id char(32), room_id char(32), permissions integer, admin_permissions integer,
  status integer NOT NULL DEFAULT 2, role integer NOT NULL DEFAULT 1, PRIMARY KEY (user_id, room_id));
CREATE TABLE movies (id char(32), created_at datetime, updated_at datetime, room_id char(32) NOT NULL, creator_id char(32), base_vendor_info_vendor varchar(32),
  base_vendor_info_backend varchar(64), base_vendor_info_alist_path text, base_headers text, base_subtitles text, base_url text, base_name text NOT NULL, base_type text,
  base_parent_id char(32), base_more_sources text, base_danmu text, base_stream_danmu text, base_live numeric, base_proxy numeric, base_rtmp_source numeric,
  base_is_folder numeric, position integer NOT NULL, PRIMARY KEY (id));`;

type Value = string | number | null | Uint8Array;

/** Creates the database; rows have the columns that matter. */
export function createSyncTvDatabase(path: string): void {
  using db = new DatabaseSync(path);
  db.exec(schema);
  const insert = (table: string, row: Readonly<Record<string, Value>>) => {
    const columns = Object.keys(row);
    const text = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
    db.prepare(text).run(...Object.values(row));
  };
  const created_at = '2024-05-01 10:20:30.123456789+08:00';
  const hashed_password = new TextEncoder().encode(passwordHash);
  for (const [number, username, role] of [
    [1, 'root', 5],
    [2, 'Ann', 3],
    [3, 'Bob', 4],
    [4, 'Pia', 2],
    [5, 'Mallory', 1],
  ] as const) {
    const email = number === 2 ? 'Ann@example.org' : null;
    insert('users', { id: idOf(number), created_at, username, email, hashed_password, role });
  }
  insert('users', { id: GUEST_ID, created_at, username: 'guest', hashed_password, role: 3 });
  insert('user_providers', { provider: 'github', provider_user_id: '583231', created_at, user_id: idOf(2) });
  const current = JSON.stringify({
    movie: { id: idOf(22) },
    status: { currentTime: 61.5, isPlaying: true, playbackRate: 1 },
  });
  insert('rooms', {
    id: idOf(11),
    created_at,
    name: 'Film night',
    creator_id: idOf(2),
    hashed_password,
    status: 3,
    current,
  });
  insert('rooms', { id: idOf(12), created_at, name: 'Closed', creator_id: idOf(2), status: 1 });
  const settings = { user_default_permissions: 1 | 64 | 128, guest_permissions: 1, hidden: 1, can_add_movie: 0 };
  insert('room_settings', { id: idOf(11), ...settings });
  const member = { created_at, room_id: idOf(11) };
  insert('room_members', {
    ...member,
    user_id: idOf(2),
    permissions: 2 ** 32 - 1,
    admin_permissions: 2 ** 32 - 1,
    status: 3,
    role: 3,
  });
  insert('room_members', { ...member, user_id: idOf(3), permissions: 0, admin_permissions: 3, status: 3, role: 2 });
  insert('room_members', {
    ...member,
    user_id: idOf(4),
    permissions: 1 | 16,
    admin_permissions: 0,
    status: 2,
    role: 1,
  });
  insert('room_members', { ...member, user_id: idOf(5), permissions: 0, admin_permissions: 0, status: 1, role: 1 });
  const movie = { created_at, room_id: idOf(11), creator_id: idOf(2), base_url: '' };
  insert('movies', { ...movie, id: idOf(21), base_name: 'Series', base_is_folder: 1, position: 1 });
  insert('movies', {
    ...movie,
    id: idOf(22),
    base_name: 'Episode 1',
    base_parent_id: idOf(21),
    base_url: 'https://cdn.example/a/1.m3u8?x=1',
    base_headers: '{"Referer":"https://example.org/"}',
    base_proxy: 1,
    position: 2,
    base_subtitles: '{"English":{"url":"https://cdn.example/a/1.srt","type":"srt"}}',
  });
  insert('movies', { ...movie, id: idOf(23), base_name: 'Camera', base_rtmp_source: 1, base_live: 1, position: 3 });
  insert('movies', {
    ...movie,
    id: idOf(24),
    base_name: 'Cloud',
    base_vendor_info_vendor: 'alist',
    base_is_folder: 1,
    position: 4,
  });
  insert('movies', {
    ...movie,
    id: idOf(25),
    base_name: 'In the cloud',
    base_parent_id: idOf(24),
    base_url: 'https://cdn.example/b.mp4',
    position: 5,
  });
  insert('movies', { ...movie, id: idOf(26), base_name: 'Script', base_url: 'javascript:alert(1)', position: 6 });
}
