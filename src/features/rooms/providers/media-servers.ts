/**
 * The media servers that users have connected.
 * In: sign-ins, folders, entries. Out: lists, media; rows whose secrets are encrypted.
 */
import type { Kysely } from 'kysely';
import { createSecret } from '../../../accounts/random-secret.ts';
import type { SecretBox } from '../../../accounts/secret-box.ts';
import type { MediaServerKind } from '../../../api/room/media-server-shapes.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { Net } from '../../../net/net.ts';
import type { Tables } from '../../../store/schema.ts';
import type { ProviderMedia, ProviderPage, ServerLogin, ServerSession } from './provider.ts';
import { ProviderClient } from './provider-client.ts';
import { providers } from './providers.ts';

/** A connected server. */
export interface MediaServer {
  readonly id: string;
  readonly user: string;
  readonly kind: MediaServerKind;
  readonly name: string;
  readonly url: string;
  readonly createdMs: number;
}

/** Dependencies. */
interface MediaServersDeps {
  readonly db: Kysely<Tables>;
  readonly net: Pick<Net, 'fetch'>;
  /** Encrypts sign-ins. */
  readonly box: SecretBox;
  readonly nowMs: () => number;
}

interface Waiting {
  readonly signal: AbortSignal;
}

/** Most servers of a user. */
const MAX_OF_USER = 20;
/** Opened entries that are kept while their address is valid. */
const MAX_OPENED = 500;

export class MediaServers {
  readonly #deps: MediaServersDeps;
  readonly #opened = new Map<string, { readonly media: Promise<ProviderMedia>; untilMs: number }>();

  constructor(deps: MediaServersDeps) {
    this.#deps = deps;
  }

  /** Those of a user, oldest first. */
  async list(user: string): Promise<MediaServer[]> {
    const rows = await this.#deps.db
      .selectFrom('media_server')
      .selectAll()
      .where('user_id', '=', user)
      .orderBy('created_us')
      .execute();
    return rows.map((row) => serverOf(row));
  }

  /**
   * Signs in at a server and keeps it.
   *
   * @param name empty: the host
   * @throws OxbowError `bad-request`, `limit-reached`, `media-server-refused`, `address-refused`,
   *   `source-failed`
   */
  async connect(
    user: string,
    { kind, name, ...login }: ServerLogin & { readonly kind: MediaServerKind; readonly name: string },
    { signal }: Waiting,
  ): Promise<MediaServer> {
    const { db, net, box, nowMs } = this.#deps;
    if (kind !== 'bilibili' && !/^https?:$/.test(URL.parse(login.url)?.protocol ?? '')) {
      throw new OxbowError('bad-request', 'The address of a media server starts with http:// or https://.');
    }
    if ((await this.list(user)).length >= MAX_OF_USER) {
      throw new OxbowError('limit-reached', `You have ${MAX_OF_USER} media servers already.`);
    }
    const session = await providers[kind].connect(login, new ProviderClient(net, { signal }));
    const row = {
      id: createSecret(9),
      user_id: user,
      kind,
      url: session.url,
      created_us: Math.round(nowMs() * 1000),
      name: name || new URL(session.url).host,
      session: box.seal(JSON.stringify(session)),
    };
    await db.insertInto('media_server').values(row).execute();
    return serverOf(row);
  }

  /**
   * Changes the name of a server, signs in there again, or both. Its entries in playlists stay.
   *
   * @param change without `login` the sign-in stays
   * @throws OxbowError `media-server-unknown`, and as `connect`
   */
  async update(
    user: string,
    id: string,
    { name, login }: { readonly name?: string; readonly login?: Omit<ServerLogin, 'url'> },
    { signal }: Waiting,
  ): Promise<MediaServer> {
    const { db, net, box } = this.#deps;
    const { server } = await this.#find(id);
    if (server.user !== user) throw unknownServer(id);
    const { kind, url } = server;
    const session = login && (await providers[kind].connect({ url, ...login }, new ProviderClient(net, { signal })));
    const changed = {
      name: name || server.name,
      ...(session && { url: session.url, session: box.seal(JSON.stringify(session)) }),
    };
    await db.updateTable('media_server').set(changed).where('id', '=', id).execute();
    if (session) this.#close(id);
    return { ...server, name: changed.name, url: session?.url ?? url };
  }

