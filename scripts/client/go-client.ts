/**
 * Writes the client for Go: the hand-written half (go/runtime.go), then the shapes and a method for each
 * operation.
 * In: the model of the API. Out: the text of oxbow.go.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ApiModel, type ApiOperation, type Field, pascal, type Shape, type Type } from './api-model.ts';

const KEYWORDS = new Set(
  'break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var c ctx body params options query r answer'.split(
    ' ',
  ),
);
const variable = (name: string): string => {
  const word = pascal(name).replace(/^[A-Z]+/, (first) => first.toLowerCase());
  return KEYWORDS.has(word) ? `${word}_` : word;
};
/** A comment; a text of several lines has each in its own. */
const comment = (text: string, indent = ''): string =>
  text === ''
    ? ''
    : `${text
        .trim()
        .split('\n')
        .map((line) => `${indent}// ${line.trim()}\n`)
        .join('')}`;

const isNull = ({ kind }: Type) => kind === 'null';

/** A type without null, and whether it may be null. */
function split(type: Type): { readonly plain: Type; readonly isNullable: boolean } {
  if (type.kind !== 'union') return { plain: type, isNullable: isNull(type) };
  const others = type.of.filter((each) => !isNull(each));
  const plain: Type = others.length === 1 ? others[0]! : { kind: 'union', of: others };
  return { plain, isNullable: others.length < type.of.length };
}

/** Whether nil is a value of the type: it needs no pointer. */
const hasNil = (text: string) => /^(\[\]|map\[|any$|json\.RawMessage$)/.test(text);

/** A type, without regard to null. */
function typeOf(type: Type): string {
  const { plain } = split(type);
  switch (plain.kind) {
    case 'string':
    case 'literals':
    case 'null': // a cursor of a list that has one page
      return 'string';
    case 'integer':
      return 'int64';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'list':
      return `[]${elementOf(plain.of)}`;
    case 'map':
      return `map[string]${elementOf(plain.of)}`;
    case 'shape':
      return plain.name;
    case 'union':
      return plain.of.every(({ kind }) => kind === 'string' || kind === 'literals') ? 'string' : 'any';
    default:
      return 'any';
  }
}

/** An element of a list: a pointer if it may be null. */
function elementOf(type: Type): string {
  const text = typeOf(type);
  return split(type).isNullable && !hasNil(text) ? `*${text}` : text;
}

/** A member of a struct: pointers where it may be absent or null, `*Null[T]` where it may be both. */
function fieldText({ name, type, required, description }: Field): string {
  const text = typeOf(type);
  const { isNullable } = split(type);
  const tag = `\`json:"${name}${required ? '' : ',omitempty'}"\``;
  // A list without a pointer would be left out when it is empty, and could never be cleared.
  const isNever = text === 'any' || (required && (!isNullable || hasNil(text)));
  const member = isNever ? text : isNullable && !required ? `*Null[${text}]` : `*${text}`;
  const values = split(type).plain;
  const of = values.kind === 'literals' ? [...new Set(values.values)].join(', ') : '';
  const note = [description, of && `One of: ${of}.`].filter(Boolean).join('\n');
  return `${comment(note, '\t')}\t${pascal(name)} ${member} ${tag}\n`;
}

function shapeText(shape: Shape, shapes: ReadonlyMap<string, Shape>): string {
  const head = comment(`${shape.name}: ${shape.description || 'a shape of the API.'}`);
  if (shape.kind === 'object') return `${head}type ${shape.name} struct {\n${shape.fields.map(fieldText).join('')}}\n`;
  const fields = mergedFields(shape.type, shapes);
  if (fields) return `${head}type ${shape.name} struct {\n${fields.map(fieldText).join('')}}\n`;
  return `${head}type ${shape.name} = ${typeOf(shape.type)}\n`;
}

/** One type for a member that two objects have: their literals together, the type that both have, or any. */
function joined(one: Type, other: Type): Type {
  if (one.kind === 'literals' && other.kind === 'literals')
    return { kind: 'literals', values: [...new Set([...one.values, ...other.values])] };
  return typeOf(one) === typeOf(other) ? other : { kind: 'union', of: [one, other] };
}

/**
 * The members of a union of objects as one object, in which only what all have is required; undefined for
 * other types.
 */
