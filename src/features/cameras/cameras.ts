/**
 * The cameras of this server: found, looked at, set for streams, watched and moved.
 * In: calls of routes, streams and their events, rows. Out: views; one watch and one mover for each camera of
 * a stream of this process. docs/2-sources/cameras.md.
 */
import type { Principal } from '../../accounts/principal.ts';
import type {
  CameraEvents,
  CameraLogin,
  CameraMove,
  CameraPatch,
  CameraSettings,
  CameraView,
  FoundCameraView,
  StreamCamera,
} from '../../api/cameras/camera-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { StreamsApi } from '../../api/streams-api.ts';
import { type CameraSearch, findCameras } from '../../ingest/onvif/find-cameras.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { CameraMover } from './camera-mover.ts';
import type { CameraTable, StoredCamera } from './camera-table.ts';
import type { CameraWatch } from './camera-watch.ts';
import { type OpenCamera, openCamera } from './look.ts';
import { readAddress } from './stored-address.ts';

/** Without `events` nothing is read. */
const NO_EVENTS: CameraEvents = { kinds: [] };
/** Answers to a search are awaited for this long, ms. */
const SEARCH_MS = 3000;
/** Streams that move here are looked at this often, until they are open, ms. */
const LOOK_EVERY_MS = 250;

/** Dependencies. */
export interface CamerasParts {
  readonly table: CameraTable;
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Clock;
  readonly catalog: Pick<Catalog, 'all' | 'find' | 'get' | 'toOpen'>;
  readonly streams: Pick<StreamsApi, 'create' | 'remove'>;
  /** Where the search is sent. */
  readonly probe: () => Pick<CameraSearch, 'host' | 'port'>;
  /** Of the program. */
  readonly signal: AbortSignal;
  /** Opens what runs for a camera; `camera` returns its row as it is now. */
  readonly open: (camera: () => StoredCamera) => CameraWork;
}

/** What runs for a camera of a stream of this process. */
export interface CameraWork extends AsyncDisposable {
  readonly watch: CameraWatch;
  readonly mover: CameraMover;
  /** Begins to read events, if it does not. */
  start(): void;
  /** Ends that: what it has noticed is over. Disposing leaves it to the next owner of the stream. */
  stop(): Promise<void>;
}

/** The camera of a stream. */
interface Entry {
  camera: StoredCamera;
  readonly work: CameraWork;
}

/** Waiting of a call. */
interface Within {
  readonly signal: AbortSignal;
}

/** The cameras of this server. */
export class Cameras implements AsyncDisposable {
  readonly #parts: CamerasParts;
  /** By the id of the stream. */
  readonly #entries = new Map<string, Entry>();
  /** Streams that have a camera, here or at another node. */
  #stored: ReadonlySet<string> = new Set();
  #search: Promise<readonly FoundCameraView[]> | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** A call of `moves` waits until all streams that have moved here are open. */
  #isWaiting = false;
  /** Streams have moved since that call has looked. */
  #hasMoved = false;

  constructor(parts: CamerasParts) {
    this.#parts = parts;
  }

  /** Streams whose events are read now. */
  get watched(): number {
    return [...this.#entries.values()].filter(({ camera, work }) => isWatched(camera) && !work.watch.problem).length;
  }

  /**
   * Searches the networks of this computer; requests at the same time share a search.
   *
   * @throws OxbowError `source-failed` if no network takes it
   */
  async find(): Promise<readonly FoundCameraView[]> {
    this.#search ??= this.#find().finally(() => (this.#search = undefined));
    return this.#search;
  }

  async #find(): Promise<readonly FoundCameraView[]> {
    const { probe, signal, table } = this.#parts;
    const search = { ...probe(), waitMs: SEARCH_MS };
    const [found, stored] = await Promise.all([findCameras(search, { signal }), table.streamsByHost()]);
    return found.map(({ endpoint, address, name, maker, hardware, location }) => {
      const streams = [...(stored.get(address.host) ?? [])];
      return { id: endpoint, address: address.href, name, maker, model: hardware, location, streams };
    });
  }

  /** Describes a camera. @throws OxbowError as `openCamera`, `bad-request` */
  async look({ address, ...user }: CameraLogin, within: Within): Promise<CameraView> {
    const { net, clock } = this.#parts;
    const camera = await openCamera({ address: readAddress(address, user), trusted: true, net, clock }, within);
    const [first] = camera.profiles;
    return { ...camera.view, picture: first ? await camera.picture(first.token, within) : null };
  }

