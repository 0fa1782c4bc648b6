/** What `LOG_LEVEL` may be. By itself, because the configuration is read before the logger may be loaded. */
export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
