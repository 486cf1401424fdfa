/**
 * Reads the answer to a PROPFIND.
 * In: XML with DAV:multistatus, in any namespace prefix. Out: resources. Pure. RFC 4918 14.16, 14.24.
 */
import { FormatError } from '../../lib/errors.ts';
import { unescapeXml } from '../../media/xml-text.ts';

export interface DavResource {
  /** As written: a path or an address, encoded. */
  readonly href: string;
  /** Empty if the server has none. */
  readonly name: string;
  readonly isFolder: boolean;
  /** Bytes. */
  readonly size: number | undefined;
}

const MAX_RESOURCES = 20_000;

/** The resources. Throws FormatError if the text is no multistatus, or has too many. */
export function parseMultistatus(xml: string): DavResource[] {
  if (!/<(?:[\w-]+:)?multistatus[\s>/]/i.test(xml)) throw new FormatError('the answer is no DAV:multistatus', 0);
  const resources: DavResource[] = [];
  for (const content of contentsOfResponses(xml)) {
    if (resources.length >= MAX_RESOURCES) throw new FormatError('the folder has too many entries', 0);
    const href = elementText(content, 'href');
    if (href === undefined) continue;
    const size = Number(elementText(content, 'getcontentlength') ?? Number.NaN);
    resources.push({
      href,
      name: elementText(content, 'displayname') ?? '',
      isFolder: /<(?:[\w-]+:)?collection(?:\s[^<>]*)?\/?>/i.test(content),
      size: Number.isSafeInteger(size) && size >= 0 ? size : undefined,
    });
  }
  return resources;
}

/**
 * What is in each DAV:response. Tag by tag: a search for the end of each would take quadratic time where
 * there is none.
 */
function* contentsOfResponses(xml: string): Generator<string> {
  let from: number | undefined;
  for (const { index, 0: tag, 1: slash } of xml.matchAll(/<(\/?)(?:[\w-]+:)?response(?:\s[^<>]*)?>/gi)) {
    if (slash === '') from ??= index + tag.length;
    else if (from !== undefined) {
      yield xml.slice(from, index);
      from = undefined;
    }
  }
}

/** The text of the first element of a name; undefined if there is none. */
function elementText(xml: string, name: string): string | undefined {
  const found = new RegExp(`<(?:[\\w-]+:)?${name}(?:\\s[^<>]*)?>([^<]*)<`, 'i').exec(xml)?.[1];
  return found === undefined ? undefined : unescapeXml(found.trim());
}
