import manifest from '../../package.json' with { type: 'json' }

/** What this is, as package.json says. */
export const release: { readonly name: string; readonly version: string } = {
  name: manifest.name,
  version: manifest.version,
}
