/**
 * The streams, recordings and assets of this server, for rooms: what people may put into a playlist, where it
 * is, and where it ends.
 * In: catalog, library, access; in a cluster, the streams of other nodes. Out: RoomMedia.
 */
import { may } from '../../../accounts/permissions.ts';
import { administrator, type Principal, principalOfUser } from '../../../accounts/principal.ts';
import { administrator as administratorRef, type UserRef } from '../../../accounts/users/user.ts';
import { printAssetAddress } from '../../../api/library/asset-address.ts';
import { tokenNameOf } from '../../../api/library/assets-api.ts';
import { printMediaAddress } from '../../../api/media-address.ts';
import type { ItemTarget, RoomItem } from '../../../api/room/item-shapes.ts';
import { printSignedPath } from '../../../api/signed-path.ts';
import { streamUnknown } from '../../../api/stream/stream-refusals.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { unknownAsset } from '../../../library/assets.ts';
import type { StreamDefinition } from '../../../streams/definition.ts';
import { createStreamTimeline, type StreamTimeline } from '../../../streams/timeline/stream-timeline.ts';
import type { AppContext } from '../../core.ts';
import type { CoreParts } from '../../feature.ts';
import type { StreamsElsewhere } from '../cluster/streams-elsewhere.ts';
import type { RoomParts } from '../parts.ts';
import { addressExpiry } from '../playlist/address-expiry.ts';
import type { RoomItemMedia, RoomMedia } from '../room-media.ts';

/** Addresses of stills are on this grid, so that viewers share them, ms. */
const STILL_GRID_MS = 5000;

/** Media that is not of this node. */
export interface MediaElsewhere extends Pick<RoomParts, 'mediaServers'> {
  /** Undefined without a cluster. */
  readonly streamsElsewhere: StreamsElsewhere | undefined;
}

type StreamTarget = Extract<ItemTarget, { kind: 'stream' | 'range' }>;

const hasStream = (target: ItemTarget): target is StreamTarget => target.kind === 'stream' || target.kind === 'range';
const isPrivate = (visibility: string): boolean => visibility === 'signed' || visibility === 'private';

/** See RoomMedia. */
export class ServerMedia implements RoomMedia {
  readonly #app: Pick<AppContext, 'clock' | 'settings'>;
  readonly #core: Pick<CoreParts, 'catalog' | 'library' | 'accounts' | 'recordings'>;
  readonly #elsewhere: MediaElsewhere;

  constructor(
    app: Pick<AppContext, 'clock' | 'settings'>,
    core: Pick<CoreParts, 'catalog' | 'library' | 'accounts' | 'recordings'>,
    elsewhere: MediaElsewhere,
  ) {
    this.#app = app;
    this.#core = core;
    this.#elsewhere = elsewhere;
  }

