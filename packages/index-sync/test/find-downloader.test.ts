import { describe, expect, it } from '@jest/globals';
import { findDownloader } from '../dist/index.js';

const self = 'file:///C:/tools/node_modules/@mirror/index-sync/dist/cli.js';

/** A Windows machine with these files. */
function windows(...files: string[]): { platform: 'win32'; exists: (file: string) => boolean } {
  return { platform: 'win32', exists: (file) => files.includes(file) };
}

describe('on Windows', () => {
  const npm = 'C:\\Users\\me\\AppData\\Roaming\\npm';
  const inNpm = `${npm}\\node_modules\\@mirror\\downloader\\dist\\bin.js`;
  const env = { Path: `C:\\Windows;;"C:\\Program Files\\nodejs";${npm}` };

  it('the program behind the .cmd of a global installation is found, never the .cmd', () => {
    const world = windows(`${npm}\\mirror-downloader.cmd`, inNpm);
    expect(findDownloader(undefined, env, self, world)).toEqual([process.execPath, inNpm]);
    expect(findDownloader(undefined, { PATH: npm }, self, world)).toEqual([process.execPath, inNpm]);
  });

  it('the program behind the .cmd of node_modules\\.bin is found, also in a folder with quotes', () => {
    const program = 'C:\\My work\\node_modules\\@mirror\\downloader\\dist\\bin.js';
    const path = '"C:\\My work\\node_modules\\.bin"';
    expect(findDownloader(undefined, { Path: path }, self, windows(program))).toEqual([process.execPath, program]);
  });

  it('an .exe is started as it is, and the package beside this one comes before the PATH', () => {
    const exe = `${npm}\\mirror-downloader.exe`;
    expect(findDownloader(undefined, env, self, windows(exe))).toEqual([exe]);
    const beside = 'C:\\tools\\node_modules\\@mirror\\downloader\\dist\\bin.js';
    expect(findDownloader(undefined, env, self, windows(exe, beside))).toEqual([process.execPath, beside]);
  });

  it('a .cmd that is given is refused with what to name instead; nothing found says how to install', () => {
    const given = `${npm}\\mirror-downloader.CMD`;
    expect(() => findDownloader(given, env, self, windows(given))).toThrow('found a script of the Windows shell');
    expect(() => findDownloader(undefined, env, self, windows(given))).toThrow('mirror-downloader is not installed');
  });
});

it('elsewhere the command on the PATH is found, and empty parts of the PATH are no folder', () => {
  const world = { platform: 'linux' as const, exists: (file: string) => file === '/opt/bin/mirror-downloader' };
  const url = 'file:///usr/lib/node_modules/@mirror/index-sync/dist/cli.js';
  expect(findDownloader(undefined, { PATH: ':/usr/bin:/opt/bin' }, url, world)).toEqual(['/opt/bin/mirror-downloader']);
  expect(() => findDownloader('/nowhere', {}, url, world)).toThrow('/nowhere: no downloader there');
});
