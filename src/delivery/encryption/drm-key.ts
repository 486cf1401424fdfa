/**
 * A content key with what DRM systems need, and how playlists and manifests show it.
 * In: keys of key servers. Out: EXT-X-KEY tags, `pssh` boxes, ContentProtection elements. Pure.
 * RFC 8216bis 4.4.4.4; ISO 23009-1 5.8.4.1; DASH-IF IOP 7.
 */
import { printBase64 } from '@oxbow/media/base64';
import { type ContentKey as CommonKey, SYSTEM, uuidOf } from '@oxbow/media/cenc/protection';
import { parsePssh, printPssh } from '@oxbow/media/cenc/pssh';
import { FormatError } from '@oxbow/media/errors';
import type { KeyTag } from '@oxbow/media/m3u8/playlist';
import { parseXml } from '@oxbow/media/mpd/elements';
import { element } from '../format/xml.ts';

/** Names the key of one period of a stream or asset: periods follow each other. */
export interface NumberedKey {
  /** 16 bytes: the id that the key has. */
  readonly kid: Uint8Array;
  readonly number: number;
}

/** The keys of one stream or asset from a key server. */
export interface KeySource {
  /** A key that the server has given; undefined: it is not known, and maybe requested now. */
  find(key: NumberedKey): DrmKey | undefined;
  /** Requests a key. @throws OxbowError `key-server-failed` */
  load(key: NumberedKey, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Requests a key that is needed soon; does not wait. */
  expect(key: NumberedKey): void;
}

/** A key as a key server gives it. */
export interface DrmKey {
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** 16 bytes; undefined: the server leaves it to oxbow. */
  readonly iv: Uint8Array | undefined;
  readonly systems: readonly DrmSystem[];
}

/** What one DRM system needs; each field is passed to players as the key server gives it. */
export interface DrmSystem {
  /** SystemID as a UUID, lower case. */
  readonly system: string;
  /** A complete box. */
  readonly pssh: Uint8Array | undefined;
  /** Elements for a ContentProtection, XML. */
  readonly contentProtection: string | undefined;
  /** URI of an EXT-X-KEY. */
  readonly uri: string | undefined;
  /** EXT-X-KEY tags of the server; without any they are made of the fields above. */
  readonly tags: readonly KeyTag[];
}

const METHOD = 'SAMPLE-AES';
/** KEYFORMAT of ClearKey, as hls.js and its relatives know it. */
const CLEAR_KEY_FORMAT = 'org.w3.clearkey';
/** KEYFORMATs of systems whose URI has the data of their pssh. */
const WIDEVINE_FORMAT = `urn:uuid:${SYSTEM.widevine}`;
const PLAY_READY_FORMAT = 'com.microsoft.playready';
const FAIR_PLAY_FORMAT = 'com.apple.streamingkeydelivery';
const MAX_TEXT = 64 * 1024;
const CENC = 'urn:mpeg:cenc:2013';
const MP4_PROTECTION = 'urn:mpeg:dash:mp4protection:2011';
const DASH_IF = 'https://dashif.org/CPS';

/**
 * Refuses what would break a playlist or manifest.
 *
 * @throws FormatError
 */
export function checkDrmKey({ systems }: DrmKey): void {
  for (const { pssh, contentProtection, uri, tags } of systems) {
    if (pssh) parsePssh(pssh);
    if (contentProtection !== undefined) {
      const xml = { what: 'the ContentProtection data', maxLength: MAX_TEXT };
      const whole = parseXml(`<a><b>${contentProtection}</b></a>`, xml);
      if (whole?.children.length !== 1) throw new FormatError('the ContentProtection data is no XML', 0);
    }
    for (const text of [uri, ...tags.flatMap((tag) => [tag.uri, tag.keyFormat, tag.keyFormatVersions, tag.method])]) {
      if (text === undefined) continue;
      if (text.length > MAX_TEXT || /["\s]|[^\x20-\x7e]/.test(text)) {
        throw new FormatError('a URI or a format has a space, a quote or another character that no tag may have', 0);
      }
    }
  }
}

/**
 * The EXT-X-KEY tags of a key, one for each KEYFORMAT.
 *
 * @param clearKeyUri the key itself, for players with the right to watch; undefined: ClearKey is not offered
 * @param keyFormat of that tag
 */
export function keyTagsOf(
  systems: readonly DrmSystem[],
  clearKeyUri: string | undefined,
  keyFormat: string = CLEAR_KEY_FORMAT,
): KeyTag[] {
  const tags = systems.flatMap((system) => (system.tags.length > 0 ? system.tags : (madeTag(system) ?? [])));
  if (clearKeyUri !== undefined) {
    tags.push({ method: METHOD, uri: clearKeyUri, keyFormat, keyFormatVersions: '1' });
  }
  return tags;
}

function madeTag({ system, pssh, uri }: DrmSystem): KeyTag | undefined {
  const tag = (keyFormat: string, text: string): KeyTag => {
    return { method: METHOD, uri: text, keyFormat, keyFormatVersions: '1' };
  };
  if (system === SYSTEM.fairPlay) return uri === undefined ? undefined : tag(FAIR_PLAY_FORMAT, uri);
  if (system === SYSTEM.widevine) {
    const data = pssh && `data:text/plain;base64,${printBase64(pssh)}`;
    return (uri ?? data) === undefined ? undefined : tag(WIDEVINE_FORMAT, (uri ?? data)!);
  }
  if (system === SYSTEM.playReady) {
    // Its tag has the PlayReady Object, which is the data of the box.
    const data = pssh && `data:text/plain;charset=UTF-16;base64,${printBase64(parsePssh(pssh).data)}`;
    return (uri ?? data) === undefined ? undefined : tag(PLAY_READY_FORMAT, (uri ?? data)!);
  }
  return undefined;
}

/**
 * The `pssh` boxes of an init section: those of the systems, and that which browsers read for ClearKey.
 */
export function psshBoxesOf(kid: Uint8Array, systems: readonly DrmSystem[], hasClearKey: boolean): Uint8Array[] {
  const boxes = systems.flatMap(({ pssh }) => pssh ?? []);
  if (hasClearKey) boxes.push(printPssh({ system: SYSTEM.common, kids: [kid], data: new Uint8Array(0) }));
  return boxes;
}

/** The ContentProtection elements of an AdaptationSet. */
export function contentProtectionOf(
  { kid }: Pick<CommonKey, 'kid'>,
  systems: readonly DrmSystem[],
  clearKeyUrl: string | undefined,
): string[] {
  const elements = [
    element('ContentProtection', {
      'xmlns:cenc': CENC,
      schemeIdUri: MP4_PROTECTION,
      value: 'cbcs',
      'cenc:default_KID': uuidOf(kid),
    }),
  ];
  for (const { system, pssh, contentProtection } of systems) {
    const content = [
      ...(contentProtection === undefined ? [] : [contentProtection]),
      ...(pssh && !contentProtection?.includes('pssh') ? [`<cenc:pssh>${printBase64(pssh)}</cenc:pssh>`] : []),
    ];
    elements.push(
      `<ContentProtection xmlns:cenc="${CENC}" schemeIdUri="urn:uuid:${system}">${content.join('')}</ContentProtection>`,
    );
  }
  if (clearKeyUrl !== undefined) {
    const url = element('dashif:Laurl', { 'xmlns:dashif': DASH_IF, licenseType: 'EME-1.0' }, clearKeyUrl);
    elements.push(
      element('ContentProtection', { schemeIdUri: `urn:uuid:${SYSTEM.clearKey}`, value: 'ClearKey1.0' }, [url]),
    );
  }
  return elements;
}