  async check(target: ItemTarget, author: UserRef): Promise<{ readonly name: string; readonly signed: boolean }> {
    if (hasStream(target)) return this.#checkStreams(target, author);
    if (target.kind === 'asset') {
      const asset = await this.#findAsset(target.asset);
      const { owner, visibility } = asset ?? {};
      if (!asset || !may(this.#principalOf(author), 'seeAsset', { owner, visibility }))
        throw unknownAsset(target.asset);
      return { name: asset.title, signed: asset.visibility === 'private' };
    }
    if (target.kind === 'provider') await this.#elsewhere.mediaServers.check(author.id, target.provider);
    return { name: '', signed: false };
  }

  async open(target: ItemTarget): Promise<RoomItemMedia | undefined> {
    switch (target.kind) {
      case 'stream':
      case 'range': {
        if (!(await this.#isThere(target.stream))) return undefined;
        const range = target.kind === 'range' ? { fromMs: target.fromMs, toMs: target.toMs } : undefined;
        return { kind: 'timeline', range, timeline: this.#timelineOf(target.stream) };
      }
      case 'asset': {
        const asset = await this.#findAsset(target.asset);
        return asset && { kind: 'file', durationMs: asset.durationUs === null ? undefined : asset.durationUs / 1000 };
      }
      case 'link':
        return target.live ? { kind: 'live' } : { kind: 'file', durationMs: undefined };
      case 'provider':
        return { kind: 'file', durationMs: undefined };
      case 'folder':
        return undefined;
    }
  }

  still(target: ItemTarget, atMs: number): string | null {
    if (!hasStream(target)) return null;
    const { catalog } = this.#core;
    if (!catalog.isOpen || catalog.lookUp(target.stream)?.definition.visibility !== 'public') return null;
    const at = Math.floor(atMs / STILL_GRID_MS) * (STILL_GRID_MS / 1000);
    return at > 0 ? printMediaAddress({ stream: target.stream, kind: 'still', at: String(at) }) : null;
  }

  address(target: ItemTarget, isSigned: boolean): string | null {
    if (target.kind === 'asset') {
      const path = printAssetAddress({ stream: undefined, asset: target.asset, kind: 'asset-index' });
      return isSigned ? this.#sign(tokenNameOf(target.asset), path) : path;
    }
    return hasStream(target) ? this.#streamAddress(target.stream, isSigned) : null;
  }

  besides(target: ItemTarget, isSigned: boolean): RoomItem['beside'] | undefined {
    if (!hasStream(target)) return undefined;
    return target.beside?.map((stream, i) => {
      const offsetMs = target.offsetsMs?.[i] ?? 0;
      const address = this.#streamAddress(stream, isSigned);
      return offsetMs === 0 ? { stream, address } : { stream, address, offsetMs };
    });
  }

  /** @throws as `check` */
  async #checkStreams(target: StreamTarget, author: UserRef): Promise<{ name: string; signed: boolean }> {
    if (target.kind === 'range' && target.toMs <= target.fromMs)
      throw new OxbowError('bad-request', 'The range ends before it begins.');
    const names = [target.stream, ...(target.beside ?? [])];
    if (new Set(names).size < names.length)
      throw new OxbowError('bad-request', 'A stream is shown once: `beside` has only other streams.');
    if (target.offsetsMs && target.offsetsMs.length !== (target.beside ?? []).length)
      throw new OxbowError('bad-request', '`offsetsMs` must have one offset for each stream of `beside`.');
    const streams = await Promise.all(names.map((name) => this.#findWatchable(name, author)));
    const signed = streams.some(({ visibility }) => isPrivate(visibility));
    return { name: streams.map(({ name, title }) => title || name).join(' + '), signed };
  }

  /** A stream that a person may watch; of a cluster, one of any node. */
  async #findWatchable(
    name: string,
    author: UserRef,
  ): Promise<Pick<StreamDefinition, 'visibility' | 'title' | 'name'>> {
    const { catalog } = this.#core;
    const definition = catalog.lookUp(name)?.definition ?? (await this.#elsewhere.streamsElsewhere?.find(name));
    if (!definition || !may(this.#principalOf(author), 'watch', { visibility: definition.visibility }))
      throw streamUnknown(name);
    return definition;
  }

  async #findAsset(id: string) {
    const asset = await this.#core.library.assets.find(id);
    return asset?.deletedMs === null ? asset : undefined;
  }

  /** Whether there is a stream that rooms can play; the edge of one of another node is known then. */
  async #isThere(name: string): Promise<boolean> {
    const { catalog } = this.#core;
    const { streamsElsewhere } = this.#elsewhere;
    // While streams are being opened, people come back already: the timeline finds theirs when it is open.
    if (!catalog.isOpen || catalog.find(name)) return true;
    if (!(await streamsElsewhere?.find(name))) return false;
    await streamsElsewhere?.refresh(name);
    return true;
  }

  /** The timeline of a stream, whichever node runs it now. */
  #timelineOf(name: string): StreamTimeline {
    const { catalog, recordings } = this.#core;
    const { streamsElsewhere } = this.#elsewhere;
    const here = createStreamTimeline(() => catalog.find(name), recordings.chunks);
    if (!streamsElsewhere) return here;
    const elsewhere = streamsElsewhere.timeline(name);
    const now = () => (catalog.find(name) ? here : elsewhere);
    return {
      edgeMs: () => now().edgeMs(),
      distanceMs: () => now().distanceMs(),
      span: (positionMs) => now().span(positionMs),
    };
  }

  #streamAddress(stream: string, isSigned: boolean): string {
    const path = printMediaAddress({ stream, kind: 'index' });
    return isSigned ? this.#sign(stream, path) : path;
  }

  #sign(name: string, path: string): string {
    const { watch } = this.#core.accounts.access;
    return printSignedPath(watch.sign(name, addressExpiry(this.#app.clock.nowMs())), path);
  }

  /** The permissions of a person, as for requests. */
  #principalOf({ id }: UserRef): Principal {
    if (id === administratorRef.id) return administrator;
    const { users } = this.#core.accounts.access;
    return principalOfUser(users.find(id), this.#app.settings.now.accounts);
  }
}