  /**
   * Sets the camera of a stream; creates the stream if there is none.
   *
   * @throws OxbowError as `openCamera`, `bad-request`, `camera-profile-unknown`; as the creation of streams
   */
  async set(
    name: string,
    settings: CameraSettings,
    { principal, signal }: Within & { readonly principal: Pick<Principal, 'owner'> },
  ): Promise<{ readonly camera: StreamCamera; readonly isNew: boolean }> {
    const { net, clock, table, catalog } = this.#parts;
    const address = readAddress(settings.address, settings);
    const opened = await openCamera({ address, trusted: true, net, clock }, { signal });
    const profile = profileOf(opened, settings.profile);
    const isNew = catalog.find(name) === undefined;
    if (isNew) await this.#createStream(name, settings, opened, { signal });
    const { id } = catalog.get(name).definition;
    const moves = opened.view.profiles.find(({ token }) => token === profile.token)?.moves === true;
    const camera: StoredCamera = {
      streamId: id,
      address: address.device.href,
      login: { user: address.user, password: address.password },
      profile: profile.token,
      sources: profile.sources,
      maker: opened.view.maker,
      model: opened.view.model,
      events: settings.events ?? NO_EVENTS,
      move: moves ? (settings.move ?? 'admins') : '',
      owner: principal.owner,
      createdUs: Math.round(clock.nowMs() * 1000),
    };
    try {
      await table.put(camera);
    } catch (error) {
      if (isNew) await this.#parts.streams.remove(name, { recordings: 'delete' });
      throw error;
    }
    if (catalog.find(name)?.definition.id !== id) await table.remove(id); // it was deleted meanwhile
    await this.follow();
    return { camera: await this.view(name, { isAdmin: true, mayMove: true }), isNew };
  }

