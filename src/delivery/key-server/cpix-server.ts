/**
 * A key server that speaks CPIX over HTTP, as the DRM services of cloud providers do.
 * In: a period. Out: its key, from the document that the server completes. DASH-IF CPIX 2.3.
 */

import { sameBytes } from '@oxbow/media/bytes';
import { type CpixSystem, parseCpix, printCpixRequest } from '@oxbow/media/cpix/cpix';
import { FormatError } from '@oxbow/media/errors';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { KeyTag } from '@oxbow/media/m3u8/playlist';
import type { Net } from '../../net/net.ts';
import type { DrmKey, DrmSystem } from '../encryption/drm-key.ts';
import { type KeyPeriod, type KeyServer, type KeyServerAddress, requestKey } from './key-server.ts';

/** A server at an address. */
export function cpixServer(net: Pick<Net, 'fetch'>, address: KeyServerAddress): KeyServer {
  return {
    keyOf: (period, options) =>
      requestKey(
        net,
        address,
        {
          type: 'application/xml',
          body: printCpixRequest({ contentId: period.content, kid: period.kid, period: period.number }),
          read: (text) => readKey(text, period),
        },
        options,
      ),
  };
}

function readKey(text: string, { kid }: KeyPeriod): DrmKey | undefined {
  const document = parseCpix(text);
  const found = document.keys.find((key) => sameBytes(key.kid, kid));
  if (!found?.key) return undefined;
  if (found.scheme !== undefined && found.scheme !== 'cbcs') {
    throw new FormatError(`the key is for ${found.scheme.slice(0, 20)}, not for cbcs`, 0);
  }
  const systems = document.systems.filter((system) => sameBytes(system.kid, kid)).map(systemOf);
  return { key: found.key, iv: found.iv, systems };
}

function systemOf({ system, pssh, contentProtection, uri, mediaPlaylist }: CpixSystem): DrmSystem {
  const tags = mediaPlaylist === undefined ? [] : keyTagsOf(mediaPlaylist);
  return { system, pssh, contentProtection, uri, tags };
}

/** The EXT-X-KEY tags among lines of a Media Playlist. */
function keyTagsOf(lines: string): readonly KeyTag[] {
  const parsed = parsePlaylist(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n${lines}\n#EXTINF:1,\nsegment\n`);
  if (parsed.kind !== 'media') throw new FormatError('HLSSignalingData has no tags of a Media Playlist', 0);
  const [segment] = parsed.playlist.segments;
  return segment?.keys ?? (segment?.key ? [segment.key] : []);
}
