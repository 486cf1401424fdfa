/**
 * Describes what is wrong with a request that does not match its schema: one sentence per field.
 * In: the errors of Ajv. Out: the `bad-request` or `bad-name` error of the reply.
 */
import { OxbowError } from '../../lib/errors.ts';

/** What Ajv reports. */
interface SchemaError {
  /** JSON pointer of the wrong value. */
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly message?: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A request with more errors is answered with the first of them. */
const MAX_SHOWN_ERRORS = 20;

/**
 * Creates the error of the reply; `errors` of its problem document has one entry per wrong field.
 *
 * @param context `body`, `querystring`, `params` or `headers`: where the schema applies
 */
export function fromValidation(schemaErrors: readonly SchemaError[], context: string): OxbowError {
  const isName = schemaErrors.some(({ instancePath, keyword }) => instancePath === '/name' && keyword === 'pattern');
  const prefix = context === 'body' ? '#' : context === 'querystring' ? '?' : '';
  const problems = withoutOtherBranches(schemaErrors).map((error) => ({
    pointer: `${prefix}${error.instancePath}`,
    message: describe(error),
  }));
  const distinct = new Map(problems.map((error) => [`${error.pointer} ${error.message}`, error]));
  const errors = [...distinct.values()].slice(0, MAX_SHOWN_ERRORS);
  const detail = errors.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
  return new OxbowError(isName ? 'bad-name' : 'bad-request', detail, { extra: { errors } });
}

function describe({ keyword, message = 'is not valid', params }: SchemaError): string {
  if (keyword === 'additionalProperties') return `has no member named "${params.additionalProperty}"`;
  if (keyword === 'const') return `must be ${params.allowedValue}`;
  return message;
}

/**
 * Ajv reports the errors of every branch of a union. Keeps those of the branch that the request means: the
 * one whose constants, such as `type`, are right. Where every branch has a wrong constant, names the
 * permitted values.
 */
function withoutOtherBranches(schemaErrors: readonly SchemaError[]): readonly SchemaError[] {
  let errors = schemaErrors;
  // Inner unions come before the union that contains them.
  for (const union of schemaErrors.filter(({ keyword }) => keyword === 'anyOf')) {
    const inside = errors.filter(
      ({ instancePath, schemaPath }) =>
        instancePath.startsWith(union.instancePath) && schemaPath.startsWith(`${union.schemaPath}/`),
    );
    const branches = Map.groupBy(inside, (error) => error.schemaPath.slice(union.schemaPath.length + 1).split('/')[0]);
    const meant = [...branches.values()].filter((branch) => branch.every(({ keyword }) => keyword !== 'const'));
    const constants = inside.filter(({ keyword }) => keyword === 'const');
    const values = [...new Set(constants.map(({ params }) => params.allowedValue))].join(', ');
    const choice = { ...(constants[0] ?? union), keyword: 'anyOf', message: `must be one of ${values}` };
    const kept = meant.length > 0 ? meant.flat() : [choice];
    errors = errors.flatMap((error) => (error === union ? kept : inside.includes(error) ? [] : [error]));
  }
  return errors;
}