  async #createStream(name: string, settings: CameraSettings, camera: OpenCamera, within: Within): Promise<void> {
    const { profile, backup, title, record, visibility } = settings;
    const url = await camera.streamUrl(profile, within);
    const second = backup === undefined ? undefined : profileOf(camera, backup).token;
    const source = {
      type: 'pull' as const,
      url,
      ...(second !== undefined && { backup: await camera.streamUrl(second, within) }),
    };
    await this.#parts.streams.create(name, {
      source,
      ...(title !== undefined && { title }),
      ...(record !== undefined && { record }),
      ...(visibility !== undefined && { visibility }),
    });
  }

  /**
   * Changes what becomes of events, and who may move.
   *
   * @throws OxbowError `stream-unknown`, `camera-unknown`, `camera-fixed`
   */
  async change(name: string, { events, move }: CameraPatch): Promise<StreamCamera> {
    const { camera } = this.#entryOf(name);
    if (move !== undefined && camera.move === '') throw fixed(name);
    const changed = { events: events ?? camera.events, move: move ?? camera.move };
    await this.#parts.table.change(camera.streamId, changed);
    await this.follow();
    return this.view(name, { isAdmin: true, mayMove: true });
  }

  /**
   * Removes the camera of a stream; the stream stays.
   *
   * @throws OxbowError `stream-unknown`, `camera-unknown`
   */
  async remove(name: string): Promise<void> {
    const { camera, work } = this.#entryOf(name);
    await work.stop();
    await this.#parts.table.remove(camera.streamId);
    await this.follow();
  }

  /** Who may move the camera of a stream; empty: no one, or the stream has none. */
  moversOf(name: string): StoredCamera['move'] {
    return this.#entryAt(name)?.camera.move ?? '';
  }

  /** The camera of a stream. @throws OxbowError `stream-unknown` */
  async view(
    name: string,
    { isAdmin, mayMove }: { readonly isAdmin: boolean; readonly mayMove: boolean },
  ): Promise<StreamCamera> {
    this.#parts.catalog.get(name);
    const entry = this.#entryAt(name);
    if (!entry) return noCamera;
    const { camera, work } = entry;
    const moves = mayMove && camera.move !== '';
    const { problem, lastMs } = work.watch;
    const forAdmins = isAdmin && {
      address: camera.address,
      profile: camera.profile,
      events: camera.events,
      move: camera.move || null,
      problem: isWatched(camera) ? (problem ?? null) : null,
      lastEventAt: lastMs === undefined ? null : printRfc3339(lastMs),
    };
    // Viewers see no more than that there is one.
    const device = (isAdmin || moves) && { maker: camera.maker, model: camera.model };
    const presets = moves ? await work.mover.presets() : [];
    return Object.assign({}, noCamera, { isSet: true, moves, presets }, device, forAdmins);
  }

  /**
   * As `CameraMover.move`; without a speed as its `stop`.
   *
   * @throws OxbowError `stream-unknown`, `camera-unknown`, `camera-fixed`
   */
  async move(name: string, { pan = 0, tilt = 0, zoom = 0 }: CameraMove): Promise<void> {
    const mover = this.#moverOf(name);
    await (pan === 0 && tilt === 0 && zoom === 0 ? mover.stop() : mover.move({ pan, tilt, zoom }));
  }

  /** As `CameraMover.goTo`. @throws as `move` */
  async goTo(name: string, preset: string): Promise<void> {
    await this.#moverOf(name).goTo(preset);
  }

  /**
   * Removes cameras of deleted streams, so that another one with the name has none, and opens those of the
   * streams of this process.
   */
  async open(): Promise<void> {
    await this.#parts.table.removeLeft();
    await this.follow();
  }

  /**
   * Streams have moved. One that moves here is opened a moment later, also one that is never live; one that
   * cannot be opened holds up no others.
   */
  async moves(): Promise<void> {
    await this.follow();
    this.#hasMoved = true;
    if (this.#isWaiting || this.#stored.size === 0) return;
    this.#isWaiting = true;
    const { catalog, signal } = this.#parts;
    try {
      for (let left = catalog.toOpen; this.#hasMoved || left.length > 0; ) {
        if (left.length > 0) await sleep(LOOK_EVERY_MS, { signal });
        const waiting = new Set(catalog.toOpen);
        const isDue = this.#hasMoved || left.some((name) => !waiting.has(name));
        this.#hasMoved = false;
        left = [...waiting];
        if (isDue) await this.follow();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#isWaiting = false;
    }
  }

  /** A stream of this process is live: it may have been opened later than the others. */
  async lives(name: string): Promise<void> {
    const id = this.#parts.catalog.find(name)?.definition.id ?? '';
    if (this.#stored.has(id) && !this.#entries.has(id)) await this.follow();
  }

  /** Opens and closes what runs, by the rows and the streams of this process. One call at a time. */
  follow(): Promise<void> {
    const turn = this.#turn.then(() => this.#follow());
    this.#turn = turn.catch(() => undefined); // the caller gets it
    return turn;
  }

  async #follow(): Promise<void> {
    const { table, catalog, open } = this.#parts;
    const here = new Set(this.#isClosed ? [] : catalog.all.map(({ definition }) => definition.id));
    const rows = this.#isClosed ? [] : await table.all();
    const stored = new Map(rows.map((row) => [row.streamId, row]));
    this.#stored = new Set(stored.keys());
    const left = [...this.#entries].filter(([id, { camera }]) => {
      const now = here.has(id) ? stored.get(id) : undefined;
      return !now || !isSameDevice(now, camera);
    });
    for (const [id] of left) this.#entries.delete(id);
    // At once: each waits a moment for its camera.
    await Promise.all(left.map(([, { work }]) => work[Symbol.asyncDispose]()));
    for (const id of here) {
      const row = stored.get(id);
      if (!row) continue;
      const entry = this.#entries.get(id) ?? this.#openEntry(row, open);
      entry.camera = row;
      this.#entries.set(id, entry);
      if (isWatched(row)) entry.work.start();
      else await entry.work.stop();
    }
  }

  #openEntry(row: StoredCamera, open: CamerasParts['open']): Entry {
    const entry: { camera: StoredCamera; work?: CameraWork } = { camera: row };
    entry.work = open(() => entry.camera);
    return entry as Entry;
  }

  /** Closes everything; cameras that move are stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.follow();
  }

  #entryAt(name: string): Entry | undefined {
    const id = this.#parts.catalog.find(name)?.definition.id;
    return id === undefined ? undefined : this.#entries.get(id);
  }

  #entryOf(name: string): Entry {
    this.#parts.catalog.get(name);
    const entry = this.#entryAt(name);
    if (!entry) throw new OxbowError('camera-unknown', `The stream ${name} has no camera.`);
    return entry;
  }

  #moverOf(name: string): CameraMover {
    const { camera, work } = this.#entryOf(name);
    if (camera.move === '') throw fixed(name);
    return work.mover;
  }
}

const noCamera: StreamCamera = {
  isSet: false,
  moves: false,
  presets: [],
  maker: '',
  model: '',
  address: null,
  profile: null,
  events: null,
  move: null,
  problem: null,
  lastEventAt: null,
};

const isWatched = ({ events }: StoredCamera): boolean => events.kinds.length > 0;

/** What runs for a camera can continue. */
function isSameDevice(a: StoredCamera, b: StoredCamera): boolean {
  return JSON.stringify([a.address, a.login, a.profile]) === JSON.stringify([b.address, b.login, b.profile]);
}

function fixed(name: string): OxbowError {
  return new OxbowError('camera-fixed', `The camera of ${name} does not move.`);
}

function profileOf({ profiles, view }: OpenCamera, token: string): OpenCamera['profiles'][number] {
  const profile = profiles.find((each) => each.token === token);
  if (profile) return profile;
  const listed = view.profiles.map((each) => each.token).slice(0, 8);
  throw new OxbowError(
    'camera-profile-unknown',
    `The camera has no profile "${token.slice(0, 60)}"; it has ${listed.join(', ') || 'none'}.`,
  );
}
