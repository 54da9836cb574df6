// A question that is asked once more when no answer has come for a while: the control plane that was asked may have died with
// it, and another answers at once. Only for questions that do no harm when they are answered twice.

import type { Bus, Json } from '#/platform/bus/bus.ts';
import type { Clock } from '#/platform/clock/clock.ts';

/**
 * @param options.againMs longer than a control plane takes that is well
 * @throws what `bus.request` does, when neither was answered
 */
export async function askAgain(
  { bus, clock }: { bus: Bus; clock: Clock },
  subject: string,
  message: Json,
  { timeoutMs, againMs = 3_000 }: { timeoutMs: number; againMs?: number },
): Promise<Json> {
  const first = bus.request(subject, message, { timeoutMs });
  const late = Promise.withResolvers<null>();
  const timer = clock.after(againMs, () => late.resolve(null));
  try {
    const answer = await Promise.race([first.then(said => ({ said })), late.promise]);
    if (answer) return answer.said;
  } finally {
    timer.cancel();
  }
  const second = bus.request(subject, message, { timeoutMs });
  return Promise.any([first, second]).catch(({ errors }: AggregateError) => {
    throw errors[0];
  });
}
