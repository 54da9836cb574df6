// What generated/ holds, as file name → text: OpenAPI, policy pages and sample policy files, all read off the services.

import type { Service } from '#/platform/http/service.ts';
import { openApi } from './openapi.ts';
import { policyPage, policySample } from './policy-reference.ts';

/** @returns names below generated/ */
export function reference(services: Service[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const service of services) {
    files.set(`openapi/${service.name}.json`, `${JSON.stringify(openApi(service), null, 1)}\n`);
    files.set(`policy/${service.name}.md`, policyPage(service));
    files.set(`policy/${service.name}.yaml`, policySample(service));
  }
  return files;
}
