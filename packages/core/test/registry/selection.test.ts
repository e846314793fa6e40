import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createSelection, parseCratePatterns, partitionOf, patternLines } from '../../dist/index.js';
import type { IndexEntry, SelectionOptions } from '../../dist/index.js';

interface Line {
  readonly vers: string;
  readonly yanked?: boolean;
  readonly pubtime?: string;
}

function crate(name: string, lines: readonly (string | Line)[]): readonly IndexEntry[] {
  return lines
    .map((line) => (typeof line === 'string' ? { vers: line } : line))
    .map(({ vers, yanked = false, pubtime }: Line, i) => ({
      name,
      vers,
      cksum: '0'.repeat(64),
      yanked,
      pubtime,
      indexPath: name,
      line: i + 1,
    }));
}

function selected(options: SelectionOptions, ...crates: (readonly IndexEntry[])[]): readonly string[] {
  const selection = createSelection(options);
  return crates.flatMap((entries) => selection.select(entries)).map(({ name, vers }) => `${name} ${vers}`);
}

const serde = crate('serde', ['0.9.0', { vers: '1.0.0', yanked: true }, '1.0.1', '2.0.0-rc.1', '1.5.0']);
const inflector = crate('Inflector', ['0.11.4']);
const tokio = crate('tokio-util', ['0.1.0', '0.2.0']);

