/**
 * The names of segments that a SegmentTemplate can produce.
 * In: a template, the Representations that use it. Out: a template of only values, and from such values the
 * address. Pure. ISO 23009-1 5.3.9.4.4.
 */

/** A Representation that uses a template. */
export interface NamedRepresentation {
  readonly id: string;
  /** As it is written. */
  readonly bandwidth: string;
  /** Address that the template is relative to. */
  readonly base: string;
}

/** A template with all that it may be filled with, except for numbers. */
export interface SegmentNames {
  readonly template: string;
  /** At least one. */
  readonly representations: readonly NamedRepresentation[];
}

/** An identifier, with the width of a number; `$$` is a `$`. */
const IDENTIFIER = /\$(?:(RepresentationID)|(Number|Time|SubNumber|Bandwidth)(?:%0(\d{1,2})d)?)?\$/g;
/** Identifiers whose value a client chooses. */
const NUMBERS = ['Number', 'Time', 'SubNumber'] as const;

/** Those that the template has, in the order of its public form. */
const numbersOf = (template: string): readonly string[] => {
  const used = new Set([...template.matchAll(IDENTIFIER)].map(([, , name]) => name));
  return NUMBERS.filter((name) => used.has(name));
};

/** Whether the Representations have different segments. */
const isPerRepresentation = (names: SegmentNames): boolean =>
  new Set(
    names.representations.map(
      (representation) => `${representation.base} ${fillTemplate(names, representation, ['0', '0', '0'])}`,
    ),
  ).size > 1;

/** A template of only values, `{id}/{number}`; empty if there is nothing to choose. */
export function publicTemplate(names: SegmentNames): string {
  const numbers = numbersOf(names.template).map((name) => `$${name}$`);
  return [...(isPerRepresentation(names) ? ['$RepresentationID$'] : []), ...numbers].join('/');
}

/**
 * The address of a segment.
 *
 * @param path a client's values for the public template
 * @returns undefined if the template cannot produce it
 */
export function segmentAddress(names: SegmentNames, path: string): string | undefined {
  const { template, representations } = names;
  const parts = path.split('/');
  const count = numbersOf(template).length;
  const numbers = count === 0 ? [] : parts.splice(-count);
  if (numbers.length !== count || !numbers.every((number) => /^\d{1,20}$/.test(number))) return undefined;
  const id = parts.join('/');
  const representation = isPerRepresentation(names)
    ? representations.find((candidate) => candidate.id === id || encodeURI(candidate.id) === id)
    : id === ''
      ? representations[0]
      : undefined;
  if (!representation) return undefined;
  return URL.parse(fillTemplate(names, representation, numbers), representation.base)?.href;
}

/** @param numbers values of the numbers that the template has, in the order of the public form */
export function fillTemplate(
  { template }: SegmentNames,
  { id, bandwidth }: NamedRepresentation,
  numbers: readonly string[],
): string {
  const used = numbersOf(template);
  return template.replace(IDENTIFIER, (_, isId?: string, name?: string, width = '1') => {
    if (isId !== undefined) return id;
    if (name === undefined) return '$';
    const value = name === 'Bandwidth' ? bandwidth : (numbers[used.indexOf(name)] ?? '');
    return value.padStart(Number(width), '0');
  });
}
