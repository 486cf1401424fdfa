/**
 * Which connections the authorization server has admitted to a restricted stream.
 * In: answers in the memory of AuthUrl. Out: whether a response may be sent at once; otherwise the slow path
 * calls the server.
 */
import type { AuthUrl } from '../../accounts/auth/auth-url.ts';
import type { HotClient } from './response-cache.ts';

/**
 * A connection reads AuthUrl again after this long, so that answers in use are not dropped from its memory,
 * ms.
 */
const HELD_MS = 1000;

interface Admission {
  readonly stream: string;
  readonly token: string | undefined;
  readonly headers: object | undefined;
  readonly untilMs: number;
}

/** The admitted connections. */
export class AdmittedClients {
  readonly #auth: Pick<AuthUrl, 'known'>;
  readonly #clock: { monotonicMs(): number };
  /** The last admission of each connection: players send the same token with each request. */
  readonly #last = new WeakMap<HotClient, Admission>();

  constructor(auth: Pick<AuthUrl, 'known'>, clock: { monotonicMs(): number }) {
    this.#auth = auth;
    this.#clock = clock;
  }

  /** Whether the client may watch a restricted stream, by an answer that holds. */
  has(client: HotClient, stream: string, token: string | undefined): boolean {
    const nowMs = this.#clock.monotonicMs();
    const { clientHeaders: headers } = client;
    const last = this.#last.get(client);
    const isSame = last?.token === token && last?.stream === stream && last.headers === headers;
    if (isSame && nowMs < last.untilMs) return true;
    const question = { action: 'read', protocol: 'http', stream, secret: token } as const;
    const decision = this.#auth.known({ ...question, address: client.clientAddress, userAgent: undefined });
    if (!decision?.verdict.isAllowed) return false;
    this.#last.set(client, { stream, token, headers, untilMs: Math.min(decision.untilMs, nowMs + HELD_MS) });
    return true;
  }
}
