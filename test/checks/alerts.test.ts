import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { need, pathOf } from '../fixtures/need.ts';
import { openFolder } from '../fixtures/server.ts';

interface Rule {
  readonly alert: string;
  readonly annotations: { readonly runbook: string };
}

const alertsFile = fileURLToPath(new URL('../../deploy/prometheus/alerts.yaml', import.meta.url));
const rules = (parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

/**
 * Series, in the notation of promtool, one value a minute; the alert fires at `fires` and not at `quiet`,
 * minutes.
 */
interface Case {
  readonly series: Readonly<Record<string, string>>;
  readonly fires: number;
  readonly quiet: readonly number[];
}

const on = 'job="oxbow",instance="a:8080"';
const gauge = (name: string, labels: string, values: string, fires: number, quiet: readonly number[]): Case => ({
  series: { [`${name}{${on}${labels === '' ? '' : `,${labels}`}}`]: values },
  fires,
  quiet,
});
/** A counter that rises by `step` a minute from minute 10 to 70, and not before or after. */
const rises = (name: string, labels: string, step: number, fires: number): Case =>
  gauge(name, labels, `0x10 ${step}+${step}x60 ${61 * step}x180`, fires, [5, 245]);
/** A histogram whose observations are all above `le` from minute 10 to 70, and below it before and after. */
const slow = (name: string, labels: string, le: string, fires: number): Case => ({
  series: {
    [`${name}_bucket{${on}${labels},le="${le}"}`]: '0+10x10 100x60 110+10x180',
    [`${name}_bucket{${on}${labels},le="1"}`]: '0+10x250',
    [`${name}_bucket{${on}${labels},le="+Inf"}`]: '0+10x250',
  },
  fires,
  quiet: [5, 200],
});
const share = (part: string, whole: string, fires: number): Case => ({
  series: { [part]: '0x10 20+20x60 1220x180', [whole]: '0+100x250' },
  fires,
  quiet: [5, 150],
});

const cases: Readonly<Record<string, Case>> = {
  OxbowStreamDown: gauge('oxbow_stream_live', 'stream="cam"', '1x10 0x10 1x30', 14, [5, 11, 25]),
  OxbowManyGaps: rises('oxbow_gaps_total', 'stream="cam",cause="disk"', 1, 40),
  OxbowDiskFullSoon: gauge('oxbow_disk_full_in_seconds', '', '90000x10 80000x30 90000x30', 30, [5, 20, 50]),
  OxbowRecordingLags: gauge('oxbow_recording_lag_seconds', 'stream="cam"', '0x10 8x10 0x30', 15, [5, 25]),
  OxbowEventLoopLags: gauge(
    'oxbow_event_loop_lag_seconds',
    'thread="main",quantile="0.99"',
    '0x10 1x20 0x30',
    20,
    [5, 35],
  ),
  OxbowDatabaseSlow: slow('oxbow_database_wait_seconds', '', '0.5', 40),
  OxbowRestarts: gauge('oxbow_start_time_seconds', '', '1x10 2x5 3x5 4x200', 25, [5, 12, 150]),
  OxbowEnginesRestart: rises('oxbow_ffmpeg_starts_total', '', 10, 40),
  OxbowMemoryShort: {
    series: {
      [`oxbow_resident_memory_bytes{${on}}`]: '50x10 95x20 50x30',
      [`oxbow_memory_limit_bytes{${on}}`]: '100x100',
    },
    fires: 20,
    quiet: [5, 12, 40],
  },
  OxbowRoomsOutOfStep: slow('oxbow_room_offset_seconds', '', '0.5', 40),
  OxbowManyRefusals: rises('oxbow_refused_total', 'code="watch-refused"', 120, 50),
  OxbowServiceFailing: gauge('oxbow_breaker_state', 'service="redis"', '0x10 2x20 0x30', 20, [5, 12, 40]),
  OxbowNodeDead: gauge('oxbow_node_owned', 'kind="stream",state="dead"', '0x10 3x20 0x30', 20, [5, 12, 40]),
  OxbowRecordingPaused: gauge('oxbow_recording_paused', '', '0x10 1x10 0x30', 11, [5, 25]),
  OxbowRetentionPaused: gauge('oxbow_retention_paused', '', '0x10 1x60 0x30', 40, [5, 15, 80]),
  OxbowDamagedFiles: gauge('oxbow_damaged_files', '', '0x10 2x20 0x30', 20, [5, 40]),
  OxbowDamage: rises('oxbow_damage_total', 'stream="cam"', 1, 40),
  OxbowPlayersStall: share(
    `oxbow_buffer_starvations_total{${on}}`,
    `oxbow_cmcd_requests_total{${on},class="segment"}`,
    50,
  ),
  OxbowHttpErrors: share(
    `oxbow_http_requests_total{${on},class="api",status="500"}`,
    `oxbow_http_requests_total{${on},class="api",status="200"}`,
    50,
  ),
  OxbowJobsWait: {
    series: {
      [`oxbow_job_wait_seconds_bucket{${on},kind="export",le="60"}`]: '0+10x10 100x100 110+10x140',
      [`oxbow_job_wait_seconds_bucket{${on},kind="export",le="300"}`]: '0+10x250',
      [`oxbow_job_wait_seconds_bucket{${on},kind="export",le="+Inf"}`]: '0+10x250',
    },
    fires: 100,
    quiet: [5, 200],
  },
  OxbowStorageDown: gauge('oxbow_storage_up', 'target="s3"', '1x10 0x30 1x30', 30, [5, 15, 50]),
  OxbowRelayFails: rises('oxbow_relay_failures_total', 'stream="cam",protocol="rtmp"', 1, 40),
  OxbowEdgeOriginDown: gauge('oxbow_edge_origin_down', '', '0x10 1x10 0x30', 15, [5, 11, 25]),
  OxbowReportsLost: rises('oxbow_audit_lost_total', '', 1, 40),
  OxbowBug: rises('oxbow_bugs_total', '', 1, 40),
  OxbowStreamAlarm: gauge('oxbow_alarm_active', 'stream="cam",alarm="black"', '0x10 1x20 0x30', 15, [5, 40]),
  OxbowDown: gauge('up', '', '1x10 0x10 1x30', 15, [5, 10, 25]),
};

suite('alert rules', () => {
  test('each has a case here, and a heading on the page of its runbook', () => {
    assert.deepEqual(rules.map(({ alert }) => alert).sort(), Object.keys(cases).sort());
    for (const { alert, annotations } of rules) {
      const [page, anchor] = annotations.runbook.split('#');
      const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
      const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        heading!.toLowerCase().replaceAll(' ', '-'),
      );
      assert.ok(anchor !== undefined && headings.includes(anchor), alert);
    }
  });

  test('each fires, and resolves', { skip: need('promtool') }, async () => {
    await using folder = await openFolder('alerts');
    const file = join(folder.path, 'alerts.test.yaml');
    const firing = (alert: string) => `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`;
    const tests = Object.entries(cases).map(([alert, { series, fires, quiet }]) => ({
      name: alert,
      interval: '1m',
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      promql_expr_test: [...quiet, fires].map((minute) => ({
        expr: firing(alert),
        eval_time: `${minute}m`,
        exp_samples: [{ labels: '{}', value: minute === fires ? 1 : 0 }],
      })),
    }));
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ rule_files: [alertsFile], evaluation_interval: '1m', tests }));
    const { status, stdout, stderr } = spawnSync(pathOf('promtool')!, ['test', 'rules', file], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  });
});
