/**
 * Names of closed caption services, as playlists and manifests announce them.
 * In: detectors, playlists of sources. Out: presentations. Pure. RFC 8216bis 4.4.6.1 (INSTREAM-ID).
 */

/** A caption service: `CC1` to `CC4`, or `SERVICE1` to `SERVICE63`. */
export type CaptionService = `CC${1 | 2 | 3 | 4}` | `SERVICE${number}`;

/** A service as it is announced. */
export interface CaptionChannel {
  readonly service: CaptionService;
  /** BCP 47, `und` where it is not known. */
  readonly language: string;
  /** For people. */
  readonly name: string;
}

const SERVICE = /^(?:CC[1-4]|SERVICE(?:[1-9]|[1-5]\d|6[0-3]))$/;

/** Whether a text names a caption service. */
export function isCaptionService(text: string): text is CaptionService {
  return SERVICE.test(text);
}

/** The channel of a service of which nothing else is known. */
export function unnamedChannel(service: CaptionService): CaptionChannel {
  const name = service.startsWith('CC') ? service : `Captions ${service.slice('SERVICE'.length)}`;
  return { service, language: 'und', name };
}

/** Captions that were stored as JSON; undefined for anything else. */
export function captionsFrom(stored: unknown): CaptionChannel[] | undefined {
  if (!Array.isArray(stored)) return undefined;
  return stored.filter((channel: Partial<CaptionChannel>) => isCaptionService(channel?.service ?? ''));
}

/** All services of two lists, CEA-608 first, by number; the first list says more of those in both. */
export function mergeCaptions(first: readonly CaptionChannel[], second: readonly CaptionChannel[]): CaptionChannel[] {
  const names = new Set(first.map(({ service }) => service));
  return [...first, ...second.filter(({ service }) => !names.has(service))].sort((a, b) => orderOf(a) - orderOf(b));
}

function orderOf({ service }: CaptionChannel): number {
  return service.startsWith('CC') ? Number(service.slice(2)) : 4 + Number(service.slice('SERVICE'.length));
}
