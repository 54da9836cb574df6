// What an option's value must be, in words.

import type { Text } from '#/platform/text/text.ts';
import type { Option } from './options.ts';
import { expectedTexts } from './texts.ts';

interface Shape {
  type?: string;
  const?: string;
  anyOf?: Shape[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
}

export function expectedOf({ schema, check }: Option): [text: Text, facts: Record<string, string | number>] {
  const shape = schema as Shape;
  const values = shape.anyOf?.map(part => part.const);
  if (values?.every(value => value !== undefined)) return [expectedTexts.oneOf, { values: values.join(', ') }];
  const inner = shape.anyOf?.find(part => part.type !== 'null');
  if (!inner) return ofShape(shape, check?.example);
  const [text, facts] = ofShape(inner, check?.example);
  const either: Text = {
    id: expectedTexts.orEmpty.id,
    say: (language, all) => expectedTexts.orEmpty.say(language, { expected: text.say(language, all) }),
  };
  return [either, facts];
}

function ofShape(shape: Shape, example: string | undefined): [text: Text, facts: Record<string, string | number>] {
  if (shape.type === 'boolean') return [expectedTexts.boolean, {}];
  if (shape.type === 'integer' || shape.type === 'number')
    return [expectedTexts[shape.type], { minimum: shape.minimum ?? '-', maximum: shape.maximum ?? '-' }];
  if (shape.type === 'array') return [expectedTexts.listLike, { example: example ?? '-' }];
  if (example) return [expectedTexts.textLike, { example }];
  return [expectedTexts.text, { minimum: shape.minLength ?? 0, maximum: shape.maxLength ?? '-' }];
}
