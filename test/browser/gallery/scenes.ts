/**
 * Films of places that exist nowhere: drawings whose parts move, as a camera would see a harbour, a street, a
 * hut in the snow.
 * In: a browser that draws SVG. Out: MP4 files that repeat without a seam. Needs ffmpeg.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { encode } from '../../fixtures/encoder.ts';

/** Pixels. */
const WIDTH = 1280;
const HEIGHT = 720;
/** After this time every part is back at its place, seconds. */
const SECONDS = 40;

/**
 * A part of a drawing that moves: SVG of `size`, and its place by the time `t`, as ffmpeg's filter overlay
 * reads it.
 */
interface Part {
  readonly svg: string;
  readonly size: readonly [number, number];
  readonly x: string;
  readonly y: string;
}
interface Scene {
  readonly back: string;
  readonly parts: readonly Part[];
}

/** Moves from `from` to `to` once per repetition. */
const passes = (from: number, to: number) => `${from}+(${to - from})*mod(t\\,${SECONDS})/${SECONDS}`;
/** Swings around `middle`, `times` per repetition. */
const swings = (middle: number, by: number, times: number) => `${middle}+${by}*sin(2*PI*${times}*t/${SECONDS})`;
const fade = (id: string, ...colours: readonly string[]) =>
  `<linearGradient id="${id}" x2="0" y2="1">${colours
    .map((colour, i) => `<stop offset="${i / (colours.length - 1)}" stop-color="${colour}"/>`)
    .join('')}</linearGradient>`;
const rows = (count: number, draw: (i: number) => string) => Array.from({ length: count }, (_, i) => draw(i)).join('');

const waves = rows(36, (i) => {
  const [x, y, wide] = [(i * 397) % 1500, (i * 53) % 220, 40 + ((i * 31) % 90)];
  return `<path d="M${x} ${y}q${wide / 4} -5 ${wide / 2} 0t${wide / 2} 0" fill="none" stroke="#ffe9c9" stroke-width="2.5" opacity="${0.12 + (i % 4) * 0.07}"/>`;
});
const boat = (sail: string, hull: string) =>
  `<path d="M78 6V112" stroke="#3b2a22" stroke-width="4"/><path d="M84 10Q140 70 134 104H84z" fill="${sail}"/><path d="M72 24Q36 70 32 104H72z" fill="${sail}" opacity=".85"/><path d="M14 114H150L132 142H34z" fill="${hull}"/>`;

