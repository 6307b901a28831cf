"""The style sheet of the report page. Its hash stands in the page's content policy, so no other style can apply."""

CSS = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --muted: #57606a; --line: #d8dee4; --soft: #f6f8fa;
  --blue: #0072b2; }
.dark { display: none; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0d1117; --ink: #e6edf3; --muted: #9da7b1; --line: #30363d; --soft: #161b22; --blue: #56b4e9; }
  .light { display: none; }
  .dark { display: block; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: 0 0 .75rem; max-width: 46rem; }
code { font: .92em ui-monospace, monospace; }
.headlines { list-style: none; margin: 1.25rem 0 0; padding: 0; display: grid; gap: 1rem 2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); }
.headlines strong { display: block; font-size: 2rem; line-height: 1.2; font-weight: 650; color: var(--blue);
  font-variant-numeric: tabular-nums; }
.caution { margin-top: 1.25rem; padding: .5rem .75rem; border-left: 4px solid var(--blue); background: var(--soft); }
.pictures { display: grid; gap: 2rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; }
figure h3 { margin-top: 0; }
figcaption { color: var(--muted); font-size: .92rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-family: system-ui, sans-serif; }
.tables { display: grid; gap: 2rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
.wide { overflow-x: auto; overflow-wrap: normal; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 400; font-size: .92rem; }
tbody th { font-weight: 400; }
td:nth-child(2):not([colspan]), .narrow th, .narrow td { white-space: nowrap; }
@media (max-width: 32rem) { table { font-size: .9rem; } .narrow th, .narrow td { padding-right: .5rem; } }
.wide + .wide { margin-top: 2rem; }
.misses { max-width: 60rem; }
ul, ol { padding-left: 1.25rem; }
.misses { padding-left: 2.5rem; }
li { margin-bottom: .5rem; }
small { color: var(--muted); font-size: .88rem; }
summary { cursor: pointer; margin-bottom: .75rem; }
dl { margin: 0; }
dl div { display: grid; grid-template-columns: 9rem 1fr; gap: 1rem; padding: .25rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--muted); }
dd { margin: 0; }
"""
