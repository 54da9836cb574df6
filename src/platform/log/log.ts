// Structured logs. One line of JSON per event; every line of one request carries its request id.

import { pino } from 'pino';

export type Logger = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'> & { child(fields: object): Logger };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Keys whose values never reach a log line, at any of the depths that our own lines have. */
const secrets = [
  'password',
  'adminPass',
  'secret',
  'token',
  'x-auth-token',
  'x-subject-token',
  'user_data',
  'authorization',
];

/**
 * A logger on standard output, or silent.
 * @param role is on every line: `control`, `agent`, `up`
 * @param to takes the lines in the place of standard output
 */
export function createLogger(role: string, level: LogLevel, to?: { write(line: string): void }): Logger {
  const paths = secrets.flatMap(key => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]);
  const { err } = pino.stdSerializers;
  return pino(
    {
      level,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths, censor: '***' },
      // An error has no fields of its own that JSON would show.
      serializers: { error: err, cause: err },
    },
    to ?? pino.destination(1),
  );
}