/** What can be filmed. */
export const scenes = {
  harbour: {
    back: `<defs>${fade('sky', '#27406e', '#8a6f9c', '#f0a36b', '#ffd9a0')}${fade('sea', '#b07a63', '#3e4f6e', '#14223d')}</defs>
      <rect width="1280" height="420" fill="url(#sky)"/><circle cx="830" cy="372" r="58" fill="#fff0c9"/>
      <path d="M0 420V352l120-50 150 44 170-76 190 92 150-30 200 52 120-24 180 28v32z" fill="#4d4a6b"/>
      <path d="M0 424V392l210-20 260 26 330-18 480 26v18z" fill="#2d3150"/>
      <rect y="420" width="1280" height="300" fill="url(#sea)"/><path d="M790 424h84l70 296H720z" fill="#ffe1ae" opacity=".22"/>
      <path d="M130 424l14-170h44l14 170z" fill="#f4ede2"/><path d="M140 300h52l4 46h-60z" fill="#c2483c"/><rect x="144" y="230" width="44" height="26" fill="#ffe9a8"/><path d="M138 230l28-26 28 26z" fill="#8d2f2a"/>
      <path d="M0 720V560l330 18 60 34v108z" fill="#1b1d2e"/>${rows(6, (i) => `<rect x="${30 + i * 62}" y="540" width="14" height="44" rx="5" fill="#2c2f47"/>`)}`,
    parts: [
      { svg: waves, size: [1600, 240], x: swings(-160, 60, 3), y: swings(446, 4, 8) },
      { svg: boat('#fbf3e4', '#8d3b2f'), size: [164, 150], x: passes(-200, 1320), y: swings(352, 4, 10) },
      { svg: boat('#f2c078', '#26384f'), size: [164, 150], x: passes(1300, -220), y: swings(452, 6, 8) },
    ],
  },
  gate: {
    back: `<defs>${fade('night', '#0c1428', '#1c2b4a')}${fade('road', '#2b3140', '#171b26')}<radialGradient id="lamp"><stop stop-color="#ffd98a" stop-opacity=".75"/><stop offset="1" stop-color="#ffd98a" stop-opacity="0"/></radialGradient></defs>
      <rect width="1280" height="470" fill="url(#night)"/>${rows(50, (i) => `<circle cx="${(i * 211) % 1280}" cy="${(i * 97) % 300}" r="${1 + (i % 3) * 0.5}" fill="#fff" opacity=".5"/>`)}
      <path d="M120 470V230l170-110 170 110v240z" fill="#3c4356"/><path d="M96 238l194-128 194 128-12 18-182-118L108 256z" fill="#59323a"/>${rows(4, (i) => `<rect x="${170 + (i % 2) * 150}" y="${250 + Math.floor(i / 2) * 100}" width="84" height="62" fill="${i === 1 ? '#2b3348' : '#ffd27a'}"/>`)}
      <path d="M560 470V300h40v170zm420 0V300h40v170z" fill="#6b7183"/>${rows(12, (i) => `<rect x="${612 + i * 31}" y="320" width="8" height="150" fill="#20283a"/>`)}<rect x="600" y="340" width="380" height="10" fill="#20283a"/>
      <rect y="470" width="1280" height="250" fill="url(#road)"/>${rows(7, (i) => `<rect x="${i * 200 + 30}" y="592" width="100" height="10" fill="#c9c2a6" opacity=".7"/>`)}
      <rect x="1100" y="190" width="12" height="290" fill="#11151f"/><circle cx="1106" cy="190" r="190" fill="url(#lamp)"/><rect x="1082" y="176" width="48" height="18" rx="6" fill="#ffe9b3"/>`,
    parts: [
      {
        svg: '<path d="M20 90q6-34 60-36l46-36h104l52 38q50 4 52 34z" fill="#b5483f"/><path d="M138 26h40v28h-72zm50 0h38l34 28h-72z" fill="#9fc3d8"/><circle cx="84" cy="92" r="24" fill="#11151f"/><circle cx="270" cy="92" r="24" fill="#11151f"/><path d="M334 70l146-24v76l-146-30z" fill="#ffe9b3" opacity=".3"/>',
        size: [480, 124],
        x: passes(-900, 2200),
        y: '520',
      },
    ],
  },
  hut: {
    back: `<defs>${fade('air', '#9fb6cf', '#e8eef4')}</defs><rect width="1280" height="720" fill="url(#air)"/>
      <path d="M0 520l210-250 130 130 220-300 230 310 120-120 370 330v100H0z" fill="#7f93ab"/><path d="M560 100l90 122-60-14-34 34-52-40z" fill="#fff"/><path d="M0 720V500q320-90 640 10t640-30v240z" fill="#f6f9fc"/>
      ${rows(9, (i) => `<path d="M${40 + ((i * 173) % 1200)} ${520 + (i % 3) * 40}l36-110 36 110z" fill="#35524a"/>`)}
      <path d="M760 600V480l110-80 110 80v120z" fill="#6a4632"/><path d="M736 492l134-102 134 102-14 14-120-86-120 86z" fill="#f9fbfd"/><rect x="800" y="510" width="46" height="42" fill="#ffd27a"/><rect x="890" y="516" width="48" height="84" fill="#3f2a1f"/>`,
    parts: [0, 1].map((i) => ({
      svg: rows(
        90,
        (n) =>
          `<circle cx="${(n * 269 + i * 91) % 1400}" cy="${(n * 137 + i * 53) % 1440}" r="${2 + (n % 3) + i * 2}" fill="#fff" opacity=".85"/>`,
      ),
      size: [1400, 1440] as const,
      x: swings(-60, 40, 2 + i),
      y: passes(-720, 0),
    })),
  },
} satisfies Record<string, Scene>;
/** One of them. */
export type SceneName = keyof typeof scenes;

/**
 * Draws and encodes a scene: H.264 with a key frame each second, and a quiet noise in AAC.
 *
 * @param folder for the film and its drawings
 * @returns path of the MP4 file
 */
export async function filmScene(browser: Browser, folder: string, name: SceneName): Promise<string> {
  const scene: Scene = scenes[name];
  const drawings = [{ svg: scene.back, size: [WIDTH, HEIGHT] as const }, ...scene.parts];
  const page = await browser.newPage();
  const files: string[] = [];
  for (const { svg, size } of drawings) {
    const [width, height] = size;
    await page.setViewportSize({ width, height });
    await page.setContent(
      `<style>body{margin:0}</style><svg xmlns="http://www.w3.org/2000/svg" style="display:block" width="${width}" height="${height}">${svg}</svg>`,
    );
    const file = join(folder, `${name}-${files.length}.png`);
    await writeFile(file, await page.screenshot({ omitBackground: true }));
    files.push(file);
  }
  await page.close();
  // Each drawing is decoded once and repeated.
  const still = (i: number) => `[${i}:v]format=yuva420p,loop=-1:1,setpts=N/25/TB`;
  const parts = scene.parts.map((_, i) => `${still(i + 1)}[p${i}]`);
  const overlays = scene.parts.map(({ x, y }, i) => `[v${i}][p${i}]overlay=x=${x}:y=${y}[v${i + 1}]`);
  const graph = [`${still(0)}[v0]`, ...parts, ...overlays, `[v${scene.parts.length}]format=yuv420p[v]`];
  return encode(
    [
      ...files.flatMap((file) => ['-framerate', '25', '-i', file]),
      ...['-f', 'lavfi', '-i', 'anoisesrc=color=brown:amplitude=0.2:sample_rate=48000'],
      ...['-filter_complex', graph.join(';'), '-map', '[v]', '-map', `${files.length}:a`, '-t', String(SECONDS)],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '26', '-g', '25', '-bf', '0', '-threads', '2'],
      ...['-x264-params', 'scenecut=0', '-c:a', 'aac', '-b:a', '96k', '-movflags', '+faststart'],
    ],
    join(folder, `${name}.mp4`),
  );
}
