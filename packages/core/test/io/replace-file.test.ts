import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openForAppend, openOutput, readSmallFile, replaceFile } from '../../dist/io/index.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'replace-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});
const at = (name: string): string => path.join(dir, name);
const IO_ERROR = { code: 'ERR_IO' };

/** The three ways to write output, with one face. */
const WAYS: Readonly<Record<string, (file: string, text: string, within?: string) => Promise<void>>> = {
  replaceFile: async (file, text, within) => Promise.resolve(replaceFile(file, text, { within })),
  openOutput: async (file, text, within) => {
    const output = await openOutput(file, { within });
    await output.write(text);
    await output.commit();
  },
  openForAppend: async (file, text, within) => {
    const target = openForAppend(file, { within });
    try {
      execFileSync('cat', { input: text, stdio: ['pipe', target.fd, 'inherit'] });
    } finally {
      target.close();
    }
    return Promise.resolve();
  },
};

describe.each(Object.entries(WAYS))('%s', (way, write) => {
  it('makes a file, and leaves nothing beside it', async () => {
    await write(at('new'), 'text');
    expect(readFileSync(at('new'), 'utf8')).toBe('text');
    expect(readdirSync(dir)).toEqual(['new']);
  });

  it('writes over a file that is there: replaced as a whole, or appended to', async () => {
    writeFileSync(at('old'), 'before|');
    await write(at('old'), 'after');
    expect(readFileSync(at('old'), 'utf8')).toBe(way === 'openForAppend' ? 'before|after' : 'after');
  });

  it.each(['to a file', 'to nothing', 'to a folder'])(
    'refuses a symbolic link %s, which stays as it is',
    async (what) => {
      if (what === 'to a file') writeFileSync(at('target'), 'mine');
      if (what === 'to a folder') mkdirSync(at('target'));
      symlinkSync('target', at('link'));
      await expect(write(at('link'), 'text')).rejects.toMatchObject(IO_ERROR);
      expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
      if (what === 'to a file') expect(readFileSync(at('target'), 'utf8')).toBe('mine');
      else if (what === 'to nothing') expect(existsSync(at('target'))).toBe(false);
      else expect(readdirSync(at('target'))).toEqual([]);
    },
  );

  it('writes into a device and leaves it a device', async () => {
    await write('/dev/null', 'text');
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
    symlinkSync('/dev/null', at('nothing'));
    await write(at('nothing'), 'text');
    expect(lstatSync(at('nothing')).isSymbolicLink()).toBe(true);
  });

  it('writes into a named pipe and leaves it one', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const reader = spawn('cat', [at('pipe')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pieces: Buffer[] = [];
    reader.stdout.on('data', (piece: Buffer) => pieces.push(piece));
    const closed = once(reader, 'close');
    const long = 'x'.repeat(way === 'openForAppend' ? 1000 : 300_000); // more than a pipe holds
    for (;;) {
      try {
        await write(at('pipe'), long);
        break;
      } catch (error) {
        if ((error as { cause?: { code?: string } }).cause?.code !== 'ENXIO') throw error; // until `cat` is there
      }
    }
    await closed;
    expect(Buffer.concat(pieces).toString()).toBe(long);
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
  });

  it('refuses a folder, a name that ends as one, a socket', async () => {
    mkdirSync(at('folder'));
    await expect(write(at('folder'), 'text')).rejects.toMatchObject(IO_ERROR);
    await expect(write(`${at('none')}/`, 'text')).rejects.toMatchObject(IO_ERROR);
    const server = createServer().listen(at('socket'));
    await once(server, 'listening');
    await expect(write(at('socket'), 'text')).rejects.toMatchObject(IO_ERROR);
    server.close();
    expect(readdirSync(at('folder'))).toEqual([]);
  });

  it('names the path of what cannot be written', async () => {
    writeFileSync(at('file'), '');
    await expect(write(at('missing/x'), 'text')).rejects.toThrow(at('missing/x'));
    await expect(write(at('file/x'), 'text')).rejects.toMatchObject(IO_ERROR);
    await expect(write(at('n'.repeat(300)), 'text')).rejects.toMatchObject(IO_ERROR);
  });

  it.each(['../out', '/abs', 'a/../../out', 'a\\..\\b', 'a//b', '', 'a/', 'a\nb', 'a\0b', './a', 'c:/x'])(
    'refuses %j within a folder of ours',
    async (file) => {
      mkdirSync(at('ours'));
      await expect(write(file, 'text', at('ours'))).rejects.toMatchObject(IO_ERROR);
      expect(readdirSync(at('ours'))).toEqual([]);
      expect(readdirSync(dir)).toEqual(['ours']);
    },
  );

  it('follows no link in a folder of ours, neither on the way nor at the end', async () => {
    mkdirSync(at('ours'));
    mkdirSync(at('elsewhere'));
    symlinkSync('../elsewhere', at('ours/way'));
    symlinkSync('/dev/null', at('ours/end'));
    await expect(write('way/file', 'text', at('ours'))).rejects.toMatchObject(IO_ERROR);
    await expect(write('end', 'text', at('ours'))).rejects.toMatchObject(IO_ERROR);
    expect(readdirSync(at('elsewhere'))).toEqual([]);
    await write('a/b/file', 'text', at('ours'));
    expect(readFileSync(at('ours/a/b/file'), 'utf8')).toBe('text');
  });
});

describe('replaceFile', () => {
  it('replaces the name of a hard link, not the bytes of the other name', () => {
    writeFileSync(at('victim'), 'mine');
    linkSync(at('victim'), at('out'));
    replaceFile(at('out'), 'text');
    expect(readFileSync(at('victim'), 'utf8')).toBe('mine');
  });

  it('leaves the old file and nothing else when writing fails', () => {
    writeFileSync(at('out'), 'old');
    const failing = (write: (piece: string) => void): void => {
      write('half');
      throw new Error('broken');
    };
    expect(() => replaceFile(at('out'), failing)).toThrow('broken');
    expect(readFileSync(at('out'), 'utf8')).toBe('old');
    expect(readdirSync(dir)).toEqual(['out']);
  });

  it('tells that a device is full', () => {
    expect(() => replaceFile('/dev/full', 'text')).toThrow(/\/dev\/full.*ENOSPC/);
  });

  it('gives the file the permissions that are asked for', () => {
    replaceFile(at('secret'), 'text', { mode: 0o600 });
    expect(lstatSync(at('secret')).mode & 0o777).toBe(0o600);
  });
});

describe('openOutput', () => {
  it('leaves nothing after abort, and the old file as it was', async () => {
    writeFileSync(at('out'), 'old');
    const output = await openOutput(at('out'));
    await output.write('new');
    output.abort();
    output.abort();
    expect(readFileSync(at('out'), 'utf8')).toBe('old');
    expect(readdirSync(dir)).toEqual(['out']);
  });

  it('waits for the reader of a pipe no longer than until the signal', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const controller = new AbortController();
    const opening = openOutput(at('pipe'), { signal: controller.signal });
    const reason = new Error('stopped');
    setTimeout(() => controller.abort(reason), 30);
    await expect(opening).rejects.toBe(reason);
  });
});

describe('readSmallFile', () => {
  it('reads a file, tells of none, and follows a link only where that is wanted', () => {
    writeFileSync(at('file'), 'text');
    symlinkSync('file', at('link'));
    expect(readSmallFile(at('file'), 10)?.toString()).toBe('text');
    expect(readSmallFile(at('none'), 10)).toBeUndefined();
    expect(readSmallFile(at('link'), 10)?.toString()).toBe('text');
    expect(() => readSmallFile(at('link'), 10, false)).toThrow(/cannot read/);
  });

  it('refuses what is too large, without end, or no file', () => {
    writeFileSync(at('file'), 'x'.repeat(11));
    execFileSync('mkfifo', [at('pipe')]);
    expect(() => readSmallFile(at('file'), 10)).toThrow('larger than 10 bytes');
    for (const file of ['/dev/zero', '/dev/full', at('pipe'), dir]) {
      expect(() => readSmallFile(file, 10)).toThrow('expected a file, found');
    }
    expect(readSmallFile('/proc/self/stat', 4096)?.length).toBeGreaterThan(10);
  });
});
