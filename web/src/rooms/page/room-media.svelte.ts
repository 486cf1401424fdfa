/**
 * The player of an entry in a room: what its controls, keys and bar need.
 * In: an entry of the playlist, the remote. Out: components; the player follows the room.
 */
import { type AssetOptions, AssetPlayer } from '../../library/player/asset-player.svelte.ts';
import type { ActionMedia } from '../../media/actions.ts';
import type { MediaRequests } from '../../media/requests.ts';
import type { MediaState } from '../../media/state.ts';
import { overlayOf } from '../../watch/overlay.ts';
import { WatchSession } from '../../watch/session.svelte.ts';
import type { Remote } from '../session/remote.ts';

/** What controls and keys need of a player in a room. */
export interface RoomMedia extends ActionMedia {
  /** The stream sends nothing: there is no picture to be in step with. */
  readonly isOff?: boolean;
}

/** A stream, live or past. */
export class StreamMedia extends WatchSession implements RoomMedia {
  readonly #remote: Remote;

  constructor(stream: string, remote: Remote) {
    super(stream, remote);
    this.#remote = remote;
  }

  get isOff(): boolean {
    return overlayOf(this.player, this.connection.stream) === 'offline';
  }

  override step = (bySeconds: number): void => this.#remote.step(bySeconds);
}

/** A video of the library or a link: positions from its start. */
export class FileMedia implements RoomMedia {
  readonly file: AssetPlayer;
  readonly #remote: Remote;
  /** With the speed of the room; the element's differs from it while the player gets into step. */
  readonly #shown = $derived.by((): MediaState => ({ ...this.file.player, rate: this.#remote.rate }));

  constructor(url: string, options: Pick<AssetOptions, 'type' | 'texts'>, remote: Remote) {
    this.file = new AssetPlayer(url, { ...options, room: remote });
    this.#remote = remote;
  }

  get player(): MediaState {
    return this.#shown;
  }

  get controls(): MediaRequests {
    return this.file.controls;
  }

  step(bySeconds: number): void {
    this.#remote.step(bySeconds);
  }

  goToFirst(): void {
    this.#remote.seek(0);
  }

  close(): void {
    this.file.close();
  }
}
