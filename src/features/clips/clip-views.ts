/**
 * Clips as a client sees them: where they are in their files, and addresses with playback tokens.
 * In: clips, the client. Out: ClipView. docs/4-watch/clips.md.
 */
import { may, type Resource } from '../../accounts/permissions.ts';
import { type ClipAddress, clipPage, printClipAddress } from '../../api/clips/clip-address.ts';
import type { ClipView } from '../../api/clips/clip-shapes.ts';
import { type ClipClient, clipTokenNameOf } from '../../api/clips/clips-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { printSignedPath, signedUntilMs } from '../../api/signed-path.ts';
import { type ClipExtent, measureClip } from '../../delivery/clip/clip-extent.ts';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import type { Clip } from './clip-table.ts';

/** Measured clips that are complete, about 100 bytes each. */
const MAX_MEASURED = 5000;

/** Dependencies of the views. */
export interface ClipViewsParts {
  readonly catalog: Pick<Catalog, 'find'>;
  readonly clock: Clock;
  /** Signs a playback token for a name until an instant, ms since 1970. */
  readonly sign: (name: string, expiresMs: number) => string;
  /** The name of an owner; undefined for owners that are no users, and deleted ones. */
  readonly nameOf: (owner: string) => string | undefined;
}

/** Makes the views of clips, and remembers where complete ones are in their files. */
export class ClipViews {
  readonly #parts: ClipViewsParts;
  readonly #measured = new Map<string, ClipExtent>();

  constructor(parts: ClipViewsParts) {
    this.#parts = parts;
  }

  /** A clip was deleted. */
  forget(id: string): void {
    this.#measured.delete(id);
  }

  /** Where the clip is in its file; undefined while nothing of it can be read. */
  async #extentOf(clip: Clip, { name }: StreamDefinition): Promise<ClipExtent | undefined> {
    const stream = this.#parts.catalog.find(name);
    const before = this.#measured.get(clip.id);
    if (before || !stream) return before;
    try {
      const extent = await measureClip(stream.served, clip);
      if (extent.isComplete) {
        this.#measured.set(clip.id, extent);
        dropOldest(this.#measured, MAX_MEASURED);
      }
      return extent;
    } catch (error) {
      if (error instanceof OxbowError) return undefined; // its media was deleted, or a run with other codecs reached into it
      throw error;
    }
  }

  /** The clip as a client sees it, with addresses that it may open. */
  async of(clip: Clip, stream: StreamDefinition, client: ClipClient): Promise<ClipView> {
    const { id, title, visibility, owner } = clip;
    const durationS = (clip.toUs - clip.fromUs) / 1e6;
    const { startS, endS, bytes } = (await this.#extentOf(clip, stream)) ?? { startS: 0, endS: durationS, bytes: 0 };
    const path = this.#pathOf(clip, client);
    return {
      id,
      stream: stream.name,
      title,
      from: printRfc3339(clip.fromUs / 1000),
      to: printRfc3339(clip.toUs / 1000),
      durationS,
      visibility,
      createdAt: printRfc3339(clip.createdUs / 1000),
      createdBy: this.#parts.nameOf(owner) ?? null,
      url: clipPage(id),
      media: { file: path('clip-file'), startS, endS, preview: path('clip-preview'), sizeBytes: bytes },
      mayChange: may(client, 'change', clip),
    };
  }

  /** Prints paths of a clip's media, with a playback token where the clip is restricted. */
  #pathOf({ id, visibility }: Clip, { token }: ClipClient): (kind: ClipAddress['kind']) => string {
    const print = (kind: ClipAddress['kind']) => printClipAddress({ kind, stream: undefined, clip: id });
    if (!isRestricted(visibility)) return print;
    const clipToken = token ?? this.#parts.sign(clipTokenNameOf(id), signedUntilMs(this.#parts.clock.nowMs()));
    return (kind) => printSignedPath(clipToken, print(kind));
  }
}

/** Whether only some may watch. */
export function isRestricted(visibility: Resource['visibility']): visibility is 'signed' | 'private' {
  return visibility === 'signed' || visibility === 'private';
}
