import { killAtMoments } from '/work/wt/kill/test/faults/moments/moments.ts';
import { openFolder } from '/work/wt/kill/test/fixtures/server.ts';

const [file, name, moments, seed, short] = process.argv.slice(2);
const mod = await import(`/work/wt/kill/test/faults/moments/${file}.ts`);
await using folder = await openFolder('k');
const t = performance.now();
try {
  console.log(
    await killAtMoments(mod[name!], {
      moments: Number(moments),
      seed: Number(seed),
      folder: folder.path,
      rehearsal: !short,
      report: (x) => console.log(((performance.now() - t) / 1000).toFixed(1), x),
    }),
  );
} catch (e) {
  console.log((e as Error).stack?.slice(0, 6000));
  console.log(String((e as Error).cause && (e as any).cause.stack).slice(0, 3000));
}
console.log((performance.now() - t) / 1000);
process.exit();
