// What the user sees while something takes time: a spinner with a share in a terminal, plain lines elsewhere.

import type { Context } from './context.ts';
import { cliTexts as t } from './texts.ts';

/** Tells how far a step is: 0 to 1, or what it does now. */
export type Tell = (what: string, fraction?: number) => void;

/** Runs one step and prints its line. */
export async function step<T>(context: Context, title: string, work: (tell: Tell) => Promise<T>): Promise<T> {
  const start = performance.now();
  const took = (): string => {
    const seconds = (performance.now() - start) / 1000;
    return seconds < 1 ? '' : ` (${seconds.toFixed(0)} s)`;
  };
  const line = (what: string, fraction?: number): string =>
    `${title}: ${what}${fraction === undefined ? '' : ` ${Math.floor(fraction * 100)} %`}`;
  if (!process.stdout.isTTY) {
    context.print(`${title} ...`);
    let last = '';
    const result = await work(what => {
      if (what !== last) context.print(`  ${what}`);
      last = what;
    });
    context.print(`${title}: ${context.say(t.done)}${took()}`);
    return result;
  }
  const { spinner } = await import('@clack/prompts');
  const shown = spinner();
  shown.start(title);
  try {
    const result = await work((what, fraction) => shown.message(line(what, fraction)));
    shown.stop(`${title}${took()}`);
    return result;
  } catch (thrown) {
    shown.error(title);
    throw thrown;
  }
}

/** Asks yes or no; without a terminal the answer is `otherwise`. */
export async function confirm(question: string, otherwise: boolean): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return otherwise;
  const prompts = await import('@clack/prompts');
  const answer = await prompts.confirm({ message: question, initialValue: otherwise });
  return answer === true;
}
