/** The style sheet: light and dark, from a phone to a wide screen. */
export const PAGE_STYLE = `:root {
  color-scheme: light dark;
  --ground: #fbfaf7; --raised: #fff; --text: #22242a; --quiet: #63676f; --line: #e2dfd8;
  --accent: #a8410c; --area: #a8410c1f; --good: #2c7a3f; --bad: #b3261e; --bad-ground: #fdeceb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16181c; --raised: #1e2126; --text: #e6e4df; --quiet: #9da1a9; --line: #33373e;
    --accent: #f0915a; --area: #f0915a2b; --good: #7bc98e; --bad: #ff9d94; --bad-ground: #3a2120;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
header, main, footer { width: min(72rem, 100% - 2.5rem); margin: 0 auto; }
header { padding: 1.1rem 0 .5rem; }
header > p { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1rem; margin: 0; color: var(--quiet); font-size: .9rem; }
h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; margin: .5rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .6rem; }
#link::before { content: "● "; }
#link.live { color: var(--good); }
#link.lost { color: var(--bad); }
#progress p { margin: .35rem 0 0; color: var(--quiet); }
#progress b { color: var(--text); }
progress { display: block; width: 100%; height: .8rem; border: 0; border-radius: 1rem; overflow: hidden; background: var(--line); accent-color: var(--accent); appearance: none; }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--accent); border-radius: 1rem; }
progress::-moz-progress-bar { background: var(--accent); }
progress:indeterminate { background: repeating-linear-gradient(115deg, var(--line) 0 1rem, var(--area) 1rem 2rem); }
progress:indeterminate::-webkit-progress-bar { background: none; }
#tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1rem 0 1.25rem; }
#tiles div, figure { background: var(--raised); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .9rem; }
#tiles div { display: flex; flex-direction: column; }
#tiles .bad { background: var(--bad-ground); border-color: var(--bad); }
#tiles .bad dd { color: var(--bad); }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: .1rem 0 0; font-size: 1.3rem; font-weight: 600; line-height: 1.25; letter-spacing: -.01em; }
dd small { display: block; font-size: .8rem; font-weight: 400; letter-spacing: 0; color: var(--quiet); overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: .75rem; }
figure { margin: 0; min-width: 0; }
figcaption { display: flex; justify-content: space-between; gap: 1rem; color: var(--quiet); font-size: .9rem; }
figcaption b { color: var(--text); font-size: 1.05rem; }
svg { display: block; width: 100%; height: 7.5rem; margin: .4rem 0 .2rem; border-bottom: 1px solid var(--line); }
svg .area { fill: var(--area); }
svg .line { fill: none; stroke: var(--accent); stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.axis { display: flex; justify-content: space-between; margin: 0; font-size: .78rem; color: var(--quiet); }
#tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0 .75rem; }
#tables section { min-width: 0; }
#tables section:first-child { grid-column: 1 / -1; }
.scroll { overflow-x: auto; background: var(--raised); border: 1px solid var(--line); border-radius: .6rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th { text-align: left; font-weight: 500; color: var(--quiet); font-size: .8rem; }
th, td { padding: .4rem .9rem; border-bottom: 1px solid var(--line); vertical-align: baseline; }
tr:last-child td { border-bottom: 0; }
td { overflow-wrap: break-word; }
.quiet { color: var(--quiet); margin: 0; }
footer { padding: 2rem 0 2.5rem; font-size: .9rem; }
footer a { color: var(--quiet); margin-right: 1.25rem; }
@media (max-width: 32rem) {
  header, main, footer { width: calc(100% - 1.5rem); }
  #tiles { grid-template-columns: 1fr 1fr; gap: .5rem; }
  #tiles div { padding: .55rem .7rem; }
  dd { font-size: 1.1rem; }
  th, td { padding: .4rem .6rem; }
}
`;

/** The icon in the tab. */
export const PAGE_ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M3 19V5m0 14h18" fill="none" stroke="#888" stroke-width="2"/><path d="M5 16l5-6 4 3 6-8" fill="none" stroke="#d9622b" stroke-width="2.4" stroke-linejoin="round"/></svg>
`;
