/**
 * Follows a live DASH manifest over time and holds each update to the rules of ISO 23009-1: what was listed
 * stays as it was.
 * In: an address, a function that fetches, a clock. Out: one sentence for each rule that is broken.
 */
import type { FetchPath } from './harness/recording-player.ts';
import { checkRepresentation, named, type Period, type Representation, readManifest, type Segment } from './mpd.ts';

/** A tick of the coarsest timescale and the lead of a clock, s. */
const CLOCK_GRACE_S = 0.05;
/** Largest hole or overlap of neighbours, s: audio is cut at its own frames, and times in ms are rounded. */
const JOINT_S = 0.003;
/** Largest error of a predicted duration, s: a frame of 15 frames/s. */
const PREDICTED_S = 0.07;

/** What is known of a segment. */
interface Known {
  readonly t: number;
  d: number;
  /** Duration that it was listed with first. */
  readonly predicted: number;
  /** Listed before its end. */
  isOpen: boolean;
  isChecked: boolean;
}

/** What is known of a Representation of a Period. */
interface Row {
  readonly segments: Map<number, Known>;
  firstNumber: number;
}

export class ManifestFollower {
  readonly #fetch: FetchPath;
  readonly #path: string;
  readonly #nowMs: () => number;
  readonly #rows = new Map<string, Row>();
  readonly #starts = new Map<string, number>();
  readonly #representations = new Map<string, string>();
  #periods: readonly string[] = [];
  #text = '';
  #lastsS: string | undefined;
  #publishedMs = Number.NEGATIVE_INFINITY;
  /** Broken rules. */
  readonly problems: string[] = [];
  /** Manifests that differ. */
  updates = 0;
  /** Manifests that list an open segment. */
  openListed = 0;
  /** Complete segments whose bytes were checked. */
  checked = 0;
  /** MPD@type of the last one. */
  type = '';
  /** It states where the presentation ends. */
  isEnding = false;

  /**
   * @param nowMs the clock of the server, ms since 1970
   */
  constructor(fetch: FetchPath, path: string, nowMs: () => number) {
    this.#fetch = fetch;
    this.#path = path;
    this.#nowMs = nowMs;
  }

