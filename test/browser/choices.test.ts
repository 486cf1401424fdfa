import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { captionsByPicture, popOn, withCaptionsInStream } from '@oxbow/media/captions/captions.fixture';
import type { Browser, Page } from 'playwright-core';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { openOrigin } from '../fixtures/origin.ts';
import { openFolder, runOxbow, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';

/** Length of the source, and of its segments. */
const SECONDS = 30;
const SEGMENT_S = 2;
/** Pictures per second. */
const RATE = 15;
/** Its two languages, and the tone of each, Hz. */
const languages = { eng: { name: 'English', hertz: 1000 }, deu: { name: 'Deutsch', hertz: 440 } } as const;
type Language = keyof typeof languages;
/** Tolerance of the loudest frequency: one step of the analysis is 23 Hz. */
const OFF_HZ = 40;

suite('sound and subtitles are chosen, in a browser', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let server: Server;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  before(async () => {
    const folder = opened.use(await openFolder('choices'));
    const file = (...path: string[]) => join(folder.path, ...path);
    await makeVideo(file('video'));
    const origin = opened.use(await openOrigin({ folder: folder.path }));
    for (const language of Object.keys(languages) as Language[])
      await makeSound(file(language), languages[language].hertz);
    const media = (type: string, group: string, language: Language, file: string) =>
      `#EXT-X-MEDIA:TYPE=${type},GROUP-ID="${group}",NAME="${languages[language].name}",LANGUAGE="${language}",AUTOSELECT=YES,URI="${file}"`;
    const lists = (Object.keys(languages) as Language[]).flatMap((language) => {
      const uris = Array.from({ length: SECONDS / SEGMENT_S }, (_, i) => `/${language}/words${i}.vtt`);
      for (const [i, uri] of uris.entries()) origin.put(uri, words(language, i));
      const entries = uris.map((uri) => `#EXTINF:${SEGMENT_S},\n${uri}`);
      const head = ['#EXTM3U', '#EXT-X-VERSION:6', `#EXT-X-TARGETDURATION:${SEGMENT_S}`];
      origin.put(`/${language}/words.m3u8`, [...head, ...entries, '#EXT-X-ENDLIST', ''].join('\n'));
      return [
        media('AUDIO', 'a', language, `/${language}/sound.m3u8`),
        media('SUBTITLES', 's', language, `/${language}/words.m3u8`),
      ];
    });
    lists.push(
      '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="Captions",LANGUAGE="fr",AUTOSELECT=YES,INSTREAM-ID="CC1"',
    );
    const variant = '#EXT-X-STREAM-INF:BANDWIDTH=500000,AUDIO="a",SUBTITLES="s",CLOSED-CAPTIONS="c"\n/video/index.m3u8';
    origin.put('/master.m3u8', ['#EXTM3U', ...lists, variant, ''].join('\n'));
    const data = file('data');
    for (const [name, path] of [
      ['tongues', 'master.m3u8'],
      ['radio', 'eng/sound.m3u8'],
    ] as const) {
      const said = await runOxbow(['record', `${origin.url}/${path}`, '-o', data, '--name', name]);
      assert.equal(said.code, 0, said.stderr);
    }
    server = opened.use(await startServer({ data }));
    browser = await openBrowser();
    opened.defer(() => browser.close());
    page = await (await openVisitor(browser)).newPage();
    faults = collectFaults(page);
    const { spans } = await server.timeline('tongues');
    const [from, to] = [Date.parse(spans[0]!.from), Date.parse(spans.at(-1)!.to)].map((ms) => ms / 1000);
    // A span plays in a loop: there is sound for as long as the test runs.
    await page.goto(`${server.url}/watch/tongues?from=${Math.ceil(from!)}&to=${Math.floor(to!)}`);
    await until('it plays', () => front((video) => !video.paused && video.currentTime > 0));
  });
  after(() => opened.disposeAsync());

  /** Video alone, in segments, with a caption for each within it. */
  async function makeVideo(folder: string): Promise<void> {
    await mkdir(folder);
    const [plain, raw] = [join(folder, 'plain.h264'), join(folder, 'captions.h264')];
    const size = `${SECONDS * RATE}`;
    await ffmpeg([
      ...[
        '-f',
        'lavfi',
        '-i',
        `testsrc2=s=160x90:r=${RATE}`,
        '-frames:v',
        size,
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
      ],
      ...['-bf', '0', '-slices', '1', '-g', `${SEGMENT_S * RATE}`, '-pix_fmt', 'yuv420p', plain],
    ]);
    const captions = Array.from({ length: SECONDS / SEGMENT_S }, (_, i) => [
      i * SEGMENT_S * RATE,
      { pairs: popOn(`CAPTION ${i}`) },
    ]);
    const pictures = captionsByPicture(SECONDS * RATE, Object.fromEntries(captions));
    await writeFile(raw, withCaptionsInStream(await readFile(plain), pictures));
    await ffmpeg([
      ...['-framerate', `${RATE}`, '-f', 'h264', '-i', raw, '-c', 'copy', '-f', 'hls', '-hls_time', `${SEGMENT_S}`],
      ...['-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4', '-hls_segment_filename', join(folder, 'v%d.m4s')],
      join(folder, 'index.m3u8'),
    ]);
  }

  async function ffmpeg(args: readonly string[]): Promise<void> {
    const { code, stderr } = await run('ffmpeg', ['-v', 'error', '-y', ...args]);
    assert.equal(code, 0, stderr);
  }

  /** Audio alone, in segments. */
  async function makeSound(folder: string, hertz: number): Promise<void> {
    await mkdir(folder);
    await ffmpeg([
      ...['-f', 'lavfi', '-i', `sine=frequency=${hertz}:sample_rate=48000:duration=${SECONDS}`],
      ...['-c:a', 'aac', '-b:a', '64k', '-f', 'hls', '-hls_time', `${SEGMENT_S}`, '-hls_playlist_type', 'vod'],
      ...['-hls_segment_type', 'fmp4', '-hls_segment_filename', join(folder, 's%d.m4s'), join(folder, 'sound.m3u8')],
    ]);
  }

  /** One cue for each segment. */
  function words(language: Language, i: number): string {
    const time = (s: number) => new Date(s * 1000).toISOString().slice(11, 23);
    const from = i * SEGMENT_S;
    return `WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n${time(from)} --> ${time(from + SEGMENT_S)}\n${language} ${i}\n`;
  }

  function front<T>(look: (video: HTMLVideoElement) => T): Promise<T> {
    return page.locator('video[data-front]').evaluate(look as (element: Element) => T) as Promise<T>;
  }

  /** The subtitles over the picture now. */
  const shownWords = () =>
    front((video) =>
      [...video.textTracks]
        .filter(({ mode }) => mode === 'showing')
        .flatMap(({ activeCues }) => [...(activeCues ?? [])].map((cue) => (cue as VTTCue).text)),
    );

  /** The loudest frequency of the sound, Hz; 0 in silence. */
  const loudestHertz = () =>
    front(async (video) => {
      const page = globalThis as typeof globalThis & { tap?: { element: Element; analyser: AnalyserNode } };
      if (page.tap?.element !== video) {
        const context = new AudioContext();
        await context.resume();
        const analyser = context.createAnalyser();
        context.createMediaElementSource(video).connect(analyser);
        page.tap = { element: video, analyser };
      }
      const { analyser } = page.tap;
      const levels = new Uint8Array(analyser.frequencyBinCount);
      analyser.getByteFrequencyData(levels);
      const loudest = Math.max(...levels);
      return loudest === 0 ? 0 : (levels.indexOf(loudest) * analyser.context.sampleRate) / analyser.fftSize;
    });

  const untilHeard = (language: Language) =>
    until(`${language} is heard`, async () => {
      const hertz = await loudestHertz();
      if (Math.abs(hertz - languages[language].hertz) > OFF_HZ) throw new Error(`${hertz} Hz`);
      return true;
    });

  async function choose(menu: RegExp, item: RegExp): Promise<void> {
    await page.locator('.controls').getByRole('button', { name: menu }).click();
    await page.getByRole('menuitemradio', { name: item }).click();
  }

  test('another language is audible once it is selected, and then the first one again', async () => {
    await page.keyboard.press('m');
    await until('the sound is on', () => front((video) => !video.muted));
    await untilHeard('eng');
    await choose(/^Audio track/, /German|Deutsch/);
    await untilHeard('deu');
    await choose(/^Audio track/, /English/);
    await untilHeard('eng');
  });

  test('subtitles are shown in the selected language, and disappear when they are switched off', async () => {
    assert.deepEqual(await shownWords(), [], 'off by default');
    for (const [item, language] of [
      [/English/, 'eng'],
      [/German|Deutsch/, 'deu'],
    ] as const) {
      await choose(/^Subtitles/, item);
      await until(`${language} is shown`, async () => {
        const all = await shownWords();
        return all.length > 0 && all.every((text) => text.startsWith(language));
      });
    }
    await choose(/^Subtitles/, /Off/);
    await until('none is shown', async () => (await shownWords()).length === 0);
  });

  test('closed captions within the video are listed as the source names them, and the key C hides and shows them', async () => {
    const untilCaptions = () =>
      until('captions are shown', async () => {
        const all = await shownWords();
        return all.length > 0 && all.every((text) => text.startsWith('CAPTION'));
      });
    await choose(/^Subtitles/, /Captions/);
    await untilCaptions();
    await page.keyboard.press('c');
    await until('none is shown', async () => (await shownWords()).length === 0);
    await page.keyboard.press('c');
    await untilCaptions();
    await choose(/^Subtitles/, /Off/);
    await until('none is shown', async () => (await shownWords()).length === 0);
  });

  test('picture in picture, and back', async () => {
    const inPicture = () => page.evaluate(() => document.pictureInPictureElement?.hasAttribute('data-front') ?? false);
    await page.keyboard.press('p');
    await until('the picture in front is in a separate window', inPicture);
    await page.keyboard.press('p');
    await until('it is back', async () => !(await inPicture()));
  });

  test('a stream without pictures shows its sound as bars', async () => {
    const { spans } = await server.timeline('radio');
    const from = Math.ceil(Date.parse(spans[0]!.from) / 1000);
    await page.goto(`${server.url}/watch/radio?from=${from}&to=${from + 15}`);
    await until('the bars of the tone are high, and some were heard', async () => {
      const bars = await page
        .locator('.stage .wave rect')
        .evaluateAll((all) =>
          all.map((bar) => ({ height: Number(bar.getAttribute('height')), heard: bar.classList.contains('heard') })),
        );
      return bars.filter(({ height }) => height > 5).length > bars.length / 2 && bars.some(({ heard }) => heard);
    });
  });

  test('no console error, no failed request in all this', () => assert.deepEqual(withoutEarlyWindows(faults), []));
});
