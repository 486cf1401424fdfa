/**
 * The STUN and TURN servers that an answer of WHIP or WHEP names.
 * In: its `Link` field. Out: servers for the connection. RFC 9725 4.6.
 */

/** One link with its parameters, in quotation marks. */
const LINK = /<([^<>]+)>\s*((?:;\s*[\w-]+="[^"]*"\s*)*)/g;

/** The servers; none if there is no field. */
export function linkedServers(field: string | null): RTCIceServer[] {
  return [...(field ?? '').matchAll(LINK)].flatMap(([, urls, parameters]) => {
    const { rel, username, credential } = Object.fromEntries(
      [...parameters!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    if (rel !== 'ice-server') return [];
    return [{ urls: urls!, ...(username !== undefined && credential !== undefined && { username, credential }) }];
  });
}
