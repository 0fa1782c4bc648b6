import fc from 'fast-check'

// The names of properties have their seeds in them, and Stryker asks for tests by their names.
fc.configureGlobal({ seed: 1 })
