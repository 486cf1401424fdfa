/**
 * Looks at a camera: what it is, what it sends, and a still picture of it.
 * In: an address with a user. Out: its description; the address of the media of a profile. ONVIF Core 8.3,
 * Media 5.
 */
import { eventsService } from '@oxbow/wire/onvif/events';
import {
  type MediaService,
  mediaServices,
  type OnvifProfile,
  parseDevice,
  parseMediaUri,
  parseProfiles,
  printGetDevice,
  printGetProfiles,
  printGetSnapshotUri,
  printGetStreamUri,
} from '@oxbow/wire/onvif/media';
import { ptzService } from '@oxbow/wire/onvif/ptz';
import type { CameraView } from '../../api/cameras/camera-shapes.ts';
import { OnvifClient, type OnvifClientOptions } from '../../ingest/onvif/onvif-client.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Largest still picture, bytes; a larger one is left out. */
const MAX_PICTURE = 2 * 1024 * 1024;

export interface OpenCamera {
  readonly view: Omit<CameraView, 'picture'>;
  readonly profiles: readonly OnvifProfile[];
  /** The address of the media of a profile, with the user. @throws OxbowError `source-failed` */
  streamUrl(profile: string, within: { readonly signal: AbortSignal }): Promise<string>;
  /** A JPEG of a profile as base64; null without one. @throws the signal's reason */
  picture(profile: string, within: { readonly signal: AbortSignal }): Promise<string | null>;
}

/**
 * Opens a camera.
 *
 * @throws OxbowError `source-failed` if it does not answer or refuses (`extra.reason` is `credentials` or
 *   `refused`), or sends no media; `address-refused`; the signal's reason
 */
export async function openCamera(
  options: OnvifClientOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<OpenCamera> {
  const client = new OnvifClient(options);
  await client.open({ signal });
  const { service, url } = mediaOf(client);
  const device = parseDevice(await client.call(options.address.device, printGetDevice(), { signal }));
  const listed = parseProfiles(await client.call(url, printGetProfiles(service), { signal }));
  const profiles = listed.toSorted((a, b) => b.width * b.height - a.width * a.height);
  const moves = client.serviceOf(ptzService) !== undefined;
  return {
    profiles,
    view: {
      ...device,
      aheadSeconds: Math.round(client.aheadMs / 1000),
      profiles: profiles.map(({ sources: _, ...profile }) => ({ ...profile, moves: moves && profile.moves })),
      hasEvents: client.serviceOf(eventsService) !== undefined,
    },
    async streamUrl(profile, within) {
      const body = printGetStreamUri(service, profile);
      return client.rtspUrlOf(parseMediaUri(await client.call(url, body, within)));
    },
    async picture(profile, within) {
      try {
        const uri = parseMediaUri(await client.call(url, printGetSnapshotUri(service, profile), within));
        const still = client.urlOf(uri);
        const bytes = still && (await client.file(still, { maxBytes: MAX_PICTURE, signal: within.signal }));
        const isJpeg = bytes?.[0] === 0xff && bytes[1] === 0xd8;
        return isJpeg ? Buffer.from(bytes).toString('base64') : null;
      } catch (error) {
        if (error instanceof OxbowError) return null; // many cameras have none
        throw error;
      }
    },
  };
}

function mediaOf(client: OnvifClient): { readonly service: MediaService; readonly url: URL } {
  for (const service of ['media2', 'media'] as const) {
    const url = client.serviceOf(mediaServices[service]);
    if (url) return { service, url };
  }
  throw client.failed('sends no media: it has no media service', 'refused');
}
