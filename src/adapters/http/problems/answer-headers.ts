/**
 * For the browsers among the callers: what an answer holds is kept nowhere, taken for nothing else, named to nobody, and
 * embedded in no page of another origin. An endpoint whose answer holds no data may say otherwise.
 */
export const answerHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const
