import fastify from 'fastify'
import { anyQuery, createEndpoint, noBody, type Endpoint } from '../../endpoint.ts'

const openApiPath = '/api/openapi.json'
const docsPath = '/api/docs'
const scriptPath = '/api/docs/scalar.js'

/** Nothing is fetched from elsewhere: the page works on a machine without a network. */
const contentSecurityPolicy =
  "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The OpenAPI document and a page that shows it. `document` is called once, by the first request for it. */
export const createReferenceEndpoints = (document: () => object): readonly Endpoint[] => {
  const rendered = once(() => JSON.stringify(document()))
  const page = once(loadPage)
  return [
    createEndpoint({
      method: 'GET',
      path: openApiPath,
      operationId: 'getOpenApi',
      summary: 'This document',
      query: anyQuery,
      body: noBody,
      answers: { 200: { description: 'OpenAPI 3.1.' } },
      refusals: [],
      handle: () => ({ status: 200, body: rendered() }),
    }),
    createEndpoint({
      method: 'GET',
      path: docsPath,
      operationId: 'getReference',
      summary: 'A page that shows this document',
      query: anyQuery,
      body: noBody,
      answers: { 200: { description: 'The page.', mediaType: 'text/html' } },
      refusals: [],
      handle: async () => ({
        status: 200,
        body: (await page()).html,
        mediaType: 'text/html; charset=utf-8',
        headers: { 'content-security-policy': contentSecurityPolicy },
      }),
    }),
    createEndpoint({
      method: 'GET',
      path: scriptPath,
      operationId: 'getReferenceScript',
      summary: 'The script of that page',
      query: anyQuery,
      body: noBody,
      answers: { 200: { description: 'The script.', mediaType: 'text/javascript' } },
      refusals: [],
      handle: async () => ({
        status: 200,
        body: (await page()).script,
        mediaType: 'text/javascript; charset=utf-8',
        headers: { 'cache-control': 'max-age=3600' },
      }),
    }),
  ]
}

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/**
 * The page as its plugin serves it, taken once from a second Fastify that does not listen. So its five megabytes are loaded
 * by the first visit, and our own headers and problems hold for these paths too.
 */
const loadPage = async (): Promise<{ readonly html: string; readonly script: string }> => {
  const { default: scalar } = await import('@scalar/fastify-api-reference')
  await using server = fastify()
  await server.register(scalar, {
    routePrefix: docsPath,
    configuration: {
      url: openApiPath,
      pageTitle: 'Taskfold',
      withDefaultFonts: false,
      telemetry: false,
      // These features send the document to servers of their vendor, or advertise them.
      showDeveloperTools: 'never',
      hideClientButton: true,
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  })
  const html = await server.inject(`${docsPath}/`)
  const script = await server.inject(`${docsPath}/js/scalar.js`)
  return { html: html.body.replace('src="js/scalar.js"', `src="${scriptPath}"`), script: script.body }
}
