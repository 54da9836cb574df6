// What `haneul` can be asked: commands, their options and help, in the user's language.

import { Command, CommanderError } from 'commander';
import { nearest } from '#/lib/nearest.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { ToolFailure } from '#/platform/process/run.ts';
import type { Text } from '#/platform/text/text.ts';
import { version } from '#/version.ts';
import { contextOf, type Context, type DataOption } from './context.ts';
import { machineHelp as mh } from './machine-texts.ts';
import { operatorHelp as oh } from './operator-texts.ts';
import type { RoleOptions } from './roles.ts';
import { simulateTexts as st } from './simulate-texts.ts';
import { cliTexts as t, helpTexts as h } from './texts.ts';
import { upgradeTexts as ut } from './upgrade-texts.ts';

/** Runs one command. @returns the exit status: 0, or 1 with a sentence on standard error */
export async function runCommandLine(args: string[]): Promise<number> {
  const context = contextOf(process.env);
  let status = 0;
  const program = build(context, result => {
    status = result;
  });
  try {
    checkCommand(context, program, args[0]);
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (thrown) {
    return report(context, thrown);
  }
}

/** Before its options are looked at: those of a command that does not exist mean nothing. */
function checkCommand({ language }: Context, program: Command, word: string | undefined): void {
  const names = program.commands.map(command => command.name());
  if (word === undefined || word.startsWith('-') || names.includes(word)) return;
  const near = nearest(
    word,
    names.filter(name => name !== 'role'),
  );
  const hint = near === null ? t.seeHelp.say(language) : t.didYouMean.say(language, { near });
  throw new Problem('invalid', t.unknownCommand, { word, hint });
}

type Finish = (status: number) => void;

function build(context: Context, finish: Finish): Command {
  const say = (text: Text): string => text.say(context.language);
  const program = new Command('haneul');
  const headings: Record<string, Text> = {
    'Usage:': h.usage,
    'Options:': h.options,
    'Commands:': h.commands,
    'Arguments:': h.arguments,
  };
  program
    .description(say(h.haneul))
    .version(version, '-V, --version', say(h.version))
    .helpOption('-h, --help', say(h.help))
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureHelp({
      styleTitle: title => (headings[title] ? say(headings[title]) : title),
      subcommandTerm: command => command.name(),
    })
    .configureOutput({ writeErr: () => {} })
    .addHelpText('after', () => `\n${say(h.after)}`)
    .exitOverride()
    .action(() => {
      program.outputHelp();
    });

  const add = (usage: string, text: Text): Command =>
    program
      .command(usage)
      .description(say(text))
      .option('--data <directory>', say(h.data))
      .helpOption('-h, --help', say(h.help))
      .exitOverride();

  add('up', h.up)
    .option('--listen <address:port>', say(h.listen))
    .option('--detach', say(h.detach))
    .option('--simulate <hosts>', say(h.simulate))
    .option('-y, --yes', say(h.yes))
    .action(async options => finish(await (await import('./up.ts')).up(context, options)));
  add('upgrade', ut.help)
    .option('--finish', say(ut.finishHelp))
    .option('-y, --yes', say(h.yes))
    .action(async options => finish(await (await import('./upgrade.ts')).upgrade(context, options)));
  add('down', h.down).action(async (options: DataOption) =>
    finish(await (await import('./down.ts')).down(context, options)),
  );
  add('status', h.status)
    .option('--json', say(h.json))
    .action(async options => finish(await (await import('./status.ts')).status(context, options)));
  add('doctor', h.doctor)
    .option('--json', say(h.json))
    .action(async options => finish(await (await import('./doctor.ts')).doctor(context, options)));
  add('destroy', h.destroy)
    .option('-y, --yes', say(h.yes))
    .action(async options => finish(await (await import('./destroy.ts')).destroy(context, options)));
  add('logs', h.logs)
    .option('-f, --follow', say(h.follow))
    .option('-n, --lines <number>', say(h.lines), '100')
    .action(async options => finish(await (await import('./logs.ts')).logs(context, options)));
  add('operations', oh.operations)
    .argument('[action]', say(oh.action), 'list')
    .argument('[id]', say(oh.operationId))
    .option('--all', say(oh.all))
    .option('--phase <phase>', say(oh.phase))
    .option('--kind <kind>', say(oh.kind))
    .option('--resource <id>', say(oh.resource))
    .option('--project <id>', say(oh.project))
    .option('--limit <number>', say(oh.limit))
    .option('--force', say(oh.force))
    .option('--json', say(h.json))
    .action(async (action: string, id: string | undefined, options) =>
      finish(await (await import('./operations.ts')).operations(context, action, id, options)),
    );
  add('invite', mh.invite)
    .option('--roles <roles>', say(mh.inviteRoles))
    .option('--lifetime <time>', say(mh.lifetime))
    .option('--rejoin <name>', say(mh.rejoin))
    .option('--list', say(mh.listInvitations))
    .option('--revoke <id>', say(mh.revoke))
    .option('--json', say(h.json))
    .action(async options => finish(await (await import('./invite.ts')).invite(context, options)));
  add('join', mh.join)
    .argument('<token>', say(mh.token))
    .option('--roles <roles>', say(mh.joinRoles))
    .option('--name <name>', say(mh.name))
    .option('--offers <offers>', say(mh.offers))
    .option('--address <address>', say(mh.address))
    .option('--tunnel-address <address>', say(mh.tunnelAddress))
    .option('--detach', say(h.detach))
    .option('-y, --yes', say(h.yes))
    .action(async (token: string, options) => finish(await (await import('./join.ts')).join(context, token, options)));
  add('hosts', mh.hosts)
    .argument('[action]', say(mh.hostsAction), 'list')
    .argument('[name]', say(mh.hostsName))
    .option('--reason <reason>', say(mh.reason))
    .option('--json', say(h.json))
    .action(async (action: string, name: string | undefined, options) =>
      finish(await (await import('./hosts.ts')).hosts(context, action, name, options)),
    );
  add('migrate-database', oh.migrateDatabase)
    .requiredOption('--to <url>', say(oh.to))
    .action(async (options: DataOption & { to: string }) =>
      finish(await (await import('./migrate-database.ts')).migrateDatabase(context, options)),
    );
  add('audit', oh.audit)
    .option('--at-rest', say(oh.atRest))
    .option('--json', say(h.json))
    .action(async options => finish(await (await import('./audit.ts')).audit(context, options)));
  add('why', oh.why)
    .argument('<request-id>', say(oh.requestId))
    .option('--json', say(h.json))
    .action(async (id: string, options) => finish(await (await import('./why.ts')).why(context, id, options)));
  add('keys', oh.keys)
    .argument('<rotate>', say(oh.keysWord))
    .option('--credentials', say(oh.keysCredentials))
    .action(async (word: string, options) => finish(await (await import('./keys.ts')).keys(context, word, options)));
  add('policy', oh.policy)
    .argument('<explain>', say(oh.policyWord))
    .argument('[user]', say(oh.policyUser))
    .argument('[action]', say(oh.policyAction))
    .argument('[target]', say(oh.policyTarget))
    .option('--project <project>', say(oh.policyProject))
    .option('--domain <domain>', say(oh.policyDomain))
    .option('--system', say(oh.policySystem))
    .option('--json', say(h.json))
    .action(
      async (word: string, user: string | undefined, action: string | undefined, target: string | undefined, options) =>
        finish(await (await import('./policy.ts')).policy(context, [word, user, action, target], options)),
    );
  program
    .command('test [suites...]')
    .description(say(h.test))
    .helpOption('-h, --help', say(h.help))
    // Those of the runner and of its suites.
    .allowUnknownOption()
    .exitOverride()
    .action(async (words: string[]) => finish(await (await import('./develop.ts')).test(words)));
  program
    .command('simulate')
    .description(say(st.simulate))
    .option('--seeds <number>', say(st.seeds), '10')
    .option('--first <seed>', say(st.first))
    .option('--actions <number>', say(st.actions), '500')
    .option('--hosts <number>', say(st.hosts), '4')
    .option('--calm', say(st.calm))
    .helpOption('-h, --help', say(h.help))
    .exitOverride()
    .action(async options => finish(await (await import('./simulate.ts')).simulate(context, options)));
  add('dev', h.dev).action(async (options: DataOption) =>
    finish(await (await import('./develop.ts')).dev(context, options)),
  );
  // Started by the supervisor, not by people.
  const role = program.command('role', { hidden: true }).exitOverride();
  for (const name of ['control', 'agent', 'supervisor'] as const)
    role
      .command(name)
      .requiredOption('--data <directory>')
      .option('--compile-only')
      .option('--take-over [process]')
      .exitOverride()
      .action(async (options: RoleOptions) =>
        finish(await (await import('./roles.ts')).runRole(context, name, options)),
      );
  return program;
}

/** Says on standard error what went wrong, and what to do about it. */
function report(context: Context, thrown: unknown): number {
  const { language } = context;
  const print = (text: string): void => void process.stderr.write(`haneul: ${text}\n`);
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return 0;
    print(usageError(context, thrown));
  } else if (thrown instanceof Problem) print(thrown.say(language));
  else if (thrown instanceof ToolFailure)
    print(t.toolFailed.say(language, { command: [thrown.tool, ...thrown.args].join(' '), reason: thrown.reason }));
  else {
    print(t.bug.say(language, { message: thrown instanceof Error ? thrown.message : String(thrown) }));
    if (thrown instanceof Error && process.env.HANEUL_LOG_LEVEL === 'debug') process.stderr.write(`${thrown.stack}\n`);
  }
  return 1;
}

function usageError({ language }: Context, error: CommanderError): string {
  // Commander's own sentence names the word in quotes, and in parentheses what was probably meant.
  const word = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const near = /\(Did you mean (?:one of )?([^?]*)\?\)/.exec(error.message)?.[1];
  const hint = near ? t.didYouMean.say(language, { near }) : t.seeHelp.say(language);
  switch (error.code) {
    case 'commander.unknownOption':
      return t.unknownOption.say(language, { word, hint });
    case 'commander.excessArguments':
      return t.tooManyWords.say(language, { hint: t.seeHelp.say(language) });
    case 'commander.optionMissingArgument':
      return t.optionNeedsValue.say(language, { word });
    default:
      return `${error.message.replace(/^error: /, '').split('\n')[0]}. ${hint}`;
  }
}
