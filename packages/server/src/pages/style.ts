/** The one style sheet: light and dark, from a phone to a wide screen. */
export const STYLE = `:root {
  color-scheme: light dark;
  --ground: #fbfaf7; --raised: #fff; --text: #22242a; --quiet: #63676f; --line: #e2dfd8;
  --accent: #a8410c; --accent-text: #fff; --code: #f1efe9; --note: #fff3d6; --note-line: #e5c069;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16181c; --raised: #1e2126; --text: #e6e4df; --quiet: #9da1a9; --line: #33373e;
    --accent: #f0915a; --accent-text: #1b1109; --code: #23272d; --note: #33290f; --note-line: #6d5a22;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
.top, main, footer { width: min(54rem, 100% - 2.5rem); margin: 0 auto; }
.top { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: center; justify-content: space-between; padding-top: 1rem; padding-bottom: 1rem; border-bottom: 1px solid var(--line); }
.home { display: inline-flex; align-items: center; gap: .55rem; color: var(--text); font-weight: 650; text-decoration: none; }
.home svg { fill: none; stroke: var(--accent); stroke-width: 1.8; stroke-linejoin: round; }
.top form { display: flex; flex: 1 1 16rem; max-width: 24rem; gap: .5rem; }
input, button { font: inherit; border-radius: .45rem; border: 1px solid var(--line); padding: .45rem .8rem; }
input { flex: 1; min-width: 0; background: var(--raised); color: var(--text); }
button { background: var(--accent); border-color: var(--accent); color: var(--accent-text); font-weight: 600; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
main { padding-top: 1.5rem; padding-bottom: 3rem; }
h1 { font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; margin: .75rem 0 .5rem; overflow-wrap: anywhere; }
h1 small { color: var(--quiet); font-weight: 400; font-size: .65em; letter-spacing: 0; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; color: var(--quiet); }
p { margin: .5rem 0; max-width: 42rem; }
.lead { font-size: 1.1rem; color: var(--quiet); margin-bottom: 1.5rem; }
.lead code { color: var(--text); }
.quiet { color: var(--quiet); }
a { color: var(--accent); text-underline-offset: .15em; text-decoration-thickness: .06em; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .9em; }
p code, aside code, .features code { background: var(--code); border-radius: .3rem; padding: .1em .35em; }
pre { margin: .75rem 0; padding: .9rem 1.1rem; background: var(--code); border: 1px solid var(--line); border-radius: .6rem; overflow-x: auto; line-height: 1.5; }
pre.copy { user-select: all; -webkit-user-select: all; cursor: text; }
.stats { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1px; margin: 1.5rem 0; background: var(--line); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
.stats div { display: flex; flex-direction: column-reverse; justify-content: flex-end; background: var(--raised); padding: .8rem .9rem; flex: 1; }
.stats dt { color: var(--quiet); font-size: .875rem; line-height: 1.3; }
.stats dd { margin: 0; font-size: 1.05rem; white-space: nowrap; letter-spacing: -.01em; font-weight: 600; line-height: 1.35; font-variant-numeric: tabular-nums; }
aside { margin: 1rem 0; padding: .7rem 1.1rem; background: var(--note); border: 1px solid var(--note-line); border-radius: .6rem; }
.facts { margin: 1.25rem 0; }
.facts div { display: grid; grid-template-columns: 7.5rem 1fr; gap: 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.features { line-height: 2; }
summary { cursor: pointer; }
.missing { color: var(--accent); }
.hits { list-style: none; margin: .5rem 0; padding: 0; }
.hits li { padding: .4rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.hits li > code { margin: 0 .4rem; }
.pager { display: flex; justify-content: space-between; margin-top: 1.25rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; font-size: .875rem; color: var(--quiet); }
th, td { padding: .45rem 1rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
td:first-child { overflow-wrap: anywhere; min-width: 8rem; }
td:nth-child(2) { white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
td .digest { color: var(--quiet); font-size: .72em; }
.digest { overflow-wrap: anywhere; }
tr[aria-current] td:first-child a { font-weight: 650; color: var(--text); }
.tag { font-size: .75rem; border: 1px solid var(--note-line); background: var(--note); border-radius: 1rem; padding: .05rem .5rem; white-space: nowrap; }
footer { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; padding-top: 1rem; padding-bottom: 2.5rem; border-top: 1px solid var(--line); font-size: .9rem; }
footer a { color: var(--quiet); }
@media (max-width: 40rem) {
  .top form { max-width: none; }
  h1 { font-size: 1.6rem; }
  pre { font-size: .82rem; padding: .8rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere; }
  td .digest { display: block; line-height: 1.4; padding-bottom: .2rem; }
  .stats { grid-template-columns: 1fr 1fr; }
  .stats div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .facts div { grid-template-columns: 1fr; gap: 0; }
  thead { display: none; }
  tr { display: grid; grid-template-columns: 1fr auto; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td { border: 0; padding: 0 0 .1rem; }
  td:nth-child(2) { color: var(--quiet); font-size: .9rem; }
  td:last-child { grid-column: 1 / -1; }
}
`;

/** The icon in the tab. */
export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M12 2 21 7v10l-9 5-9-5V7z" fill="#a8410c"/><path d="M3 7l9 5 9-5M12 12v10" fill="none" stroke="#fff" stroke-width="1.6" stroke-linejoin="round"/></svg>
`;
