/**
 * Checks values by JSON Schema, as far as the schemas of api/room use it. The compiler of the API converts
 * types, which messages must not rely on, and typebox's would load 200 modules.
 * In: a schema, made once into a function. Out: where a value breaks it. JSON Schema draft 2020-12.
 */

/** The known part of JSON Schema; another keyword is a bug that shows when the schema is compiled. */
export interface CheckedSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly anyOf?: readonly CheckedSchema[];
  readonly properties?: Readonly<Record<string, CheckedSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: CheckedSchema;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
}

/**
 * Returns the path of the first value that breaks the schema, e.g. `choices/2`, empty for the value itself;
 * undefined if none does. Paths are built on the way back, so a valid value costs none.
 */
export type Check = (value: unknown) => string | undefined;

const KNOWN: ReadonlySet<string> = new Set([
  ...['type', 'const', 'anyOf', 'properties', 'required', 'additionalProperties', 'items', 'pattern'],
  ...['minLength', 'maxLength', 'maxItems', 'minimum', 'maximum', 'description'],
]);

/** @throws TypeError for a schema with a keyword or type that is not known here */
export function compileSchema(schema: CheckedSchema): Check {
  const unknown = Object.keys(schema).find((word) => !KNOWN.has(word));
  if (unknown !== undefined) throw new TypeError(`the keyword ${unknown} is not known`);
  if ('const' in schema) return (value) => (value === schema.const ? undefined : '');
  if (schema.anyOf) {
    const checks = schema.anyOf.map(compileSchema);
    return (value) => (checks.some((check) => check(value) === undefined) ? undefined : '');
  }
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  switch (schema.type) {
    case 'object':
      return compileObject(schema);
    case 'array':
      return compileArray(schema);
    case 'string':
      return compileString(schema);
    case 'number':
    case 'integer': {
      const isKind = schema.type === 'integer' ? Number.isInteger : Number.isFinite;
      return (value) => (isKind(value) && Number(value) >= minimum && Number(value) <= maximum ? undefined : '');
    }
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? undefined : '');
    case 'null':
      return (value) => (value === null ? undefined : '');
    default:
      throw new TypeError(`the type ${schema.type} is not known`);
  }
}

function compileObject({ properties = {}, required = [], additionalProperties }: CheckedSchema): Check {
  if (additionalProperties !== false) throw new TypeError('objects with other members are not known');
  const checks = new Map(Object.entries(properties).map(([name, property]) => [name, compileSchema(property)]));
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return '';
    for (const name of required) if (!Object.hasOwn(value, name)) return join(name, '');
    for (const name of Object.keys(value)) {
      const check = checks.get(name);
      const brokenPath = check ? check((value as Record<string, unknown>)[name]) : '';
      if (brokenPath !== undefined) return join(name, brokenPath);
    }
    return undefined;
  };
}

function compileArray({ items = {}, maxItems = Number.POSITIVE_INFINITY }: CheckedSchema): Check {
  const check = compileSchema(items);
  return (value) => {
    if (!Array.isArray(value) || value.length > maxItems) return '';
    for (const [index, element] of value.entries()) {
      const brokenPath = check(element);
      if (brokenPath !== undefined) return join(String(index), brokenPath);
    }
    return undefined;
  };
}

/** Lengths are code points, as JSON Schema has it. */
function compileString({ pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY }: CheckedSchema): Check {
  const expression = pattern === undefined ? undefined : new RegExp(pattern, 'u');
  return (value) => {
    if (typeof value !== 'string' || (expression && !expression.test(value))) return '';
    // A code point has one or two units: most texts need no count.
    if (value.length >= 2 * minLength && value.length <= maxLength) return undefined;
    const length = [...value].length;
    return length >= minLength && length <= maxLength ? undefined : '';
  };
}

/** A name comes from the client: it is cut. */
function join(name: string, rest: string): string {
  return rest === '' ? name.slice(0, 40) : `${name.slice(0, 40)}/${rest}`;
}
