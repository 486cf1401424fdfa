/**
 * The settings as JSON Schema, for editors that check oxbow.yaml.
 * In: the table of settings. Out: one schema document. `x-reload` of a setting: a running server applies a
 * changed value (`live`), or the next start does (`restart`).
 */
import type { Node, Option } from './option.ts';
import { schema } from './schema.ts';

/** JSON Schema (2020-12) of a settings file. */
export function settingsJsonSchema(): Readonly<Record<string, unknown>> {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'oxbow.yaml', ...describe(schema) };
}

function describe(node: Node): Readonly<Record<string, unknown>> {
  if (node.node === 'option') {
    const initial = node.defaultText === '' ? {} : { default: defaultOf(node) };
    return { ...node.json, description: node.sentence, ...initial, 'x-reload': reloadOf(node) };
  }
  if (node.node === 'named') {
    const names = { type: ['object', 'null'], description: node.sentence, additionalProperties: describe(node.each) };
    return { ...names, 'x-reload': node.reload };
  }
  const children = Object.entries(node.children as Readonly<Record<string, Node>>);
  // A key without a value is an empty section.
  return {
    type: ['object', 'null'],
    properties: Object.fromEntries(children.map(([key, child]) => [key, describe(child)])),
    additionalProperties: false,
  };
}

/** The default with the type of the setting. */
function defaultOf({ json, defaultText }: Option<unknown>): unknown {
  if (json.type === 'integer') return Number(defaultText);
  if (json.type === 'boolean') return defaultText === 'true';
  return defaultText;
}

/** Whether a running server applies a changed value. */
export function reloadOf(option: Pick<Option<unknown>, 'reload'>): 'live' | 'restart' {
  return option.reload ?? 'restart';
}
