// Passwords at rest: argon2id in its usual text form, made off the main thread. Hashes that come from a Keystone
// (bcrypt, passlib's bcrypt-sha256, scrypt, pbkdf2-sha512) are understood and should be replaced at the next login.

import { argon2, createHmac, createHash, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import type { Random } from '#/platform/clock/clock.ts';

const argon2Async = promisify(argon2);
const scryptAsync = promisify(scrypt) as (
  password: string,
  salt: Buffer,
  length: number,
  options: object,
) => Promise<Buffer>;
const pbkdf2Async = promisify(pbkdf2);

export interface PasswordCost {
  memoryKib: number;
  passes: number;
}

/** About 30 ms and 19 MiB per hash. */
export const defaultCost: PasswordCost = { memoryKib: 19_456, passes: 2 };
/** For simulations with thousands of logins; never for people. */
export const quickCost: PasswordCost = { memoryKib: 64, passes: 1 };

export interface PasswordVerdict {
  matches: boolean;
  /** The hash is of another form or cost than new ones: hash the password again and store that. */
  stale: boolean;
}

export interface Passwords {
  /** Every byte of the password counts. */
  hash(password: string): Promise<string>;
  /**
   * `hash` is null for a user who does not exist or has no password: takes as long as for one who does, and never matches.
   * A hash of unknown form never matches either.
   */
  verify(hash: string | null, password: string): Promise<PasswordVerdict>;
}

/** At most `parallel` hashes at a time, by default one per core: more would take memory and be no faster. */
export function createPasswords({
  random,
  cost = defaultCost,
  parallel = availableParallelism(),
}: {
  random: Random;
  cost?: PasswordCost;
  parallel?: number;
}): Passwords {
  const limited = limiter(parallel);
  const dummySalt = random.bytes(16);
  const parameters = `m=${cost.memoryKib},t=${cost.passes},p=1`;
  return {
    hash(password) {
      const salt = random.bytes(16);
      return limited(
        async () =>
          `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(await argon2id(password, salt, cost, 32))}`,
      );
    },
    verify(hash, password) {
      return limited(async () => {
        const matches = hash === null ? null : await compare(hash, password);
        if (matches === null) await argon2id(password, dummySalt, cost, 32);
        return {
          matches: matches ?? false,
          stale: matches === true && !hash!.startsWith(`$argon2id$v=19$${parameters}$`),
        };
      });
    },
  };
}

/** Null when the form is not known. */
async function compare(hash: string, password: string): Promise<boolean | null> {
  const [, scheme, ...fields] = hash.split('$');
  switch (scheme) {
    case 'argon2id': {
      const cost = /^m=(\d{1,7}),t=(\d{1,2}),p=1$/.exec(fields[1] ?? '');
      if (fields.length !== 4 || fields[0] !== 'v=19' || !cost) return null;
      const expected = Buffer.from(fields[3]!, 'base64');
      const salt = Buffer.from(fields[2]!, 'base64');
      if (expected.length < 16 || salt.length < 8) return null;
      return timingSafeEqual(
        await argon2id(password, salt, { memoryKib: Number(cost[1]), passes: Number(cost[2]) }, expected.length),
        expected,
      );
    }
    case '2a':
    case '2b':
    case '2y':
      return bcrypt(password, hash);
    case 'bcrypt-sha256':
      return bcryptSha256(fields, password);
    case 'scrypt': {
      const cost = /^ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})$/.exec(fields[0] ?? '');
      const expected = Buffer.from(fields[2] ?? '', 'base64');
      if (fields.length !== 3 || !cost || expected.length < 16 || Number(cost[1]) > 20) return null;
      const [N, r, p] = [2 ** Number(cost[1]), Number(cost[2]), Number(cost[3])];
      return timingSafeEqual(
        await scryptAsync(password, Buffer.from(fields[1]!, 'base64'), expected.length, {
          N,
          r,
          p,
          maxmem: 256 * N * r + (1 << 20),
        }),
        expected,
      );
    }
    case 'pbkdf2-sha512': {
      const expected = fromAdapted(fields[2] ?? '');
      if (fields.length !== 3 || !/^\d{1,7}$/.test(fields[0]!) || Number(fields[0]) < 1 || expected.length < 16)
        return null;
      return timingSafeEqual(
        await pbkdf2Async(password, fromAdapted(fields[1]!), Number(fields[0]), expected.length, 'sha512'),
        expected,
      );
    }
    default:
      return null;
  }
}

function argon2id(password: string, nonce: Buffer, cost: PasswordCost, tagLength: number): Promise<Buffer> {
  return argon2Async('argon2id', {
    message: password,
    nonce,
    parallelism: 1,
    tagLength,
    memory: cost.memoryKib,
    passes: cost.passes,
  });
}

/** bcrypt itself looks at 72 bytes only. */
async function bcrypt(password: string, hash: string): Promise<boolean | null> {
  if (!/^\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/.test(hash)) return null;
  const { compare: compareBcrypt } = await import('bcryptjs');
  return compareBcrypt(password, hash);
}

/** passlib's: bcrypt over a digest, so that no byte is lost. Version 2 digests with the salt, version 1 without. */
async function bcryptSha256(fields: string[], password: string): Promise<boolean | null> {
  const cost = /^(?:v=2,t=(2b),r=(\d{1,2})|(2[ab]),(\d{1,2}))$/.exec(fields[0] ?? '');
  const [, salt = '', checksum = ''] = fields;
  if (!cost || fields.length !== 3) return null;
  const digest = cost[1] ? createHmac('sha256', salt).update(password) : createHash('sha256').update(password);
  const rounds = (cost[2] ?? cost[4])!.padStart(2, '0');
  return bcrypt(digest.digest('base64'), `$${cost[1] ?? cost[3]}$${rounds}$${salt}${checksum}`);
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** passlib's base64: `.` for `+`, no padding. */
function fromAdapted(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64');
}

/** Runs work, `parallel` at a time, in the order it was asked for. */
function limiter(parallel: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async work => {
    if (running >= parallel) await new Promise<void>(resolve => queue.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running--;
    }
  };
}