  /** Forgets a server of a user. Throws `media-server-unknown`. */
  async remove(user: string, id: string): Promise<void> {
    const { db } = this.#deps;
    const { numDeletedRows } = await db
      .deleteFrom('media_server')
      .where('id', '=', id)
      .where('user_id', '=', user)
      .executeTakeFirst();
    if (Number(numDeletedRows) === 0) throw unknownServer(id);
    this.#close(id);
  }

  /** Forgets all servers of a user whose account ends. */
  async removeOf(user: string): Promise<void> {
    const servers = await this.list(user);
    await this.#deps.db.deleteFrom('media_server').where('user_id', '=', user).execute();
    for (const { id } of servers) this.#close(id);
  }

  /** A folder of a server of a user. Throws `media-server-unknown`; as providers. */
  async entries(
    user: string,
    id: string,
    { folder, cursor }: { readonly folder: string; readonly cursor: string | undefined },
    { signal }: Waiting,
  ): Promise<ProviderPage> {
    const { server, session } = await this.#find(id);
    if (server.user !== user) throw unknownServer(id);
    return providers[server.kind].list(session, folder, cursor, new ProviderClient(this.#deps.net, { signal }));
  }

  /**
   * The media of an entry, for everyone in the rooms where a user has added it. Throws
   * `media-server-unknown`; as providers.
   */
  open(id: string, entry: string): Promise<ProviderMedia> {
    const { net, nowMs } = this.#deps;
    const key = `${id} ${entry}`;
    const cached = this.#opened.get(key);
    if (cached && nowMs() < cached.untilMs) return cached.media;
    const read = async () => {
      const { server, session } = await this.#find(id);
      // For everyone who requests it meanwhile: it does not end with one client.
      return providers[server.kind].open(
        session,
        entry,
        new ProviderClient(net, { signal: new AbortController().signal }),
      );
    };
    const opened = { media: read(), untilMs: Number.POSITIVE_INFINITY };
    this.#opened.delete(key);
    this.#opened.set(key, opened);
    if (this.#opened.size > MAX_OPENED) this.#opened.delete(this.#opened.keys().next().value!);
    opened.media.then(
      ({ validMs }) => {
        opened.untilMs = nowMs() + validMs / 2;
      },
      () => {
        if (this.#opened.get(key) === opened) this.#opened.delete(key);
      },
    );
    return opened.media;
  }

  /** Throws `media-server-unknown` unless it is a server of the user. */
  async check(user: string, id: string): Promise<void> {
    if ((await this.#find(id)).server.user !== user) throw unknownServer(id);
  }

  /** Forgets the opened entries of a server. */
  #close(id: string): void {
    for (const key of this.#opened.keys()) if (key.startsWith(`${id} `)) this.#opened.delete(key);
  }

  async #find(id: string): Promise<{ readonly server: MediaServer; readonly session: ServerSession }> {
    const { db, box } = this.#deps;
    const row = await db.selectFrom('media_server').selectAll().where('id', '=', id).executeTakeFirst();
    const session = row && box.open(row.session);
    // The secret of the server has changed: the sign-in can no longer be read.
    if (!row || session === undefined) throw unknownServer(id);
    return { server: serverOf(row), session: JSON.parse(session) as ServerSession };
  }
}

function serverOf(
  row: Pick<Tables['media_server'], 'id' | 'user_id' | 'kind' | 'name' | 'url' | 'created_us'>,
): MediaServer {
  const { id, user_id, kind, name, url, created_us } = row;
  return { id, user: user_id, kind: kind as MediaServerKind, name, url, createdMs: created_us / 1000 };
}

function unknownServer(id: string): OxbowError {
  return new OxbowError('media-server-unknown', `You have no media server with the id "${id.slice(0, 80)}".`);
}
