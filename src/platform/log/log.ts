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

/** A logger on standard output, or silent. @param role is on every line: `control`, `agent`, `up`. */
export function createLogger(role: string, level: LogLevel): Logger {
  const paths = secrets.flatMap(key => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]);
  return pino({ level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths, censor: '***' } });
}
