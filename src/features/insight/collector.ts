/**
 * Takes reports of players: bounds what one address and all together may send, finds what they watch, and
 * passes them to the sessions.
 * In: lines of CMCD with the client that sent them. Out: ViewingSessions; counts of what was refused.
 */
import { FormatError } from '@oxbow/media/errors';
import { bucketOwner, type LimitedClient } from '../../accounts/rate-limit.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { type CmcdReport, parseCmcd } from './cmcd/report.ts';
import type { ReportSource } from './viewing-row.ts';
import type { ViewingSessions } from './viewing-sessions.ts';
import { type Misses, type Named, readNamed, type WatchedFinder } from './watched.ts';

/** Reports in a minute of one address: thirty of each of a thousand players behind it. */
const PER_CLIENT = 30_000;
/** The same of all addresses. */
const IN_ALL = 300_000;
const MINUTE_MS = 60_000;
/** Names in a minute of one address that do not exist; further ones are not looked for. */
const UNKNOWN_PER_CLIENT = 200;
/** Addresses whose reports are counted. */
const MAX_CLIENTS = 20_000;
/** Edges that are not in the settings. */
export const OTHER_EDGE = 'other';

/** Who sends reports. */
export interface ReportSender {
  readonly client: LimitedClient;
  /** ISO 3166-1; undefined: unknown. */
  readonly country: string | undefined;
  /** Host names of this server, as the client may know it. */
  readonly ownHosts: readonly string[];
  /** The viewer wants no record of it: `DNT: 1` or `Sec-GPC: 1`. */
  readonly isOptedOut: boolean;
  /** Whether the sender may watch it. */
  readonly mayWatch: (named: Named) => boolean | Promise<boolean>;
}

interface CollectorOptions {
  readonly sessions: Pick<ViewingSessions, 'report'>;
  readonly finder: Pick<WatchedFinder, 'find'>;
  readonly metrics: Pick<Metrics, 'insightReports'>;
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
  readonly isOn: () => boolean;
  /** Host names of edges. */
  readonly edges: () => ReadonlySet<string>;
}

interface Minute {
  readonly startMs: number;
  reports: number;
  /** Names that do not exist and were looked for. */
  readonly misses: Misses;
}

/** What the lines of a body have in common. */
interface Batch {
  readonly sender: ReportSender;
  readonly source: ReportSource;
  readonly content: string | undefined;
  readonly minute: Minute;
  /** What the sender may watch, by what was named. */
  readonly permitted: Map<string, Promise<boolean>>;
}

/** Takes the reports of this node. */
export class Collector {
  readonly #options: CollectorOptions;
  /** By client; the one that began first first. */
  readonly #minutes = new Map<string, Minute>();
  #all: Minute = { startMs: Number.NEGATIVE_INFINITY, reports: 0, misses: missesOf() };

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /**
   * Takes lines of reports.
   *
   * @param content what is watched, if the lines do not say it
   * @returns number of lines that are CMCD, counted or not
   */
  async take(lines: readonly string[], sender: ReportSender, source: ReportSource, content?: string): Promise<number> {
    const { isOn } = this.#options;
    if (!isOn()) return this.#count('off', lines.length);
    if (sender.isOptedOut) return this.#count('opted-out', lines.length);
    let readable = 0;
    const permitted = new Map<string, Promise<boolean>>();
    for (const [at, line] of lines.entries()) {
      const minute = this.#takeTurn(sender);
      if (!minute) {
        this.#count('too-many', lines.length - at);
        return lines.length;
      }
      const report = this.#parse(line);
      // Without a session it is readable: an error would have some players send it again and again.
      if (report !== 'malformed') readable++;
      if (report === undefined || report === 'malformed') this.#count('malformed', 1);
      else await this.#takeReport(report, { sender, source, content, minute, permitted });
    }
    return readable;
  }

  async #takeReport(report: CmcdReport, { sender, source, content, minute, permitted }: Batch): Promise<void> {
    // A report or request to an address is about what is there.
    const named =
      source !== 'event'
        ? readNamed(content ?? '')
        : (readNamed(report.content ?? '') ?? readNamed(content ?? '') ?? readNamed(report.url ?? ''));
    const watched = named && (await this.#options.finder.find(named, minute.misses));
    if (!named || !watched) return void this.#count('unknown', 1);
    const key = `${named.kind} ${named.name}`;
    const may = permitted.get(key) ?? Promise.resolve(sender.mayWatch(named));
    permitted.set(key, may);
    if (!(await may)) return void this.#count('unknown', 1);
    const by = {
      content: watched,
      client: sender.client.isLocal ? '' : bucketOwner(sender.client),
      edge: this.#edgeOf(report, sender),
      country: sender.country ?? '',
      source,
      windowMs: named.windowMs,
    };
    this.#count(this.#options.sessions.report(by, report) ? 'taken' : 'too-many', 1);
  }

  /** Undefined: it has no session. */
  #parse(line: string): CmcdReport | 'malformed' | undefined {
    try {
      return parseCmcd(line);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return 'malformed';
    }
  }

  /** Only names of the settings are stored: a client must not make as many as it likes. */
  #edgeOf({ host, url }: CmcdReport, { ownHosts }: ReportSender): string {
    const name = (host ?? URL.parse(url ?? '')?.host ?? '').toLowerCase();
    const bare = withoutPort(name);
    const edges = this.#options.edges();
    if (edges.has(name)) return name;
    if (edges.has(bare)) return bare;
    return name === '' || ownHosts.some((own) => own === name || withoutPort(own) === bare) ? '' : OTHER_EDGE;
  }

  /**
   * Counts one report.
   *
   * @returns the minute of its client, of programs here one for each report; undefined: beyond the bounds
   */
  #takeTurn({ client }: ReportSender): Minute | undefined {
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#all.startMs >= MINUTE_MS) this.#all = { startMs: nowMs, reports: 0, misses: missesOf() };
    if (this.#all.reports >= IN_ALL) return undefined;
    let minute: Minute | undefined;
    if (!client.isLocal) {
      const key = bucketOwner(client);
      minute = this.#minutes.get(key);
      if (!minute || nowMs - minute.startMs >= MINUTE_MS) {
        minute = { startMs: nowMs, reports: 0, misses: missesOf() };
        this.#minutes.delete(key);
        this.#minutes.set(key, minute);
        dropOldest(this.#minutes, MAX_CLIENTS);
      }
      if (minute.reports >= PER_CLIENT) return undefined;
      minute.reports++;
    }
    this.#all.reports++;
    return minute ?? { startMs: nowMs, reports: 1, misses: missesOf() };
  }

  #count(result: string, reports: number): number {
    this.#options.metrics.insightReports.inc({ result }, reports);
    return reports;
  }
}

const missesOf = (): Misses => ({ left: UNKNOWN_PER_CLIENT });
const withoutPort = (host: string) => host.replace(/:\d+$/, '');
