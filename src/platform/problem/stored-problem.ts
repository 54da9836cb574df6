// A problem as JSON: for operation records and for the bus. Its sentence is kept in every language, so that whoever reads
// it later needs no catalogue.

import { type Facts, Problem, type ProblemKind } from '#/platform/problem/problem.ts';
import { languages, type Text } from '#/platform/text/text.ts';

interface StoredProblem {
  kind: ProblemKind;
  id: string;
  sentences: Record<string, string>;
  facts: Facts;
}

export function storeProblem(problem: Problem): string {
  const sentences = Object.fromEntries(languages.map(language => [language, problem.say(language)]));
  return JSON.stringify({
    kind: problem.kind,
    id: problem.text.id,
    sentences,
    facts: problem.facts,
  } satisfies StoredProblem);
}

export function reviveProblem(json: string): Problem {
  const { kind, id, sentences, facts } = JSON.parse(json) as StoredProblem;
  const text: Text = { id, say: language => sentences[language] ?? sentences['en'] ?? id };
  return new Problem(kind, text, facts);
}
