// The parts of the program that commands start. They are heavy, and loaded only by the command that needs them.

export function loadCloud(): Promise<typeof import('#/cloud.ts')> {
  return import('#/cloud.ts');
}

export function loadHost(): Promise<typeof import('#/host/main.ts')> {
  return import('#/host/main.ts');
}

export function loadGuestImages(): Promise<typeof import('#/guest-image/build-tiny-image.ts')> {
  return import('#/guest-image/build-tiny-image.ts');
}
