/**
 * The contracts of clips: what serves their media and pages calls `ClipFinder`; the API calls `ClipsApi`,
 * which refuses with an OxbowError. In: serve/media, http/pages, routes of clips. Out: features/clips
 * implements both. Types, and the name of tokens.
 */
import { OxbowError } from '../../lib/errors.ts';
import type { ClipList, ClipListQuery, ClipPatch, ClipView } from './clip-shapes.ts';

/** The client of a call. */
export interface ClipClient {
  /** Owner of the clips that it creates; `''` for an anonymous client. */
  readonly owner: string;
  readonly isAdmin: boolean;
  readonly seesAll: boolean;
  readonly seesSigned: boolean;
  /** A valid playback token of the clip or its stream that came with the request; undefined: none. */
  readonly token?: string | undefined;
}

/** The facts for access control of a clip, and for its page. */
export interface ClipFacts {
  readonly visibility: ClipView['visibility'];
  readonly owner: string;
  /** Name of its stream. */
  readonly stream: string;
  readonly title: string;
  /** ms since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Its media was deleted because the disk was full. */
  readonly isLost: boolean;
}

/** A clip as it is stored, whether its stream is served or not. */
export interface StoredClip extends Pick<ClipFacts, 'title' | 'fromMs' | 'toMs' | 'isLost'> {
  readonly streamId: string;
}

/** A clip to create; times are ms since 1970. */
export interface ClipRequest {
  readonly stream: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly title: string;
  readonly visibility: ClipView['visibility'] | undefined;
  readonly confirm: boolean;
}

/** A clip that was created or changed. */
export interface ChangedClip {
  readonly view: ClipView;
  /** The visibility of the restricted stream, if the call opened the clip to more people than that. */
  readonly openedFrom: 'signed' | 'private' | undefined;
}

/** Finds clips by their ids. */
export interface ClipFinder {
  /** Undefined if there is no such clip, or no such stream any more. Answers from memory. */
  facts(id: string): ClipFacts | undefined;
  /** A clip of a stream of any node, by its row in memory; undefined if there is none with that id. */
  stored(id: string): StoredClip | undefined;
  /** Name of the stream of a clip, which another node may have created a moment ago. */
  streamOf(id: string): Promise<string | undefined>;
}

/** Without a feature that has clips. */
export const noClips: ClipFinder = {
  facts: () => undefined,
  stored: () => undefined,
  streamOf: async () => undefined,
};

export interface ClipsApi extends Pick<ClipFinder, 'facts'> {
  /** A page of clips for the client, newest first. Refuses `bad-request` for an invalid cursor. */
  list(query: ClipListQuery, client: ClipClient): Promise<ClipList>;
  /** Refuses `clip-unknown`, also if the client may not watch it; `clip-lost`. */
  get(id: string, client: ClipClient): Promise<ClipView>;
  /**
   * Refuses `stream-unknown`, `bad-time`, `clip-too-long`, `clip-more-open`, `no-media`, `gone`,
   * `unsupported-media`, `limit-reached`.
   */
  create(clip: ClipRequest, client: ClipClient): Promise<ChangedClip>;
  /** Refuses as `get`, and `forbidden`, `unauthorized`, `clip-more-open`. */
  update(id: string, patch: ClipPatch, client: ClipClient): Promise<ChangedClip>;
  /** Refuses `clip-unknown`, `forbidden`, `unauthorized`. */
  remove(id: string, client: ClipClient): Promise<void>;
}

/** Makes and deletes clips for other features, whose callers were checked. */
export type ClipMaker = Pick<ClipsApi, 'create' | 'remove'>;

/** Without a feature that has clips there are none. */
export const noClipMaker: ClipMaker = {
  create: () => Promise.reject(new OxbowError('not-found', 'This server has no clips.')),
  remove: async () => {},
};

/** The name for which playback tokens of a clip are signed; no stream has such a name. */
export function clipTokenNameOf(clip: string): string {
  return `clip/${clip}`;
}
