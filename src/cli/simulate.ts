// `haneul simulate`: clouds from seeds, each with users and faults, and whether every promise was kept.

import type { Context } from './context.ts';
import { cliTexts } from './texts.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { systemRandom } from '#/platform/clock/clock.ts';
import { addCounts, type Count } from '#/simulation/coverage.ts';
import { simulate as run } from '#/simulation/simulate.ts';
import { removeTemplate } from '#/simulation/template.ts';
import { simulationTexts as t } from '#/simulation/texts.ts';

export interface SimulateCommand {
  seeds: string;
  first?: string;
  actions: string;
  hosts: string;
  calm?: boolean;
}

/** @returns 0 when no seed broke a promise, else 1 */
export async function simulate(context: Context, options: SimulateCommand): Promise<number> {
  const seeds = numberOf('--seeds', options.seeds, 1, 10_000_000);
  const actions = numberOf('--actions', options.actions, 1, 1_000_000);
  const hosts = numberOf('--hosts', options.hosts, 1, 10_000);
  const first =
    options.first === undefined
      ? systemRandom().bytes(4).readUInt32LE() % 1_000_000_000
      : numberOf('--first', options.first, 0, Number.MAX_SAFE_INTEGER - seeds);
  const started = performance.now();
  const calls = new Map<string, Count>();
  const total = { seeds: 0, actions: 0, faults: 0, violations: 0, simulatedMs: 0 };
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await run({ seed, actions, hosts, faults: !options.calm });
    const faults = [...result.faults.values()].reduce((sum, count) => sum + count, 0);
    const { violations, simulatedMs, trace } = result;
    addCounts(calls, result.calls);
    total.seeds++;
    total.actions += result.actions;
    total.faults += faults;
    total.violations += violations.length;
    total.simulatedMs += simulatedMs;
    context.print(
      context.say(t.seed, {
        seed,
        actions: result.actions,
        faults,
        minutes: Math.round(simulatedMs / 60_000),
        violations: violations.length,
        trace: trace.slice(0, 16),
      }),
    );
    for (const { invariant, sentence } of violations)
      context.print(context.say(t.violation, { invariant, sentence: sentence[context.language] }));
    const calm = options.calm ? ' --calm' : '';
    if (violations.length)
      context.print(
        context.say(t.replay, {
          command: `./haneul simulate --seeds 1 --first ${seed} --actions ${actions} --hosts ${hosts}${calm}`,
        }),
      );
  }
  removeTemplate();
  const hours = (total.simulatedMs / 3_600_000).toFixed(1);
  const speed = Math.round(total.simulatedMs / (performance.now() - started));
  const done = [...calls.values()].filter(count => count.done > 0).length;
  context.print(context.say(t.calls, { called: calls.size, done }));
  context.print(context.say(t.total, { ...total, hours, speed }));
  return total.violations ? 1 : 0;
}

function numberOf(option: string, value: string, minimum: number, maximum: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < minimum || number > maximum)
    throw new Problem('invalid', cliTexts.badNumber, { option, minimum, maximum, value });
  return number;
}
