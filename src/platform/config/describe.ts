// The configuration's documentation, and a first configuration file, from the table of options.

import type { Language } from '#/platform/text/text.ts';
import { variableOf } from './config.ts';
import { expectedOf } from './expected.ts';
import type { Option } from './options.ts';
import { options, quotaOptions } from './options.ts';

const words = {
  en: {
    title: 'Configuration',
    intro: [
      'Haneul reads one file, `haneul.yaml` in its data directory (`/var/lib/haneul`, or `~/.local/share/haneul` without root).',
      'Every option has a default; an empty file, or none, is a working cloud. The environment (`HANEUL_…`) wins over the file,',
      'and the command line over both. An option that does not exist, or a value that does not fit, stops the start with a',
      'sentence that says what would be right. Changes hold from the next `./haneul up`.',
    ],
    option: 'Option',
    value: 'Value',
    standard: 'Default',
    meaning: 'Meaning',
    variable: 'Environment',
    quotas: 'Quotas',
    quotasIntro: 'Under `quotas:` in the file; they hold for projects that have none of their own.',
    generated: 'Made by `node src/platform/config/write-docs.ts` from `src/platform/config/options.ts`.',
  },
  ko: {
    title: '설정',
    intro: [
      'Haneul은 데이터 디렉터리(`/var/lib/haneul`, root가 아니면 `~/.local/share/haneul`)의 `haneul.yaml` 파일 하나를 읽습니다.',
      '모든 옵션에 기본값이 있어서, 파일이 비어 있거나 없어도 클라우드가 작동합니다. 환경 변수(`HANEUL_…`)가 파일보다,',
      '명령줄이 그 둘보다 우선합니다. 없는 옵션이나 맞지 않는 값이 있으면 올바른 값을 알려 주고 시작을 멈춥니다.',
      '바꾼 내용은 다음 `./haneul up`부터 적용됩니다.',
    ],
    option: '옵션',
    value: '값',
    standard: '기본값',
    meaning: '뜻',
    variable: '환경 변수',
    quotas: '할당량',
    quotasIntro: '파일의 `quotas:` 아래에 적습니다. 따로 정한 할당량이 없는 프로젝트에 적용됩니다.',
    generated: '`node src/platform/config/write-docs.ts`가 `src/platform/config/options.ts`에서 만든 문서입니다.',
  },
} satisfies Record<Language, object>;

/** docs/configuration.md, or docs/configuration.ko.md. */
export function configurationPage(language: Language): string {
  const w = words[language];
  return [
    `# ${w.title}`,
    '',
    ...w.intro,
    '',
    ...table(options, '', language),
    '',
    `## ${w.quotas}`,
    '',
    w.quotasIntro,
    '',
    ...table(quotaOptions, 'quotas.', language),
    '',
    w.generated,
    '',
  ].join('\n');
}

function table(rows: Record<string, Option>, prefix: string, language: Language): string[] {
  const w = words[language];
  const lines = [
    `| ${w.option} | ${w.standard} | ${w.value} | ${w.meaning} | ${w.variable} |`,
    '|---|---|---|---|---|',
  ];
  for (const [name, option] of Object.entries(rows)) {
    const [expected, facts] = expectedOf(option);
    const shown = option.default === null ? '' : `\`${JSON.stringify(option.default).replaceAll('"', '')}\``;
    lines.push(
      `| \`${name}\` | ${shown} | ${expected.say(language, facts)} | ${option[language]} | \`${variableOf(prefix + name)}\` |`,
    );
  }
  return lines;
}

/** The file that `up` writes where there is none: every option, commented out at its default. */
export function firstConfigFile(language: Language): string {
  const line = (name: string, value: unknown): string =>
    `#${name}:${value === null ? '' : ` ${JSON.stringify(value)}`}`;
  const lines = words[language].intro.slice(2).map(text => `# ${text.replaceAll('`', '')}`);
  for (const [name, option] of Object.entries(options))
    lines.push('', `# ${option[language]}`, line(name, option.default));
  lines.push('', `# ${words[language].quotasIntro.replaceAll('`', '')}`, '#quotas:');
  for (const [name, option] of Object.entries(quotaOptions))
    lines.push(`#  ${name}: ${JSON.stringify(option.default)}`);
  return `${lines.join('\n')}\n`;
}
