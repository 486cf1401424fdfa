/**
 * Replaces the addresses in a DASH manifest and leaves every other character as it is.
 * In: the text of an MPD, its address. Out: the text with other addresses. Pure. ISO 23009-1 5.6 (BaseURL),
 * 5.3.9 (segment information).
 */
import { FormatError } from '../errors.ts';
import { escapeXml, unescapeXml } from '../xml-text.ts';
import { type MpdElement, parseElements } from './elements.ts';
import { fillTemplate, type NamedRepresentation, publicTemplate, type SegmentNames } from './segment-names.ts';

/**
 * What addresses are replaced with: addresses that are relative to `{folder}/{file}`, in any folder, such as
 * `../{folder}/{file}`.
 */
interface MpdAddresses {
  /** An address that is requested as it is. */
  readonly address: (url: URL) => string;
  /** The place of the segments that a template names; `publicTemplate` follows it. Ends with `/`. */
  readonly segments: (names: SegmentNames) => string;
}

/** Elements whose content is the address of a document. */
const DOCUMENTS: ReadonlySet<string> = new Set(['Location', 'PatchLocation']);
/** Attributes that are addresses; those of a SegmentTemplate are templates (5.3.9.4). */
const ADDRESSES: ReadonlySet<string> = new Set([
  ...['media', 'initialization', 'sourceURL', 'index', 'bitstreamSwitching', 'xlink:href'],
]);

/**
 * Representations times addresses that inherit from an element: a short manifest may cause a lot of work.
 */
const MAX_WORK = 50_000;
const SEGMENT_INFORMATION = /^Segment(?:Base|List|Template)$/;

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Replaces the content of BaseURL, Location and PatchLocation, and the addresses in attributes. Each address
 * is resolved against the BaseURL that holds where it is used; of several alternatives, against the first. A
 * BaseURL that is a folder becomes `./`.
 *
 * @param url address of the manifest
 * @throws FormatError if the text is no MPD or not well-formed, or passes a bound; if a plain address of
 *   several Representations would have to be several addresses
 */
export function rewriteMpdUrls(text: string, url: string, addresses: MpdAddresses): string {
  const edits = new Rewriting(addresses).editsOf(parseElements(text), url);
  let result = '';
  let at = 0;
  for (const { start, end, text: replacement } of edits.sort((a, b) => a.start - b.start)) {
    result += text.slice(at, start) + escapeXml(replacement);
    at = end;
  }
  return result + text.slice(at);
}

class Rewriting {
  readonly #addresses: MpdAddresses;
  readonly #edits: Edit[] = [];
  #work = 0;

  constructor(addresses: MpdAddresses) {
    this.#addresses = addresses;
  }

  editsOf(mpd: MpdElement, url: string): Edit[] {
    this.#visit(mpd, url, undefined);
    return this.#edits;
  }

  /** @param users Representations that use the segment information which the element is part of */
  #visit(element: MpdElement, around: string, users: readonly NamedRepresentation[] | undefined): void {
    const base = baseOf(element, around);
    if (element.name === 'BaseURL' || DOCUMENTS.has(element.name)) this.#replaceContent(element, around);
    for (const { name, value, start, end } of element.attributes) {
      if (!ADDRESSES.has(name) || value === '') continue;
      const uses = users ?? [{ id: '', bandwidth: '', base }];
      this.#work += uses.length;
      if (this.#work > MAX_WORK) throw new FormatError('the manifest has too many addresses', start);
      const isTemplate = element.name === 'SegmentTemplate' && name !== 'xlink:href';
      const text = isTemplate ? this.#replaceTemplate(value, uses) : this.#replacePlain(value, uses, start);
      this.#edits.push({ start, end, text });
    }
    let childUsers = users;
    for (const child of element.children) {
      const begins = users === undefined && SEGMENT_INFORMATION.test(child.name);
      if (begins) childUsers ??= representationsOf(element, base);
      // Alternatives are relative to the same address.
      this.#visit(child, child.name === 'BaseURL' ? around : base, begins ? childUsers : users);
    }
  }

  #replaceContent({ name, content }: MpdElement, base: string): void {
    const address = unescapeXml(content.text).trim();
    const url = address === '' ? undefined : httpUrl(address, base);
    if (!url) return;
    // A folder is no media: its address would show its content.
    const isFolder = name === 'BaseURL' && url.pathname.endsWith('/');
    this.#edits.push({ ...content, text: isFolder ? './' : this.#addresses.address(url) });
  }

  #replacePlain(value: string, users: readonly NamedRepresentation[], offset: number): string {
    const urls = new Map(users.map(({ base }) => [base, httpUrl(value, base)]));
    const [url, ...others] = urls.values();
    if (others.some((other) => other?.href !== url?.href))
      throw new FormatError('an address of several Representations has another BaseURL in each', offset);
    return url ? this.#addresses.address(url) : value;
  }

  #replaceTemplate(template: string, users: readonly NamedRepresentation[]): string {
    const names: SegmentNames = { template, representations: users };
    const pattern = publicTemplate(names);
    if (pattern !== '') return this.#addresses.segments(names) + pattern;
    const url = httpUrl(fillTemplate(names, users[0]!, []), users[0]!.base);
    return url ? this.#addresses.address(url) : template;
  }
}

/** The base of the children of an element: its first BaseURL, or that around it. */
function baseOf({ children }: MpdElement, around: string): string {
  const first = children.find(({ name }) => name === 'BaseURL');
  return (first && httpUrl(unescapeXml(first.content.text).trim(), around)?.href) ?? around;
}

/** The Representations in an element, itself included; if there are none, one without a name. */
function representationsOf(element: MpdElement, base: string): readonly NamedRepresentation[] {
  const representations: NamedRepresentation[] = [];
  const add = (node: MpdElement, ownBase: string) => {
    if (node.name !== 'Representation') {
      for (const child of node.children) add(child, baseOf(child, ownBase));
      return;
    }
    const value = (of: string) => node.attributes.find(({ name }) => name === of)?.value ?? '';
    representations.push({ id: value('id'), bandwidth: value('bandwidth'), base: ownBase });
  };
  add(element, base);
  return representations.length > 0 ? representations : [{ id: '', bandwidth: '', base }];
}

/** An address of HTTP; others (`data:`, `urn:`) stay as they are. */
function httpUrl(address: string, base: string): URL | undefined {
  const url = URL.parse(address, base);
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  url.hash = '';
  return url;
}
