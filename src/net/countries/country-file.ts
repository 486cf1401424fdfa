/**
 * The countries of addresses, by a file of the operator: read at the start, and again after each change.
 * In: the path of a file in the MaxMind DB format. Out: codes of countries. A new file that cannot be used is
 * logged and counted, and the one before stays. docs/9-run/watch-rules.md.
 */
import { readFile, stat } from 'node:fs/promises';
import { FormatError } from '@oxbow/media/errors';
import { sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError, reasonOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { embeddedIpv4, type IpAddress, inCidr, parseCidr, parseIp } from '../address.ts';
import type { Countries } from './countries.ts';
import { Mmdb } from './mmdb.ts';

/** Largest file, bytes: it is kept in memory. */
const MAX_BYTES = 512 * 1024 * 1024;
/** Interval at which the file is looked at, ms. Polling, since events miss replaced symbolic links. */
const CHECK_INTERVAL_MS = 2000;
/** Addresses in one of the two generations of the cache. */
const MAX_ADDRESSES = 10_000;

interface CountryFileOptions {
  readonly log: Pick<Log, 'info' | 'error'>;
  readonly metrics: Pick<Metrics, 'countryFileReads' | 'countryFileBuilt'>;
}

/** Bytes of a file that were checked. */
interface ReadFile {
  readonly countries: Mmdb;
  /** State of the file before it was read; it differs after a change. */
  readonly state: string;
}

const mapped = parseCidr('::ffff:0:0/96');

/** An open file, and a cache of the addresses that were looked up last. */
export class CountryFile implements Countries {
  readonly path: string;
  readonly #options: CountryFileOptions;
  #file: ReadFile;
  #revision = 1;
  /** Two generations: when the new one is full, it replaces the old one. An empty text: unknown. */
  #newest = new Map<string, string>();
  #older = new Map<string, string>();

  private constructor(path: string, file: ReadFile, options: CountryFileOptions) {
    this.path = path;
    this.#file = file;
    this.#options = options;
    this.#counted('taken');
  }

  /** Reads a file. @throws OxbowError `bad-setting` for a file that cannot be used; the reason of `signal` */
  static async open(
    path: string,
    options: CountryFileOptions,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<CountryFile> {
    return new CountryFile(path, await readCountries(path, { signal }), options);
  }

  /** Addresses whose country is in memory. */
  get cached(): number {
    return this.#newest.size + this.#older.size;
  }

  get revision(): number {
    return this.#revision;
  }

  find(address: string): string | undefined {
    const known = this.#newest.get(address);
    if (known !== undefined) return known || undefined;
    const country = this.#older.get(address) ?? this.#lookUp(address) ?? '';
    if (this.#newest.size >= MAX_ADDRESSES) {
      this.#older = this.#newest;
      this.#newest = new Map();
    }
    this.#newest.set(address, country);
    return country || undefined;
  }

  /** Watches the file until aborted, then resolves. A change counts once it is the same in two checks. */
  async follow({ signal, everyMs = CHECK_INTERVAL_MS }: { readonly signal: AbortSignal; readonly everyMs?: number }) {
    let current = this.#file.state;
    let previous = current;
    for (;;) {
      try {
        await sleep(everyMs, { signal });
        const state = await stateOf(this.path);
        const hasSettled = state === previous;
        previous = state;
        if (state === current || !hasSettled) continue;
        current = state;
        await this.#read({ signal });
      } catch {
        return; // aborted
      }
    }
  }

  async #read({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { log } = this.#options;
    try {
      this.#file = await readCountries(this.path, { signal });
    } catch (error) {
      signal.throwIfAborted();
      this.#options.metrics.countryFileReads.inc({ result: 'refused' });
      log.error({ error: messageOf(error) }, 'the new file of countries cannot be used; keeping the current one');
      return;
    }
    this.#revision++;
    this.#newest = new Map();
    this.#older = new Map();
    this.#counted('taken');
    log.info(this.facts, 'the file of countries was replaced');
  }

  /** For the log. */
  get facts(): { readonly file: string; readonly type: string; readonly built: string } {
    const { type, builtS } = this.#file.countries.metadata;
    return { file: this.path, type, built: new Date(Math.min(builtS, 8.64e12) * 1000).toISOString() };
  }

  #counted(result: string): void {
    const { metrics } = this.#options;
    metrics.countryFileReads.inc({ result });
    metrics.countryFileBuilt.set(this.#file.countries.metadata.builtS);
  }

  #lookUp(text: string): string | undefined {
    const address = parseIp(text);
    return address && this.#file.countries.find(unmapped(address));
  }
}

/** IPv4 in its IPv6 form becomes IPv4. */
function unmapped(address: IpAddress): IpAddress {
  return address.length === 16 && inCidr(address, mapped) ? embeddedIpv4(address)! : address;
}

/** Reads and checks a file. @throws OxbowError `bad-setting`; the reason of `signal` */
async function readCountries(path: string, { signal }: { readonly signal: AbortSignal }): Promise<ReadFile> {
  const state = await stateOf(path);
  const hint = '`watchRules.countryFile` must name a file with countries in the MaxMind DB format (.mmdb).';
  const refusal = (reason: string, cause?: unknown) =>
    new OxbowError('bad-setting', `${path} cannot be used: ${reason}.`, { extra: { hint }, cause });
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw refusal(`it has ${size} bytes; use one of at most ${MAX_BYTES}`);
    bytes = await readFile(path, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof OxbowError ? error : refusal(messageOf(error), error);
  }
  try {
    const countries = new Mmdb(bytes);
    await countries.check({ signal });
    return { countries, state };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw refusal(`${reasonOf(error)} (byte ${error.offset})`, error);
  }
}

/** Differs whenever the file does. */
async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return 'missing'; // between removal and renewal; reading the file reports the error
  }
}
