/**
 * Collects schemas that have a name (`$id`) and replaces each use with a reference.
 * In: schemas of the table of routes. Out: the same with `{ $ref }`, and the named ones, for the router and OpenAPI.
 */
import type { TSchema } from 'typebox';

type Json = Record<string, unknown>;

/** Collects named schemas while it replaces them. */
export class NamedSchemas {
  readonly #named = new Map<string, Json>();

  /** The named schemas collected so far; references inside them point to each other. */
  get all(): readonly Json[] {
    return [...this.#named.values()];
  }

  /** The schema with references to named ones, its own name included. */
  refer(schema: TSchema): Json {
    return this.#walk(schema) as Json;
  }

  /** The schema with all named schemas inlined, without `$id`. */
  inline(schema: TSchema): Json {
    const walk = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(walk);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value).flatMap(([name, each]) => (name === '$id' ? [] : [[name, walk(each)]])),
      );
    };
    return walk(schema) as Json;
  }

  #walk(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#walk(each));
    if (typeof value !== 'object' || value === null) return value;
    const members = () => Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.#walk(each)]));
    const id = (value as Json).$id;
    if (typeof id !== 'string') return members();
    if (!this.#named.has(id)) this.#named.set(id, members());
    return { $ref: `${id}#` };
  }
}
