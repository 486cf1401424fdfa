/**
 * Collects schemas that have a name (`$id`) and replaces each use with a reference.
 * In: schemas of the table of routes. Out: the same with `{ $ref }`, and the named ones, for the router and
 * OpenAPI.
 */
import type { TSchema } from 'typebox';

export type JsonSchema = Record<string, unknown>;

/** Collects named schemas while it replaces them. */
export class NamedSchemas {
  readonly #named = new Map<string, JsonSchema>();

  /** The named schemas collected so far; references inside them point to each other. */
  get all(): readonly JsonSchema[] {
    return [...this.#named.values()];
  }

  /** The schema with references to named ones, its own name included. */
  refer(schema: TSchema): JsonSchema {
    return this.#walk(schema) as JsonSchema;
  }

  /**
   * The named schemas that a schema refers to, itself or through others: with only these it can be compiled.
   */
  reachedFrom(schema: JsonSchema): readonly JsonSchema[] {
    const reached = new Set<JsonSchema>();
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const { $ref: reference } = value as JsonSchema;
      const named = typeof reference === 'string' ? this.#named.get(reference.replace(/#$/, '')) : undefined;
      if (named && !reached.has(named)) {
        reached.add(named);
        walk(named);
      }
      for (const each of Object.values(value)) walk(each);
    };
    walk(schema);
    return [...reached];
  }

  /** The schema with all named schemas inlined, without `$id`. */
  inline(schema: TSchema): JsonSchema {
    const walk = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(walk);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).flatMap(([name, each]) => (name === '$id' ? [] : [[name, walk(each)]])),
      );
    };
    return walk(schema) as JsonSchema;
  }

  #walk(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#walk(each));
    if (typeof value !== 'object' || value === null) return value;
    const members = () => Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.#walk(each)]));
    const id = (value as JsonSchema).$id;
    if (typeof id !== 'string') return members();
    if (!this.#named.has(id)) this.#named.set(id, members());
    return { $ref: `${id}#` };
  }
}
