/**
 * Copies of settings with other values.
 * In: settings, values by path. Out: a copy; sections of streams, providers and stores are left out or
 * shared. Pure.
 */
import type { Node, Section } from '../option.ts';
import { type Config, schema } from '../schema.ts';

/** Settings as a tree of sections. */
type Tree = { [key: string]: unknown };

/** A copy of each section, without the section `streams`. */
export function copySections(config: Config): Tree {
  const copy = (node: Section<Readonly<Record<string, Node>>>, from: Tree): Tree =>
    Object.fromEntries(
      Object.entries(node.children).map(([key, child]) => [
        key,
        child.node === 'section' ? copy(child, from[key] as Tree) : from[key],
      ]),
    );
  const { streams: _, ...tree } = copy(schema, config as unknown as Tree);
  return tree;
}

/** Sets a value. @param path as in a file, e.g. `record.keep` */
export function putValue(tree: Tree, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  const section = keys.reduce((at, key) => at[key] as Tree, tree);
  section[last] = value;
}

/** The same settings with other values. */
export function withValues(config: Config, values: ReadonlyMap<string, unknown>): Config {
  if (values.size === 0) return config;
  const tree = copySections(config);
  for (const [path, value] of values) putValue(tree, path, value);
  return Object.assign(tree, { streams: config.streams }) as unknown as Config;
}
