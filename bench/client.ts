// A client of a cloud: a password login, then calls with that token.

export interface Client {
  token: string;
  projectId: string;
  /** The JSON of an answer. @throws Error for any status of 400 or more */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>;
  /** The answer itself. */
  fetch(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer> | ReadableStream | null,
    headers?: Record<string, string>,
  ): Promise<Response>;
}

/** @throws Error when the cloud refuses */
export async function logIn(url: string, credentials: Record<string, string>): Promise<Client> {
  const reply = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(loginBody(credentials)),
  });
  if (reply.status !== 201) throw new Error(`login: HTTP ${reply.status} ${await reply.text()}`);
  const { token: facts } = (await reply.json()) as { token: { project: { id: string } } };
  const token = reply.headers.get('x-subject-token')!;
  const ask: Client['fetch'] = (method, path, body = null, headers = {}) =>
    fetch(`${url}${path}`, {
      method,
      body,
      headers: { 'x-auth-token': token, 'openstack-api-version': 'compute 2.79', ...headers },
      ...(body instanceof ReadableStream ? { duplex: 'half' as const } : {}),
    });
  return {
    token,
    projectId: facts.project.id,
    fetch: ask,
    async call<T>(method: string, path: string, body?: unknown) {
      const json = body === undefined ? null : JSON.stringify(body);
      const answer = await ask(method, path, json, { 'content-type': 'application/json' });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: HTTP ${answer.status} ${text.slice(0, 500)}`);
      return (text ? JSON.parse(text) : {}) as T;
    },
  };
}

export function loginBody(credentials: Record<string, string>): unknown {
  const domain = { name: credentials['OS_USER_DOMAIN_NAME'] ?? 'Default' };
  return {
    auth: {
      identity: {
        methods: ['password'],
        password: {
          user: { name: credentials['OS_USERNAME'], password: credentials['OS_PASSWORD'], domain },
        },
      },
      scope: { project: { name: credentials['OS_PROJECT_NAME'], domain } },
    },
  };
}
