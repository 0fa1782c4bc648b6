import manifest from '../../package.json' with { type: 'json' }

/** The name and the version of this release, from package.json. */
export const release: { readonly name: string; readonly version: string } = {
  name: manifest.name,
  version: manifest.version,
}
