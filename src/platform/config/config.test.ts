import { deepEqual, equal, match, ok, throws } from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem } from '#/platform/problem/problem.ts';
import type { Config } from './config.ts';
import { loadConfig, publicUrlOf } from './config.ts';
import { configurationPage, firstConfigFile } from './describe.ts';
import { options, quotaOptions } from './options.ts';

const directory = mkdtempSync(join(tmpdir(), 'haneul-config-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, 'haneul.yaml');

function load(yaml: string, env: Record<string, string> = {}): Config {
  writeFileSync(file, yaml);
  return loadConfig({ file, env });
}

function sentence(call: () => unknown, language = 'en'): string {
  try {
    call();
  } catch (thrown) {
    ok(thrown instanceof Problem && thrown.kind === 'invalid', String(thrown));
    return thrown.say(language);
  }
  throw new Error('nothing was thrown');
}

test('no file is the defaults, frozen', () => {
  const config = loadConfig({ file: join(directory, 'nowhere') });
  equal(config.listenPort, 8700);
  equal(config.quotas.ramMib, 51_200);
  deepEqual(loadConfig(), config);
  throws(() => {
    (config.quotas as { cores: number }).cores = 1;
  }, TypeError);
});

test('the environment wins over the file, the command line over both', () => {
  const yaml = 'listen_port: 1000\nregion_name: Seoul\ndns_servers: [9.9.9.9]\nquotas: {cores: 5, instances: 3}\n';
  const env = {
    HANEUL_LISTEN_PORT: '2000',
    HANEUL_QUOTAS_CORES: '-1',
    HANEUL_DNS_SERVERS: '1.1.1.1, 2606:4700::1111',
    HANEUL_DATA: '/x',
  };
  writeFileSync(file, yaml);
  const config = loadConfig({ file, env, overrides: { listen_port: 3000, simulate_hosts: undefined } });
  equal(config.listenPort, 3000);
  equal(config.regionName, 'Seoul');
  equal(config.quotas.cores, -1);
  equal(config.quotas.instances, 3);
  equal(config.simulateHosts, 0);
  deepEqual(config.dnsServers, ['1.1.1.1', '2606:4700::1111']);
  equal(load(yaml, env).listenPort, 2000);
  equal(load('listen_port:\n').listenPort, 8700);
});

test('errors say which option, where, and what would be right', () => {
  equal(
    sentence(() => load('listen_prot: 1')),
    `There is no option listen_prot (in ${file}). Did you mean listen_port?`,
  );
  equal(
    sentence(() => load('quotas: {core: 1}')),
    `There is no option quotas.core (in ${file}). Did you mean quotas.cores?`,
  );
  match(
    sentence(() => load('whatever: 1')),
    /no option whatever .*docs\/configuration\.md/,
  );
  match(
    sentence(() => load('__proto__: 1')),
    /no option __proto__/,
  );
  equal(
    sentence(() => load('listen_port: 70000')),
    `listen_port is 70000 (in ${file}), but must be a whole number from 1 to 65535.`,
  );
  equal(
    sentence(() => load('listen_port: "80"')),
    `listen_port is "80" (in ${file}), but must be a whole number from 1 to 65535.`,
  );
  equal(
    sentence(() => load('', { HANEUL_LISTEN_PORT: 'x' })),
    'listen_port is "x" (in HANEUL_LISTEN_PORT), but must be a whole number from 1 to 65535.',
  );
  match(
    sentence(() => load('', { HANEUL_LISTEN_PROT: '1' })),
    /Did you mean HANEUL_LISTEN_PORT/,
  );
  match(
    sentence(() => load('accelerator: xen')),
    /must be one of auto, kvm, tcg\./,
  );
  match(
    sentence(() => load('external_network_cidr: 172.24.4.1/24')),
    /such as 172\.24\.4\.0\/24\./,
  );
  match(
    sentence(() => load('public_url: cloud')),
    /such as https:\/\/cloud\.example\.org, or nothing\./,
  );
  match(
    sentence(() => load('dns_servers: [x]')),
    /a list of texts such as \[9\.9\.9\.9\]/,
  );
  match(
    sentence(() => load('quotas: 3')),
    /a mapping of quota names/,
  );
  match(
    sentence(() => load('listen_port: 70000'), 'ko'),
    /1부터 65535까지의 정수/,
  );
  match(
    sentence(() => load('a: b: c')),
    /cannot be read/,
  );
  match(
    sentence(() => load('- a')),
    /option: value/,
  );
});

test('a refused secret is not repeated in the message', () => {
  ok(!sentence(() => load('admin_password: short12'.slice(0, -2))).includes('short'));
  equal(load('admin_password: correct-horse').adminPassword, 'correct-horse');
});

test('the public URL', () => {
  equal(publicUrlOf(loadConfig()), 'http://127.0.0.1:8700');
  equal(publicUrlOf(loadConfig({ overrides: { listen_address: '::', listen_port: 1 } })), 'http://[::1]:1');
  equal(
    publicUrlOf(loadConfig({ overrides: { public_url: 'https://cloud.example.org/' } })),
    'https://cloud.example.org',
  );
});

test('the first file is the defaults, in comments and without them', () => {
  for (const language of ['en', 'ko'] as const) {
    const page = firstConfigFile(language);
    deepEqual(load(page), loadConfig());
    const bare = page.replace(/^#( {2})?(?=[a-z_]+:( |$))/gm, '$1');
    deepEqual(load(bare), loadConfig());
  }
});

test('docs/configuration.md is up to date', () => {
  const docs = join(import.meta.dirname, '../../../docs');
  const advice = 'run `node src/platform/config/write-docs.ts`';
  equal(readFileSync(join(docs, 'configuration.md'), 'utf8'), configurationPage('en'), advice);
  equal(readFileSync(join(docs, 'configuration.ko.md'), 'utf8'), configurationPage('ko'), advice);
});

test('every option is read by something', () => {
  const root = join(import.meta.dirname, '../../..');
  const sources = globSync('src/**/*.ts', { cwd: root, exclude: ['src/platform/config/**', 'src/**/*.test.ts'] });
  const text = sources.map(file => readFileSync(join(root, file), 'utf8')).join('\n');
  const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const read = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(text);
  deepEqual(
    [
      ...Object.keys(options).filter(name => !read(camel(name))),
      ...Object.keys(quotaOptions).filter(name => !read(`quotas\\.${camel(name)}`)),
    ],
    [],
  );
});
