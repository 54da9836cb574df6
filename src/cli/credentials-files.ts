// clouds.yaml and openrc: what clients of OpenStack read to reach this cloud.

import { stringify } from 'yaml';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import { readJsonFile } from './process-facts.ts';

/** What the control plane writes to run/credentials.json at its first start. */
export interface Credentials {
  username: string;
  password: string;
  project: string;
  domain: string;
}

/** Null until the control plane has written them. */
export function readCredentials(paths: DataPaths): Credentials | null {
  const found = readJsonFile(paths.credentials) as Partial<Record<keyof Credentials, unknown>> | null;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  if (!found || !isText(found.username) || !isText(found.password)) return null;
  const domain = isText(found.domain) ? found.domain : 'Default';
  return {
    username: found.username,
    password: found.password,
    project: isText(found.project) ? found.project : 'admin',
    domain,
  };
}

/** @param certificate the file that clients are to believe, where the cloud answers by HTTPS */
export function cloudsYaml(
  { username, password, project, domain }: Credentials,
  url: string,
  region: string,
  certificate: string | null = null,
): string {
  const auth = {
    auth_url: `${url}/identity/v3`,
    username,
    password,
    project_name: project,
    user_domain_name: domain,
    project_domain_name: domain,
  };
  const cacert = certificate === null ? {} : { cacert: certificate };
  return stringify({ clouds: { haneul: { auth, region_name: region, identity_api_version: 3, ...cacert } } });
}

export function openrc(
  { username, password, project, domain }: Credentials,
  url: string,
  region: string,
  certificate: string | null = null,
): string {
  const variables = {
    OS_AUTH_URL: `${url}/identity/v3`,
    OS_IDENTITY_API_VERSION: '3',
    OS_USERNAME: username,
    OS_PASSWORD: password,
    OS_PROJECT_NAME: project,
    OS_USER_DOMAIN_NAME: domain,
    OS_PROJECT_DOMAIN_NAME: domain,
    OS_REGION_NAME: region,
    ...(certificate === null ? {} : { OS_CACERT: certificate }),
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join('');
}

/** For a POSIX shell: nothing within has a meaning. */
function quote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

export function writeCredentialsFiles(paths: DataPaths, credentials: Credentials, url: string, region: string): void {
  const { certificate } = (readJsonFile(paths.ready) ?? {}) as { certificate?: unknown };
  const file = typeof certificate === 'string' ? certificate : null;
  writeWholeSync(paths.cloudsYaml, cloudsYaml(credentials, url, region, file));
  writeWholeSync(paths.openrc, openrc(credentials, url, region, file));
}
