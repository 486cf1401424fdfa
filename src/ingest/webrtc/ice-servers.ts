/**
 * The STUN and TURN servers that clients of WebRTC get, with the account of the TURN servers or with
 * credentials that expire.
 * In: settings, the time. Out: servers for `Link` fields and for calls. draft-uberti-behave-turn-rest-00 2.2;
 * RFC 9725 4.6.
 */
import { createHmac } from 'node:crypto';
import type { IceServer } from '../../api/realtime/webrtc-api.ts';

/**
 * Time-limited credentials are valid for this long: longer than most sessions, because some servers check
 * them again, ms.
 */
const VALID_MS = 12 * 3_600_000;
/** Names this server in the log of the TURN server. */
const USER = 'oxbow';

interface IceServerSettings {
  readonly webrtcIceServers: readonly string[];
  /** `static-auth-secret` of the TURN servers; undefined: the account applies. */
  readonly webrtcTurnSecret: string | undefined;
  readonly webrtcTurnUser: string;
  readonly webrtcTurnPassword: string;
}

/** The servers as a client gets them now. @param nowMs ms since 1970 */
export function listIceServers(settings: IceServerSettings, nowMs: number): readonly IceServer[] {
  const { webrtcIceServers, webrtcTurnSecret, webrtcTurnUser, webrtcTurnPassword } = settings;
  if (webrtcIceServers.length === 0) return [];
  const account =
    webrtcTurnSecret === undefined
      ? { username: webrtcTurnUser, credential: webrtcTurnPassword }
      : timeLimited(webrtcTurnSecret, nowMs);
  return webrtcIceServers.map((url) => ({ url, ...(url.startsWith('turn') && account) }));
}

function timeLimited(secret: string, nowMs: number): Pick<Required<IceServer>, 'username' | 'credential'> {
  const username = `${Math.floor((nowMs + VALID_MS) / 1000)}:${USER}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}