  /** Ids of all Periods so far. */
  get periods(): readonly string[] {
    return [...this.#starts.keys()];
  }

  /** Reads the manifest and the segments that are new in it. */
  async look(): Promise<void> {
    const { status, text } = await this.#fetch(this.#path);
    if (status !== 200 || text === this.#text) return;
    this.#text = text;
    this.updates++;
    const { root, periods } = readManifest(text, this.#path, this.#complain);
    this.#checkHead(root.attributes, named(root, 'UTCTiming').length);
    this.#checkPeriods(periods);
    for (const period of periods) {
      for (const representation of period.representations) await this.#follow(period, representation);
    }
    const [first] = periods.at(-1)?.representations ?? [];
    if (first && this.#rows.get(`${periods.at(-1)!.id}/${first.id}`)?.segments.get(lastOf(first))?.isOpen)
      this.openListed++;
  }

  readonly #complain = (sentence: string): void => {
    if (!this.problems.includes(sentence)) this.problems.push(sentence);
  };

  #checkHead(attributes: Readonly<Record<string, string>>, clocks: number): void {
    const { type = '', availabilityStartTime, publishTime = '', minimumUpdatePeriod } = attributes;
    const lastsS = attributes.mediaPresentationDuration;
    if (this.isEnding && lastsS !== this.#lastsS)
      this.#complain(`it ends at ${lastsS}, and was to end at ${this.#lastsS} (5.4)`);
    this.type = type;
    this.isEnding = lastsS !== undefined;
    this.#lastsS = lastsS;
    if (availabilityStartTime !== '1970-01-01T00:00:00Z') this.#complain(`@availabilityStartTime changed (5.4)`);
    const publishedMs = Date.parse(publishTime);
    if (!(publishedMs > this.#publishedMs)) this.#complain(`@publishTime ${publishTime} is not later (5.3.1.2)`);
    this.#publishedMs = publishedMs;
    if (publishedMs > this.#nowMs() + 1000 * CLOCK_GRACE_S) this.#complain(`@publishTime ${publishTime} is to come`);
    if (type === 'dynamic' && (!minimumUpdatePeriod || clocks === 0))
      this.#complain('a live MPD has @minimumUpdatePeriod and UTCTiming');
    if (type === 'static' && minimumUpdatePeriod) this.#complain('a static MPD has @minimumUpdatePeriod (5.3.1.2)');
  }

  /**
   * A Period keeps its start and its Representations; only the oldest leave, and new ones come at the end
   * (5.4).
   */
  #checkPeriods(periods: readonly Period[]): void {
    const ids = periods.map(({ id }) => id);
    const kept = this.#periods.slice(this.#periods.indexOf(ids[0] ?? ''));
    if (this.#periods.length > 0 && !kept.every((id, i) => ids[i] === id))
      this.#complain(`Periods ${this.#periods} became ${ids} (5.4)`);
    this.#periods = ids;
    for (const { id, startS, representations } of periods) {
      const known = this.#starts.get(id) ?? startS;
      if (known !== startS) this.#complain(`Period ${id} began at ${known}, now at ${startS} (5.4)`);
      this.#starts.set(id, known);
      const names = representations.map((one) => `${one.id} ${one.init} ${one.offset}/${one.timescale}`).join();
      if ((this.#representations.get(id) ?? names) !== names)
        this.#complain(`Period ${id} had ${this.#representations.get(id)}, now ${names} (5.4)`);
      this.#representations.set(id, names);
    }
  }

  async #follow(period: Period, representation: Representation): Promise<void> {
    const { id, earlyS, segments, timescale } = representation;
    const key = `${period.id}/${id}`;
    const row = this.#rows.get(key) ?? { segments: new Map<number, Known>(), firstNumber: segments[0]?.number ?? 0 };
    this.#rows.set(key, row);
    const [first] = segments;
    if (!first || first.number < row.firstNumber) this.#complain(`${key} begins at ${first?.number} again (5.4)`);
    row.firstNumber = first?.number ?? 0;
    const newest = Math.max(-1, ...row.segments.keys());
    if (newest > lastOf(representation)) this.#complain(`${key}: segment ${newest} is listed no more (5.4)`);
    for (const [i, segment] of segments.entries()) {
      const before = segments[i - 1];
      if (before && Math.abs(segment.t - before.t - before.d) > JOINT_S * timescale)
        this.#complain(
          `${segment.uri} begins ${segment.t - before.t - before.d} ticks after the end of the one before`,
        );
      this.#compare(
        row,
        segment,
        { isOpen: earlyS > 0 && this.type === 'dynamic' && i === segments.length - 1 },
        timescale,
      );
      const endS = period.startS + (segment.t + segment.d - representation.offset) / timescale;
      if (endS - earlyS > this.#nowMs() / 1000 + CLOCK_GRACE_S)
        this.#complain(
          `${segment.uri} is listed, but available only in ${endS - earlyS - this.#nowMs() / 1000} s (5.3.9.5.3)`,
        );
    }
    const fresh = segments.filter(({ number }) => {
      const known = row.segments.get(number)!;
      return !known.isOpen && !known.isChecked;
    });
    if (fresh.length === 0) return;
    for (const { number } of fresh) row.segments.get(number)!.isChecked = true;
    this.checked += fresh.length;
    const part = { ...representation, segments: fresh };
    await checkRepresentation(
      this.#fetch,
      part,
      { startS: period.startS, endS: Number.POSITIVE_INFINITY },
      this.#complain,
    );
  }

  #compare(row: Row, { uri, number, t, d }: Segment, { isOpen }: { isOpen: boolean }, timescale: number): void {
    const known = row.segments.get(number);
    if (!known) {
      row.segments.set(number, { t, d, predicted: d, isOpen, isChecked: false });
      return;
    }
    if (known.t !== t) this.#complain(`${uri}: S@t was ${known.t} and is ${t} (5.4)`);
    if (known.d !== d && !known.isOpen) this.#complain(`${uri}: S@d was ${known.d} and is ${d} (5.4)`);
    // A prediction may fail once; then no further one is made for ten segments.
    if (known.isOpen && !isOpen && Math.abs(known.predicted - d) > PREDICTED_S * timescale) this.missed.push(uri);
    known.d = d;
    known.isOpen &&= isOpen;
  }

  /** Segments whose duration was predicted wrongly. */
  readonly missed: string[] = [];
}

function lastOf({ segments }: Representation): number {
  return segments.at(-1)?.number ?? -1;
}
