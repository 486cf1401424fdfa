/**
 * Checks the accessibility of a page with axe-core.
 * In: a page of Chromium. Out: serious and critical violations as text, for a test to expect none. WCAG 2.2
 * AA.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const source = readFile(join(import.meta.dirname, '..', '..', 'node_modules', 'axe-core', 'axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
}

/** What is checked. */
export interface Scope {
  /** Rules of axe-core; all by default. */
  readonly rules?: readonly string[];
  /** Rules that are off by default, besides all others. */
  readonly also?: readonly string[];
  /** Selectors of what is new since the last check of the whole page; by default all of it. */
  readonly within?: readonly string[];
}

/**
 * Checks the current page. During a colour transition the contrast is wrong: a violation counts only if it is
 * found twice.
 *
 * @param where included in each violation
 * @throws Error if nothing matches `within`
 */
export async function violations(page: Page, where: string, scope: Scope = {}): Promise<string[]> {
  for (const selector of scope.within ?? []) {
    if ((await page.locator(selector).count()) === 0) throw new Error(`${where}: nothing is ${selector}`);
  }
  const first = await look(page, scope);
  if (first.size === 0) return [];
  const second = await look(page, scope);
  return [...first].filter(([place]) => second.has(place)).map(([place, why]) => `${where}: ${place}: ${why}`);
}

/** Violations by rule and element, with the reason. */
async function look(page: Page, { rules, also = [], within }: Scope): Promise<Map<string, string>> {
  await page.evaluate(async () => {
    const finite = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(finite.map(({ finished }) => finished));
  });
  // By the debugger's protocol: the page's policy allows no other script.
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(await source);
  const options = {
    resultTypes: ['violations'],
    rules: Object.fromEntries(also.map((rule) => [rule, { enabled: true }])),
    ...(rules ? { runOnly: { type: 'rule', values: rules } } : {}),
  };
  const context = within ? JSON.stringify({ include: within.map((selector) => [selector]) }) : 'document';
  const found = (await page.evaluate(
    `axe.run(${context}, ${JSON.stringify(options)}).then((results) => results.violations)`,
  )) as readonly Violation[];
  const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return new Map(
    serious.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary = '' }) => {
        const why = failureSummary.split('\n').slice(1).join(' ').trim();
        return [`${id} (${help}) at ${target.join(' ')}`, why] as const;
      }),
    ),
  );
}