describe('a selection', () => {
  it('without options is everything, in order', () => {
    expect(selected({}, serde, tokio)).toEqual([
      'serde 0.9.0',
      'serde 1.0.0',
      'serde 1.0.1',
      'serde 2.0.0-rc.1',
      'serde 1.5.0',
      'tokio-util 0.1.0',
      'tokio-util 0.2.0',
    ]);
    expect(selected({ includeYanked: false }, serde)).toHaveLength(4);
  });

  it('ends exactly at its limit', () => {
    const selection = createSelection({ limit: 6 });
    expect(selection.select(serde)).toHaveLength(5);
    expect(selection.isDone()).toBe(false);
    expect(selection.select(tokio)).toHaveLength(1);
    expect(selection.isDone()).toBe(true);
    expect(selection.select(inflector)).toEqual([]);
    expect(createSelection({ limit: 0 }).isDone()).toBe(true);
  });

  it('by name looks at no letter case, but at - and _', () => {
    expect(selected({ crates: ['INFLECTOR'] }, serde, inflector)).toEqual(['Inflector 0.11.4']);
    expect(selected({ crates: ['tokio_util'] }, tokio)).toEqual([]);
    expect(selected({ crates: ['tokio-*'] }, serde, tokio)).toHaveLength(2);
    expect(selected({ crates: ['In[a-f]lect?r'] }, inflector)).toHaveLength(1);
    expect(selected({ crates: [] }, serde)).toEqual([]);
  });

  it('by requirement takes what cargo would', () => {
    expect(selected({ crates: ['serde@1'], includeYanked: false }, serde)).toEqual(['serde 1.0.1', 'serde 1.5.0']);
    expect(selected({ crates: ['serde@>=0.9, <1.5', 'tokio-*@=0.2.0'] }, serde, tokio)).toEqual([
      'serde 0.9.0',
      'serde 1.0.0',
      'serde 1.0.1',
      'tokio-util 0.2.0',
    ]);
    expect(selected({ crates: ['serde@2.0.0-rc.1'] }, serde)).toEqual(['serde 2.0.0-rc.1']);
    expect(selected({ crates: ['s*@0.9', 'serde@1.5'] }, serde)).toEqual(['serde 0.9.0', 'serde 1.5.0']);
  });

  it('leaves out what is excluded', () => {
    expect(selected({ exclude: ['serde@<1.5', 'tokio-*'] }, serde, tokio)).toEqual(['serde 2.0.0-rc.1', 'serde 1.5.0']);
    expect(selected({ crates: ['serde'], exclude: ['SERDE'] }, serde)).toEqual([]);
  });

  it('takes locked versions exactly, yanked or not, besides what is named', () => {
    const locked = [{ name: 'serde', vers: '1.0.0', cksum: '0'.repeat(64) }];
    expect(selected({ locked, includeYanked: false }, serde, tokio)).toEqual(['serde 1.0.0']);
    expect(selected({ locked, crates: ['tokio-util'], latest: 1, publishedAfter: 0 }, serde, tokio)).toEqual([
      'serde 1.0.0',
    ]);
    expect(selected({ locked, crates: ['serde', 'tokio-util'], latest: 1 }, serde, tokio)).toEqual([
      'serde 1.0.0',
      'serde 1.5.0',
      'tokio-util 0.2.0',
    ]);
    expect(selected({ locked, exclude: ['serde'] }, serde)).toEqual([]);
    expect(createSelection({ locked }).lockedCksum({ name: 'serde', vers: '1.0.0' })).toBe('0'.repeat(64));
    expect(createSelection({ locked }).lockedCksum({ name: 'serde', vers: '1.0.1' })).toBeUndefined();
  });

  it('takes the newest by precedence, not by place', () => {
    expect(selected({ latest: 1 }, serde)).toEqual(['serde 1.5.0']);
    expect(selected({ latest: 2 }, serde)).toEqual(['serde 1.0.1', 'serde 1.5.0']);
    expect(selected({ latest: 2, includeYanked: true }, serde)).toEqual(['serde 1.0.1', 'serde 1.5.0']);
    expect(selected({ latest: 9, includeYanked: false }, serde)).toEqual(['serde 0.9.0', 'serde 1.0.1', 'serde 1.5.0']);
    expect(selected({ latest: 1 }, crate('a', ['1.10.0', '1.9.0', '1.2.0']))).toEqual(['a 1.10.0']);
    expect(selected({ latest: 1 }, crate('a', ['1.0.0+9', '1.0.0+10', '1.0.0']))).toEqual(['a 1.0.0+10']);
  });

  it('takes pre-releases as the newest only where there is nothing else', () => {
    expect(selected({ latest: 1 }, crate('a', ['0.1.0-rc.2', '0.1.0-rc.10']))).toEqual(['a 0.1.0-rc.10']);
    expect(selected({ latest: 1 }, crate('a', ['0.1.0-rc.1', '0.2.0-rc.1']))).toEqual(['a 0.2.0-rc.1']);
  });

  it('cuts at a publish time', () => {
    const timed = crate('a', [
      '0.1.0',
      { vers: '0.2.0', pubtime: '2025-11-01T00:00:00Z' },
      { vers: '0.3.0', pubtime: '2025-11-02T01:00:00+01:00' },
    ]);
    const noon = Date.parse('2025-11-02T00:00:00Z');
    expect(selected({ publishedBefore: noon }, timed)).toEqual(['a 0.1.0', 'a 0.2.0']);
    expect(selected({ publishedAfter: noon }, timed)).toEqual(['a 0.3.0']);
    expect(selected({ publishedAfter: noon - 1, publishedBefore: noon }, timed)).toEqual([]);
  });

  it('in parts is the whole, each crate in one part', () => {
    const crates = Array.from({ length: 300 }, (_, i) => crate(`c${i}`, ['1.0.0', '1.0.1']));
    const parts = [1, 2, 3].map((index) => selected({ partition: { index, count: 3 } }, ...crates));
    expect(parts.flat().toSorted()).toEqual(selected({}, ...crates).toSorted());
    for (const part of parts) expect(part.length).toBeGreaterThan(120);
  });

  it('of a part never changes', () => {
    // printf serde | sha256sum | cut -c-16: 8b917c4b6163bc82
    expect(partitionOf('Serde', 1000)).toBe(Number(BigInt('0x8b917c4b6163bc82') % 1000n) + 1);
  });

  it('says which crates it can be about', () => {
    const locked = [{ name: 'Zed', vers: '1.0.0', cksum: undefined }];
    expect(createSelection({}).names).toBeUndefined();
    expect(createSelection({ exclude: ['a'] }).names).toBeUndefined();
    expect(createSelection({ crates: ['b', 'A@1', 'a@2'], locked }).names).toEqual(['a', 'b', 'zed']);
    expect(createSelection({ crates: ['b', 'a*'] }).names).toBeUndefined();
    expect(createSelection({ locked }).names).toEqual(['zed']);
  });

  it('says what did not occur', () => {
    const selection = createSelection({
      crates: ['serde@9', 'serde@1', 'nix*', 'inflector'],
      locked: [
        { name: 'serde', vers: '1.0.0', cksum: undefined },
        { name: 'serde', vers: '7.0.0', cksum: undefined },
      ],
    });
    selection.select(serde);
    expect(selection.findings().unmatched).toEqual(['serde@9', 'nix*', 'inflector', 'serde 7.0.0']);
  });

  it('never takes what was not offered, nor twice, nor out of order', () => {
    const options = fc.record(
      {
        includeYanked: fc.boolean(),
        limit: fc.nat({ max: 6 }),
        latest: fc.integer({ min: 1, max: 3 }),
        crates: fc.constantFrom(['serde'], ['s*@1', 'tokio-util'], ['*']),
        exclude: fc.constantFrom(['serde@0.9'], ['t*']),
        partition: fc.constantFrom({ index: 1, count: 2 }, { index: 2, count: 2 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(options, (given) => {
        const offered = [serde, inflector, tokio].flat().map(({ name, vers }) => `${name} ${vers}`);
        const taken = selected(given, serde, inflector, tokio);
        expect(taken).toEqual(offered.filter((id) => taken.includes(id)));
      }),
    );
  });
});

describe('crate patterns', () => {
  it('are cut at commas, but not inside a requirement', () => {
    const sources = (texts: readonly string[]): readonly string[] =>
      parseCratePatterns(texts).all.map(({ source }) => source);
    expect(sources(['a,b*, serde@>=1,<2 ,c'])).toEqual(['a', 'b*', 'serde@>=1, <2', 'c']);
    expect(sources(['serde@>=1', ' <2', '', 'c'])).toEqual(['serde@>=1, <2', 'c']);
  });

  it.each(['../x', 'a/b', '!a', 'a b', 'a.b', '{a', '@1', 'a@', 'a@b', '<2', 'é', 'a\0'])('%j is none', (text) => {
    expect(() => parseCratePatterns([text])).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
  });

  it('may stand in a file with comments', () => {
    expect(patternLines('# mine\r\nserde@^1 # one\n\n  a, b\n')).toEqual(['serde@^1', 'a, b']);
  });
});
