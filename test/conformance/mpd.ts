/**
 * Holds a DASH manifest to the rules of ISO 23009-1, and what it says of segments to their bytes.
 * In: an address and a function that fetches. Out: one sentence for each rule that is broken.
 */
import { readFragments, readInit } from './boxes.ts';
import type { FetchPath } from './harness/recording-player.ts';

/** An XML element. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };
const decoded = (text: string) => text.replace(/&(\w+);/g, (_, name: string) => ENTITIES[name] ?? `&${name};`);

/**
 * Parses a document without comments, sections and processing instructions, but for its declaration.
 *
 * @throws Error where it is not well-formed
 */
export function parseXml(text: string): Element {
  const root = { name: '', attributes: {}, children: [] as Element[], text: '' };
  const open: (typeof root)[] = [root];
  const body = text.replace(/^<\?xml [^?]*\?>/, '');
  const tags = /<(\/?)([A-Za-z]+)((?:\s+[A-Za-z:]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  let end = 0;
  for (const [all, closing, name, attributes, empty, content] of body.matchAll(tags)) {
    end += all.length;
    const inside = open.at(-1)!;
    if (content !== undefined) inside.text += decoded(content);
    else if (closing) {
      if (inside.name !== name) throw new Error(`</${name}> closes <${inside.name}>`);
      open.pop();
    } else {
      const pairs = [...attributes!.matchAll(/([A-Za-z:]+)="([^"]*)"/g)];
      if (new Set(pairs.map(([, key]) => key)).size < pairs.length) throw new Error(`<${name}> has an attribute twice`);
      const values = Object.fromEntries(pairs.map(([, key, value]) => [key!, decoded(value!)]));
      const element = { name: name!, attributes: values, children: [], text: '' };
      inside.children.push(element);
      if (!empty) open.push(element);
    }
  }
  if (end < body.length || open.length > 1 || root.children.length !== 1) throw new Error(`not well-formed at ${end}`);
  return root.children[0]!;
}

/** Children of that name. */
export function named(element: Element, name: string): Element[] {
  return element.children.filter((child) => child.name === name);
}

/** Seconds of an xs:duration of seconds. */
export function secondsOf(duration: string | undefined): number {
  return Number(/^PT(\d+(?:\.\d+)?)S$/.exec(duration ?? '')?.[1] ?? Number.NaN);
}

/** A segment as the manifest has it; times in ticks. */
export interface Segment {
  readonly uri: string;
  /** Its number; 0 in a list. */
  readonly number: number;
  readonly t: number;
  readonly d: number;
}

/** A Representation with its addresses resolved. */
export interface Representation {
  readonly id: string;
  readonly codecs: string;
  readonly timescale: number;
  /** presentationTimeOffset, ticks. */
  readonly offset: number;
  readonly init: string;
  /** Seconds before its end at which a segment can be requested; 0 if it must be complete. */
  readonly earlyS: number;
  readonly segments: readonly Segment[];
}

/** Expands a Representation (5.3.9.4, 5.3.9.3 and 5.3.9.6). */
function expand(element: Element, base: string, complain: (sentence: string) => void): Representation {
  const { id = '', codecs = '' } = element.attributes;
  const [template] = named(element, 'SegmentTemplate');
  const [list] = named(element, 'SegmentList');
  const addressing = template ?? list;
  if (!addressing || (template && list)) throw new Error(`${id} has no addressing, or two`);
  const { timescale = '1', presentationTimeOffset = '0', startNumber = '1', media = '' } = addressing.attributes;
  const earlyS = Number(addressing.attributes.availabilityTimeOffset ?? 0);
  const times = named(addressing, 'SegmentTimeline').flatMap((line) => named(line, 'S'));
  const expanded: { t: number; d: number }[] = [];
  for (const { attributes } of times) {
    const [d, r] = [Number(attributes.d), Number(attributes.r ?? 0)];
    const last = expanded.at(-1);
    let t = Number(attributes.t ?? (last ? last.t + last.d : 0));
    if (!(d > 0) || !(r >= 0)) complain(`${id}: S@d=${attributes.d} S@r=${attributes.r} (5.3.9.6)`);
    if (last && t < last.t + last.d) complain(`${id}: S@t=${t} is before the end of the segment before (5.3.9.6)`);
    for (let i = 0; i <= r; i++, t += d) expanded.push({ t, d });
  }
  const urls = list ? named(list, 'SegmentURL').map((url) => url.attributes.media ?? '') : undefined;
  if (urls && urls.length !== expanded.length) complain(`${id}: ${urls.length} SegmentURLs, ${expanded.length} times`);
  const fill = (uri: string, number: number) =>
    uri.replaceAll('$RepresentationID$', id).replaceAll('$Number$', String(number));
  const resolve = (uri: string) => new URL(uri, base).pathname;
  const init = template
    ? fill(template.attributes.initialization ?? '', 0)
    : (named(list!, 'Initialization')[0]?.attributes.sourceURL ?? '');
  return {
    id,
    codecs,
    timescale: Number(timescale),
    offset: Number(presentationTimeOffset),
    init: resolve(init),
    earlyS,
    segments: expanded.map(({ t, d }, i) => ({
      uri: resolve(urls?.[i] ?? fill(media, Number(startNumber) + i)),
      number: urls ? 0 : Number(startNumber) + i,
      t,
      d,
    })),
  };
}

/** A Period with its addresses resolved. */
export interface Period {
  readonly id: string;
  readonly startS: number;
  readonly representations: readonly Representation[];
}

/** What was found of a manifest. */
export interface CheckedManifest {
  readonly root: Element;
  readonly problems: readonly string[];
  readonly periods: readonly Period[];
}

/**
 * Checks a manifest and all its segments.
 *
 * @param path absolute path of the manifest
 */
export async function checkManifest(fetch: FetchPath, path: string): Promise<CheckedManifest> {
  const { status, text } = await fetch(path);
  if (status !== 200) throw new Error(`${path}: ${status}`);
  const problems: string[] = [];
  const complain = (sentence: string) => void problems.push(sentence);
  const { root, periods } = readManifest(text, path, complain);
  const lastsS = secondsOf(root.attributes.mediaPresentationDuration);
  for (const [i, { startS, representations }] of periods.entries()) {
    const endS = periods[i + 1]?.startS ?? (Number.isNaN(lastsS) ? Number.POSITIVE_INFINITY : lastsS);
    if (!(endS > startS)) complain(`Period ${i} begins at ${startS} and ends at ${endS} (5.3.2.1)`);
    for (const one of representations) await checkRepresentation(fetch, one, { startS, endS }, complain);
  }
  return { root, problems, periods };
}

/**
 * Reads a manifest and checks what needs none of its segments.
 *
 * @param path absolute path of the manifest
 */
export function readManifest(
  text: string,
  path: string,
  complain: (sentence: string) => void,
): { readonly root: Element; readonly periods: readonly Period[] } {
  const unique = (what: string, values: readonly (string | undefined)[]) => {
    if (new Set(values).size < values.length || values.includes(undefined)) complain(`${what}: ${values}`);
  };
  const root = parseXml(text);
  const { type = 'static', profiles, minBufferTime, publishTime, availabilityStartTime } = root.attributes;
  if (root.attributes.xmlns !== 'urn:mpeg:dash:schema:mpd:2011') complain('the namespace is another');
  if (!profiles || !(secondsOf(minBufferTime) > 0)) complain('MPD@profiles and @minBufferTime are required (5.3.1.2)');
  if (type === 'dynamic' && !(Date.parse(availabilityStartTime ?? '') <= Date.parse(publishTime ?? '')))
    complain('a dynamic MPD has @availabilityStartTime and @publishTime (5.3.1.2)');
  if (type === 'static' && !(secondsOf(root.attributes.mediaPresentationDuration) > 0))
    complain('a static MPD has @mediaPresentationDuration (5.3.1.2)');
  const base = new URL(named(root, 'BaseURL')[0]?.text ?? '', `http://host${path}`).href;
  const found = named(root, 'Period');
  unique(
    'Period@id (5.3.2.2)',
    found.map(({ attributes }) => attributes.id),
  );
  if (profiles?.includes('isoff-live') && text.includes('<SegmentList'))
    complain('isoff-live has no SegmentList (8.4)');
  const periods = found.map((period, i) => {
    const sets = named(period, 'AdaptationSet');
    checkEvents(period, complain);
    unique(
      'AdaptationSet@id (5.3.3.2)',
      sets.map(({ attributes }) => attributes.id),
    );
    for (const { attributes, ...set } of sets) {
      if (!attributes.mimeType || !attributes.contentType)
        complain(`AdaptationSet ${attributes.id} has no type (5.3.7.2)`);
      for (const one of named({ attributes, ...set }, 'Representation'))
        if (!(Number(one.attributes.bandwidth) > 0)) complain(`${one.attributes.id}: no @bandwidth (5.3.5.2)`);
    }
    const elements = sets.flatMap((set) => named(set, 'Representation'));
    unique(
      'Representation@id (5.3.5.2)',
      elements.map(({ attributes }) => attributes.id),
    );
    const representations = elements.map((one) => expand(one, base, complain));
    const instants = representations.map(({ offset, timescale }) => offset / timescale);
    if (Math.max(...instants) - Math.min(...instants) > 0.001) complain(`Period ${i}: the offsets are not one instant`);
    return { id: period.attributes.id ?? '', startS: secondsOf(period.attributes.start), representations };
  });
  return { root, periods };
}

/** Checks the EventStreams of a Period (5.10.2). */
function checkEvents(period: Element, complain: (sentence: string) => void): void {
  const streams = named(period, 'EventStream');
  const names = period.children.map(({ name }) => name);
  if (names.lastIndexOf('EventStream') > names.indexOf('AdaptationSet'))
    complain('EventStreams precede AdaptationSets');
  for (const stream of streams) {
    const { schemeIdUri, timescale } = stream.attributes;
    if (!schemeIdUri || !(Number(timescale) > 0)) complain('an EventStream has a scheme and a timescale');
    const events = named(stream, 'Event').map(({ attributes }) => attributes);
    const ids = events.map(({ id }) => id);
    if (new Set(ids).size < ids.length || ids.some((id) => !/^\d{1,10}$/.test(id ?? ''))) complain(`Event@id: ${ids}`);
    const times = events.map(({ presentationTime }) => Number(presentationTime));
    if (times.some((time, i) => !(time >= (times[i - 1] ?? 0)))) complain(`Events are not in order: ${times}`);
  }
}

/** Checks a Representation and the segments that it lists. */
export async function checkRepresentation(
  fetch: FetchPath,
  { id, codecs, timescale, offset, init, segments }: Representation,
  { startS, endS }: { readonly startS: number; readonly endS: number },
  complain: (sentence: string) => void,
): Promise<void> {
  const found = await fetch(init);
  const section = readInit(found.body);
  const [track] = section.tracks;
  if (found.status !== 200 || !track) return complain(`${init}: ${found.status}, or no track`);
  if (track.timescale !== timescale) complain(`${id}: @timescale ${timescale}, the track has ${track.timescale}`);
  if (track.codecs !== codecs) complain(`${id}: @codecs ${codecs}, the track has ${track.codecs}`);
  for (const { uri, t, d } of segments) {
    const fromS = startS + (t - offset) / timescale;
    // Audio is cut at its own frames: a little of it is on the other side of the Period's limits, and is not
    // presented.
    if (fromS < startS - 0.1 || fromS + d / timescale > endS + 0.1)
      complain(`${uri} is outside of its Period: ${fromS}`);
    const { status, body } = await fetch(uri);
    if (status !== 200) {
      complain(`${uri}: ${status}`);
      continue;
    }
    const { fragments } = readFragments(body, section);
    const samples = fragments.flatMap((fragment) => fragment.samples);
    const starts = Math.min(...samples.map(({ dts, composition }) => dts + composition));
    const lasts = samples.reduce((sum, { duration }) => sum + duration, 0);
    if (starts !== t || lasts !== d) complain(`${uri}: S@t=${t} @d=${d}, the samples have ${starts} and ${lasts}`);
  }
}
