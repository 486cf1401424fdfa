import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { metricTable } from '../../src/observe/metric-table.ts';
import { need, pathOf } from '../fixtures/need.ts';
import { dashboard, panelQueries } from '../fixtures/observe/dashboard.ts';
import { openFolder } from '../fixtures/server.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const alertsFile = fileURLToPath(new URL('../../deploy/prometheus/alerts.yaml', import.meta.url));
const rules = (parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

/** Labels that Prometheus adds by itself. */
const added = ['job', 'instance'];
type Row = (typeof metricTable)[keyof typeof metricTable];
const rows: readonly Row[] = Object.values(metricTable);

/** What a rule or panel asks that oxbow does not tell. */
function unknownIn(expr: string): readonly string[] {
  const problems: string[] = [];
  const labelsThere = new Set(added);
  for (const [whole, name, selector = ''] of expr.matchAll(/\b(oxbow_[a-z_]+)(?:\{([^}]*)\})?/g)) {
    const row = rows.find((one) => name === one.name || isOf(one, name!));
    if (!row) {
      problems.push(`no metric ${name}`);
      continue;
    }
    if (row.type === 'histogram' && name === row.name) problems.push(`${name} is a histogram`);
    const labels = [...added, ...row.labels, ...(name!.endsWith('_bucket') ? ['le'] : [])];
    for (const label of labels) labelsThere.add(label);
    const asked = [...selector.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1]!);
    problems.push(...asked.filter((label) => !labels.includes(label)).map((label) => `${whole}: no label ${label}`));
  }
  for (const [, list] of expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)) {
    const asked = list!.split(',').map((label) => label.trim());
    problems.push(...asked.filter((label) => !labelsThere.has(label)).map((label) => `no label ${label} in ${expr}`));
  }
  return problems;
}

function isOf(row: Row, name: string): boolean {
  return row.type === 'histogram' && ['_bucket', '_sum', '_count'].some((end) => name === row.name + end);
}

function isBalanced(expr: string): boolean {
  const open: string[] = [];
  const pairs: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
  for (const character of expr.replace(/"[^"]*"/g, '')) {
    if ('([{'.includes(character)) open.push(character);
    else if (character in pairs && open.pop() !== pairs[character]) return false;
  }
  return open.length === 0;
}

suite('alert rules', () => {
  test('use only metrics and labels of oxbow, and have a summary and a hint', () => {
    assert.ok(rules.length >= 8);
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { alert, expr, labels, annotations } of rules) {
      assert.deepEqual(unknownIn(expr), [], alert);
      assert.ok(isBalanced(expr), alert);
      assert.match(labels.severity, /^(critical|warning)$/);
      assert.ok(annotations.summary.endsWith('.') && annotations.description.endsWith('.'), alert);
    }
  });

  test('are valid for Prometheus', { skip: need('promtool') }, () => {
    const { status, stdout, stderr } = spawnSync(pathOf('promtool')!, ['check', 'rules', alertsFile], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
  });
});

suite('the dashboard', () => {
  test('uses only metrics and labels of oxbow', () => {
    for (const { title, targets } of dashboard.panels) {
      assert.ok(targets.length > 0, title);
      for (const { expr, legendFormat } of targets) {
        assert.deepEqual(unknownIn(expr), [], title);
        assert.ok(isBalanced(expr), title);
        const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]!);
        for (const label of shown) {
          assert.ok([...added, ...rows.flatMap((row) => [...row.labels] as string[])].includes(label), title);
        }
      }
    }
    for (const { definition = '' } of dashboard.templating.list) assert.deepEqual(unknownIn(definition), []);
  });

  test('its queries are valid for Prometheus', { skip: need('promtool') }, async () => {
    await using folder = await openFolder('dashboard');
    const file = join(folder.path, 'queries.yaml');
    const check = (queries: readonly string[]) => {
      const groups = [{ name: 'panels', rules: queries.map((expr, i) => ({ record: `panel:${i}`, expr })) }];
      writeFileSync(file, stringify({ groups }));
      return spawnSync(pathOf('promtool')!, ['check', 'rules', file], { encoding: 'utf8' });
    };
    assert.ok(panelQueries.length >= 90);
    const { status, stdout, stderr } = check(panelQueries.map(({ expr }) => expr));
    assert.equal(status, 0, stdout + stderr);
    assert.notEqual(check(['sum by (rate(oxbow_gaps_total[5m]))']).status, 0, 'the check finds a mistake');
  });

  test('its panels have unique titles and ids and do not overlap', () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const [index, { title, gridPos: a }] of panels.entries()) {
      assert.ok(title !== '' && a.x + a.w <= 24, title);
      for (const { title: other, gridPos: b } of panels.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        assert.ok(apart, `${title} and ${other}`);
      }
    }
  });

  test('the check finds a mistyped name or label', () => {
    assert.deepEqual(unknownIn('rate(oxbow_gapz_total[1h])'), ['no metric oxbow_gapz_total']);
    assert.equal(unknownIn('oxbow_gaps_total{kind="x"}').length, 1);
    assert.equal(unknownIn('sum by (kind) (oxbow_gaps_total)').length, 1);
    assert.equal(isBalanced('sum(rate(a[5m])'), false);
  });
});
