/**
 * Two servers with one prefix in a target: the second one is found, and stops. An object in the target names
 * the server, or the cluster, that writes there; it is written again and again, so that a server that is lost
 * differs from one that runs.
 * In: a target. Out: its object; whether another server has it. docs/decisions/0114.
 *
 * A server takes the place of the one before at once: it may be the new machine of a server that was lost. If
 * that one runs, it writes its name again; then the newer one stops until the other has been silent.
 */
import type { ObjectClient } from '../../archive/objects/object-client.ts';

/** Pause between two looks, ms. */
const EVERY_MS = 30_000;
/** After another name was replaced, ms. */
const SOON_MS = 15_000;
/** Looks in which the server whose name was replaced would have come back. */
const SURE = 5;
/** Looks without a new number after which a server is taken for lost. */
const SILENT = 10;
/** More than the object ever has, bytes. */
const MAX_BYTES = 4096;

/** What the object in the target says of its writer. */
export interface ServerName {
  /** Of the server, or of its cluster. */
  readonly id: string;
  /** For people: the name of the machine. */
  readonly host: string;
  /**
   * Differs in each process of a server that is one process: so a copy of its data folder, which has its id,
   * is another server. Absent where nodes or processes share the id.
   */
  readonly run?: string | undefined;
}

interface Claim extends ServerName {
  /** Grows with each write. */
  readonly beat: number;
}

interface PrefixClaimOptions {
  /** Of the target, may be empty. */
  readonly prefix: string;
  readonly server: ServerName;
  readonly monotonicMs: () => number;
}

/** The claim of this server on a prefix. */
export class PrefixClaim {
  readonly #options: PrefixClaimOptions;
  readonly #key: string;
  #nextMs = Number.NEGATIVE_INFINITY;
  #beat = 0;
  /** Whose name was replaced, and how often it has not come back since. */
  #replaced: { readonly name: string; looks: number } | undefined;
  /** Who has the place, and for how many looks its number is the same. */
  #taken: { readonly by: Claim; looks: number } | undefined;
  #problem: string | undefined;

  constructor(options: PrefixClaimOptions) {
    this.#options = options;
    this.#key = claimKey(options.prefix);
  }

  /** Another server writes there: this one does not. */
  get isTaken(): boolean {
    return this.#taken !== undefined;
  }

  /** What is wrong, for people; undefined: nothing. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Looks who has the place, if it is time. Rejects if the target fails. */
  async look(client: ObjectClient, options: { readonly signal: AbortSignal }): Promise<void> {
    const { monotonicMs, server } = this.#options;
    if (monotonicMs() < this.#nextMs) return;
    const bytes = await client.read(this.#key, { offset: 0, length: MAX_BYTES }, options);
    const found = bytes && parseClaim(bytes);
    this.#nextMs = monotonicMs() + (this.#replaced ? SOON_MS : EVERY_MS);
    const isOurs = !found || nameOf(found) === nameOf(server);
    if (found && !isOurs && !this.#mayReplace(found)) return;
    if (isOurs) this.#isOurs();
    this.#beat = Math.max(this.#beat, found?.id === server.id ? found.beat : 0) + 1;
    const { id, host, run } = server;
    const claim: Claim = { id, host, ...(run !== undefined && { run }), beat: this.#beat };
    const text = Buffer.from(`${JSON.stringify(claim)}\n`);
    const read = async (at: number, length: number) => text.subarray(at, at + length);
    await client.put(this.#key, { size: text.length, read }, { signal: options.signal, hasChecksum: true });
  }

  /** Nothing has changed since the last look, or the place was empty. */
  #isOurs(): void {
    this.#taken = undefined;
    if (!this.#replaced) this.#problem = undefined;
    else if (++this.#replaced.looks >= SURE) this.#replaced = undefined;
  }

  /** Whether the name of another server is replaced. */
  #mayReplace(found: Claim): boolean {
    const { monotonicMs, server } = this.#options;
    const isCopy = found.id === server.id;
    const named = isCopy
      ? `another server (${found.host}) has a copy of this data folder, and uses this prefix`
      : `another server (${found.host}) uses this prefix`;
    if (this.#taken) {
      const isSilent = nameOf(this.#taken.by) === nameOf(found) && this.#taken.by.beat === found.beat;
      this.#taken = { by: found, looks: isSilent ? this.#taken.looks + 1 : 0 };
      if (this.#taken.looks < SILENT) return false;
    } else if (this.#replaced?.name === nameOf(found)) {
      // It came back: it runs.
      this.#replaced = undefined;
      this.#taken = { by: found, looks: 0 };
      this.#problem = `${named}: nothing is sent there until one of them has another`;
      this.#nextMs = monotonicMs() + EVERY_MS;
      return false;
    } else if (this.#beat > 0 && !this.#replaced) {
      // This server was here first, and says so.
      this.#problem = `${named}: each needs its own`;
      return true;
    }
    this.#taken = undefined;
    this.#problem = undefined;
    this.#replaced = { name: nameOf(found), looks: 0 };
    this.#nextMs = monotonicMs() + SOON_MS;
    return true;
  }
}

/** Key of the object. @param prefix of the target; empty: none */
export function claimKey(prefix: string): string {
  return prefix === '' ? 'mirror-owner' : `${prefix}/mirror-owner`;
}

/** What distinguishes two writers. */
const nameOf = ({ id, run = '' }: ServerName) => `${id} ${run}`;

/** Undefined for what no oxbow has written: it is replaced. */
function parseClaim(bytes: Uint8Array): Claim | undefined {
  try {
    const { id, host, run, beat } = JSON.parse(Buffer.from(bytes).toString()) as Partial<Claim>;
    if (typeof id !== 'string' || typeof host !== 'string' || !Number.isSafeInteger(beat)) return undefined;
    return { id, host: host.slice(0, 100), ...(typeof run === 'string' && { run }), beat: beat! };
  } catch {
    return undefined;
  }
}