function mergedFields(type: Type, shapes: ReadonlyMap<string, Shape>): readonly Field[] | undefined {
  const objects =
    type.kind === 'union' ? type.of.map((each) => (each.kind === 'shape' ? shapes.get(each.name) : undefined)) : [];
  if (objects.length === 0) return undefined;
  const fields = new Map<string, Field>();
  for (const object of objects) {
    if (object?.kind !== 'object') return undefined;
    for (const field of object.fields) {
      const before = fields.get(field.name);
      fields.set(field.name, {
        ...field,
        type: before ? joined(before.type, field.type) : field.type,
        required: false,
      });
    }
  }
  const isEverywhere = (name: string) =>
    objects.every(
      (object) => object?.kind === 'object' && object.fields.some((field) => field.name === name && field.required),
    );
  return [...fields.values()].map((field) => ({ ...field, required: isEverywhere(field.name) }));
}

function methodText({ id, method, path, summary, inPath, query, body, answer }: ApiOperation): string {
  const name = pascal(id);
  const isFile = answer === 'file';
  const result = isFile ? '*http.Response' : answer ? elementOf(answer.type) : '';
  const isPlain = hasNil(result) || result === 'string';
  const taken = [
    'ctx context.Context',
    ...inPath.map((field) => `${variable(field.name)} string`),
    ...(body ? [`body ${'type' in body ? typeOf(body.type) : 'Body'}`] : []),
    ...(query.length > 0 ? [`params *${name}Params`] : []),
    'options ...Option',
  ];
  const rows = query.map(
    (field) =>
      `${comment(field.description, '\t')}${field.required ? '\t// Required.\n' : ''}\t${pascal(field.name)} string\n`,
  );
  const params =
    query.length > 0
      ? `// ${name}Params of ${name}; empty ones are not sent.\ntype ${name}Params struct {\n${rows.join('')}}\n\n`
      : '';
  const values = `[]string{${inPath.map((field) => variable(field.name)).join(', ')}}`;
  const fail = (text: string) => (result === '' ? text : isPlain && !isFile ? `answer, ${text}` : `nil, ${text}`);
  const value = isPlain ? `\tvar answer ${result}\n` : '';
  const lines = [
    query.length > 0 ? '\tquery := url.Values{}\n\tif params != nil {\n' : '',
    ...query.map((field) => `\t\tsetQuery(query, "${field.name}", params.${pascal(field.name)})\n`),
    query.length > 0 ? '\t}\n' : '',
    `\tr := c.newRequest("${method}", "${path}", ${inPath.length > 0 ? values : 'nil'}, ${query.length > 0 ? 'query' : 'nil'}, options)\n`,
    isFile ? '' : value,
    body && 'type' in body ? `\tif err := r.setBody(body); err != nil {\n\t\treturn ${fail('err')}\n\t}\n` : '',
    body && 'types' in body ? `\tr.setFile(body, "${body.types[0]}")\n` : '',
  ];
  return `${params}${comment(`${name}: ${summary}`)}func (c *Client) ${name}(${taken.join(', ')}) ${result === '' ? 'error' : `(${isPlain || isFile ? result : `*${result.replace(/^\*/, '')}`}, error)`} {
${lines.join('')}${endOf(result, isFile, isPlain)}}
`;
}

/** The last lines of a method: they send the request. */
function endOf(result: string, isFile: boolean, isPlain: boolean): string {
  if (isFile) return '\treturn c.open(ctx, r)\n';
  if (result === '') return '\treturn c.call(ctx, r, nil)\n';
  if (isPlain) return '\terr := c.call(ctx, r, &answer)\n\treturn answer, err\n';
  return `\tanswer := new(${result.replace(/^\*/, '')})\n\tif err := c.call(ctx, r, answer); err != nil {\n\t\treturn nil, err\n\t}\n\treturn answer, nil\n`;
}

/** The text of oxbow.go. @throws Error if a shape has the name of something that is written by hand */
export function goClient({ shapes, operations }: ApiModel): string {
  const runtime = readFileSync(join(import.meta.dirname, 'go', 'runtime.go'), 'utf8');
  for (const { name } of shapes)
    if (new RegExp(`^(?:type|func|var) ${name}\\b`, 'm').test(runtime))
      throw new Error(`go/runtime.go has a ${name}, and so has the API: rename it there`);
  const byName = new Map(shapes.map((shape) => [shape.name, shape]));
  return `// Code generated by \`npm run generate\` from the sources; DO NOT EDIT.
// SPDX-License-Identifier: Apache-2.0

${runtime}
${shapes.map((shape) => shapeText(shape, byName)).join('\n')}
${operations.map(methodText).join('\n')}`;
}
