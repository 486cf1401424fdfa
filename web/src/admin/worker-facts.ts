/**
 * What a worker reports of its machine, in words: encoders, processors, version.
 * In: facts, any JSON. Out: one line. Pure.
 */

/** The known facts; empty if there are none. */
export function workerFacts(facts: Readonly<Record<string, unknown>>): string {
  const parts = [encodersIn(facts.encoders), cpusIn(facts.cpus ?? facts.processors), textOf(facts.version)];
  return parts.filter((part) => part !== '').join(' · ');
}

function encodersIn(value: unknown): string {
  if (!Array.isArray(value)) return '';
  return value
    .map((each) => textOf(each) || textOf((each as { readonly name?: unknown } | null)?.name))
    .filter((each) => each !== '')
    .join(', ');
}

const cpusIn = (value: unknown) => (typeof value === 'number' ? `${value} CPU` : '');
const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
