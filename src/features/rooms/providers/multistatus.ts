/**
 * Reads the answer to a PROPFIND.
 * In: XML with DAV:multistatus, in any namespace prefix. Out: resources. Pure. RFC 4918 14.16, 14.22, 14.24.
 */

import { FormatError } from '@oxbow/media/errors';
import { XMLParser } from 'fast-xml-parser';
import { messageOf } from '../../../lib/errors.ts';

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

/** An element: text if it has nothing else, otherwise its children by name. */
type Element = string | { readonly [name: string]: Element | readonly Element[] };

const LISTS: ReadonlySet<string> = new Set(['response', 'propstat']);
const parser = new XMLParser({
  removeNSPrefix: true,
  parseTagValue: false,
  htmlEntities: true, // numbers of characters too
  isArray: (name) => LISTS.has(name),
});

/** The resources. Throws FormatError if the text is no multistatus, or has too many. */
export function parseMultistatus(xml: string): DavResource[] {
  const responses = childrenOf(childOf(parse(xml), 'multistatus'), 'response');
  if (responses.length > MAX_RESOURCES) throw new FormatError('the folder has too many entries', 0);
  return responses.flatMap((response) => resourceOf(response) ?? []);
}

function parse(xml: string): Element {
  let document: Element;
  try {
    document = parser.parse(xml) as Element;
  } catch (error) {
    throw new FormatError(`the answer is no XML: ${messageOf(error)}`, 0);
  }
  if (childOf(document, 'multistatus') === undefined) throw new FormatError('the answer is no DAV:multistatus', 0);
  return document;
}

/** The resource of a DAV:response; undefined without an address. */
function resourceOf(response: Element): DavResource | undefined {
  const href = textOf(childOf(response, 'href'));
  if (href === '') return undefined;
  // The properties that a resource does not have are in a DAV:propstat with another status.
  const existing = childrenOf(response, 'propstat').filter((each) => / 200\b|^$/.test(textOf(childOf(each, 'status'))));
  const properties = existing.map((each) => childOf(each, 'prop'));
  const find = (name: string) => properties.map((each) => childOf(each, name)).find((each) => each !== undefined);
  const length = textOf(find('getcontentlength'));
  const size = length === '' ? Number.NaN : Number(length);
  return {
    href,
    name: textOf(find('displayname')),
    isFolder: childOf(find('resourcetype'), 'collection') !== undefined,
    size: Number.isSafeInteger(size) && size >= 0 ? size : undefined,
  };
}

/** The children of a name; none of a text. */
function childrenOf(element: Element | undefined, name: string): readonly Element[] {
  if (typeof element !== 'object' || !Object.hasOwn(element, name)) return [];
  const child = element[name]!;
  return Array.isArray(child) ? child : [child as Element];
}

/** The first child of a name. */
function childOf(element: Element | undefined, name: string): Element | undefined {
  return childrenOf(element, name)[0];
}

function textOf(element: Element | undefined): string {
  return typeof element === 'string' ? element : '';
}
