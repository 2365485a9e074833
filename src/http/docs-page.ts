import type { OpenApi } from '../protocol/openapi.ts'

/** The API on one page, without scripts and without anything from elsewhere. */
export function docsPage(api: OpenApi): string {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { summary }]) =>
        `<tr><td><code>${method.toUpperCase()} ${escape(path)}</code></td><td>${escape(summary)}</td></tr>`,
    ),
  )
  const schemas = Object.entries(api.components.schemas).map(
    ([name, schema]) =>
      `<details id="${escape(name)}"><summary><code>${escape(name)}</code></summary><pre>${linked(escape(JSON.stringify(schema, null, 2)))}</pre></details>`,
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Antiphon API</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1f; background: #fff }
  td { padding: .25rem 1.5rem .25rem 0; vertical-align: top } pre { overflow: auto; font-size: .85rem }
  @media (prefers-color-scheme: dark) { body { color: #e6e6ea; background: #16161a } a { color: #8ab4ff } }
</style>
<h1>Antiphon API ${escape(api.info.version)}</h1>
<p>Authenticate with <code>Authorization: Bearer YOUR_API_KEY</code> or <code>x-api-key: YOUR_API_KEY</code>.
Paths stand under <code>/v1</code> and <code>/api/v1</code>. The same description for programs:
<a href="/openapi.json">/openapi.json</a>.</p>
<h2>Endpoints</h2>
<table>${operations.join('')}</table>
<h2>Schemas</h2>
${schemas.join('\n')}
</html>
`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function linked(text: string): string {
  return text.replaceAll(/#\/components\/schemas\/([\w.]+)/g, '<a href="#$1">$1</a>')
}
