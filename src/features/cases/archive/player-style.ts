/**
 * The style of the page of an archive: light and dark, from 320 px on.
 * In: nothing. Out: CSS for player-page.ts.
 */

/** CSS. */
export const playerStyle = `
:root {
  color-scheme: light dark;
  --back: light-dark(#fbfaf8, #16171a);
  --card: light-dark(#fff, #202226);
  --text: light-dark(#1c1d20, #ecebe8);
  --quiet: light-dark(#5b5e66, #a9acb4);
  --line: light-dark(#d9d7d2, #3a3d44);
  --bar: light-dark(#2f6f63, #5fb8a6);
  --gap: light-dark(#b3261e, #ffb4ab);
  --mark: light-dark(#8a5a00, #f3c46b);
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { margin: 1.5rem 0 0.5rem; font-size: 1.125rem; }
p { margin: 0.25rem 0; overflow-wrap: anywhere; }
a { color: inherit; }
#description { white-space: pre-wrap; }
.quiet { color: var(--quiet); font-size: 0.875rem; }
.unseen { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }
#stage { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 0.5rem;
  align-items: center; min-height: 12rem; margin-top: 1rem; padding: 0.5rem; border-radius: 0.5rem; background: #000; }
#stage #empty { color: #c9cbd1; text-align: center; }
figure { position: relative; margin: 0; }
figure video { display: block; width: 100%; max-height: 60vh; background: #000; }
figure button { position: absolute; top: 0.5rem; right: 0.5rem; }
figcaption { padding: 0.25rem; color: #e8e9ec; font-size: 0.8125rem; overflow-wrap: anywhere; }
#controls { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin: 0.5rem 0; }
button, select { min-height: 2.5rem; padding: 0 0.75rem; border: 1px solid var(--line); border-radius: 0.375rem;
  background: var(--card); color: var(--text); font: inherit; cursor: pointer; }
#play { min-width: 6rem; font-weight: 600; }
#clock { flex: 1; min-width: 14rem; font-variant-numeric: tabular-nums; }
:focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
#timeline { position: relative; padding: 0.5rem 0; border: 1px solid var(--line); border-radius: 0.5rem;
  background: var(--card); cursor: pointer; touch-action: none; user-select: none; overflow: hidden; }
.lane { position: relative; height: 1.75rem; margin: 0.125rem 0; }
.lane > .bar { position: absolute; top: 0.25rem; bottom: 0.25rem; min-width: 3px; border-radius: 0.1875rem;
  background: var(--bar); }
.lane > .bar.none { background: none; border: 1px dashed var(--gap); }
.lane > .gap { position: absolute; top: 0.25rem; bottom: 0.25rem; min-width: 2px;
  background: repeating-linear-gradient(45deg, var(--gap) 0 2px, var(--card) 2px 6px); }
.lane > .name { position: absolute; left: 0.5rem; top: 0.25rem; padding: 0 0.375rem; border-radius: 0.25rem;
  background: var(--card); font-size: 0.75rem; line-height: 1.25rem; pointer-events: none; white-space: nowrap;
  max-width: calc(100% - 1rem); overflow: hidden; text-overflow: ellipsis; }
.cut { position: absolute; top: 0; bottom: 0; border: dashed var(--line); border-width: 0 1px;
  background: color-mix(in srgb, var(--line) 35%, transparent); }
.tick { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--mark); }
#cursor { position: absolute; top: 0; bottom: 0; width: 2px; background: var(--text); pointer-events: none; }
ol, ul { margin: 0; padding: 0; list-style: none; }
li { padding: 0.625rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
li button { margin-right: 0.5rem; }
code, pre { font-size: 0.8125rem; }
pre { padding: 0.75rem; border: 1px solid var(--line); border-radius: 0.375rem; background: var(--card); overflow-x: auto; }
.problem { color: var(--gap); }
`;
