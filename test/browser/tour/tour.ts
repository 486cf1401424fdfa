/**
 * `npm run tour`: plays the first minute of a newcomer in Chromium, from `npm start` on an empty data folder.
 * In: arguments. Out: a table of steps on standard output, screenshots and a film in a folder; exit code 1 if
 * a step takes too long.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { openFolder } from '../../fixtures/server.ts';
import { launchBrowser, openVisitor } from '../chromium.ts';
import { startFilm } from './film.ts';
import { openOwnSource } from './source.ts';
import { type TourResult, takeTour } from './steps.ts';

const usage = `Usage: npm run tour -- [options]

  --out DIR     folder for the screenshots and tour.mp4 (default: tour)
  --no-film     no film; it takes some CPU time of the steps
  --width 1280  of the window, CSS pixels
  --height 800`;

/** From `npm start` to rewinding one's own stream. */
const MOST_CLICKS = 4;
const MOST_SECONDS = 20;
const START_BUDGET_S = 6;
const root = join(import.meta.dirname, '..', '..', '..');

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'tour' },
    'no-film': { type: 'boolean', default: false },
    width: { type: 'string', default: '1280' },
    height: { type: 'string', default: '800' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(`${usage}\n`);
else process.exitCode = await tour(resolve(values.out));

async function tour(out: string): Promise<number> {
  await using folder = await openFolder('tour');
  await using source = await openOwnSource(join(folder.path, 'source'));
  await using opened = new AsyncDisposableStack();
  const browser = await launchBrowser(); // it is open before oxbow starts
  opened.defer(() => browser.close());
  const looks = { width: Number(values.width), height: Number(values.height) };
  const page = await (await openVisitor(browser, looks)).newPage();
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const film = values['no-film'] ? undefined : await startFilm(page, join(out, 'tour.mp4'));
  const { url, seconds } = await start(opened, join(folder.path, 'data'));
  const begun: TourResult = {
    name: 'npm start prints its addresses',
    budgetS: START_BUDGET_S,
    own: true,
    clicks: 0,
    seconds,
  };
  const results = [begun];
  try {
    await takeTour({ page, url, source: source.address }, async (result) => {
      results.push(result);
      const file = `${String(results.length).padStart(2, '0')} ${result.name}.png`;
      await page.screenshot({ path: join(out, file.replaceAll(' ', '-')) });
    });
  } finally {
    await film?.end();
    report(results);
  }
  return isWithin(results) ? 0 : 1;
}

/** Starts oxbow as its user does; disposing ends it. */
async function start(opened: AsyncDisposableStack, data: string): Promise<{ url: string; seconds: number }> {
  const begunAt = performance.now();
  const settings = ['--data', data, '--http', '127.0.0.1:0', '--rtmp', 'off', '--srt', 'off'];
  const child = spawn('npm', ['start', '--', ...settings], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const closed = once(child, 'close');
  opened.defer(async () => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGTERM');
    await closed;
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    const url = /^ {2}Watch +(\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { url, seconds: (performance.now() - begunAt) / 1000 };
  }
  throw new Error('oxbow ended before it was ready');
}

function ownOf(results: readonly TourResult[]): { clicks: number; seconds: number } {
  const own = results.filter((each) => each.own);
  const sum = (of: (result: TourResult) => number) => own.reduce((total, each) => total + of(each), 0);
  return { clicks: sum(({ clicks }) => clicks), seconds: sum(({ seconds }) => seconds) };
}

function isWithin(results: readonly TourResult[]): boolean {
  const { clicks, seconds } = ownOf(results);
  const isLate = results.some((each) => each.seconds > each.budgetS);
  return !isLate && clicks <= MOST_CLICKS && seconds <= MOST_SECONDS;
}

/** The steps as Markdown. */
function report(results: readonly TourResult[]): void {
  const { clicks, seconds } = ownOf(results);
  const rows = results.map(({ name, own, clicks, seconds, budgetS }) => {
    const late = seconds > budgetS ? ' **late**' : '';
    return `| ${name}${own ? ' *' : ''} | ${clicks} | ${seconds.toFixed(1)}${late} | ${budgetS} |`;
  });
  process.stdout.write(`
| step | clicks | s | budget |
| --- | --- | --- | --- |
${rows.join('\n')}
| **to rewinding one's own stream (*)** | ${clicks} of ${MOST_CLICKS} | ${seconds.toFixed(1)} | ${MOST_SECONDS} |
`);
}
