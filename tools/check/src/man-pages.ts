import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { publishedPackages, workspaceRoot } from './workspace.ts';

/** A manual page that a package ships. */
export interface ManPage {
  /** Absolute path: `…/packages/downloader/man/mirror-downloader.1`. */
  readonly file: string;
  /** The command it is about. */
  readonly bin: string;
}

/** The manual pages of all packages that have a command. */
export function manPages(): readonly ManPage[] {
  return publishedPackages().flatMap((each) =>
    Object.keys(each.manifest.bin ?? {}).map((bin) => ({
      file: path.join(workspaceRoot, each.path, 'man', `${bin}.1`),
      bin,
    })),
  );
}

/** What the built command says for `man`. */
export function builtManPage(bin: string): string {
  const owner = publishedPackages().find((each) => each.manifest.bin?.[bin] !== undefined);
  const script = path.join(workspaceRoot, owner?.path ?? '', owner?.manifest.bin?.[bin] ?? '');
  return execFileSync(process.execPath, [script, 'man'], { encoding: 'utf8' }).replaceAll('\r\n', '\n');
}
