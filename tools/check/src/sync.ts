// `pnpm sync`: write what can be derived: the common fields of each package.json, the references of each tsconfig.json.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { expectedManifest } from './manifest-fields.ts';
import { expectedReferences } from './references.ts';
import { publishedPackages, readWorkspace, workspaceRoot } from './workspace.ts';

for (const each of publishedPackages()) await write(`${each.path}/package.json`, expectedManifest(each));
for (const { file, references } of expectedReferences(readWorkspace())) {
  const config = JSON.parse(readFileSync(path.join(workspaceRoot, file), 'utf8')) as Record<string, unknown>;
  delete config['references'];
  await write(
    file,
    references.length === 0 ? config : { ...config, references: references.map((each) => ({ path: each })) },
  );
}

async function write(file: string, content: object): Promise<void> {
  const target = path.join(workspaceRoot, file);
  const source = `{\n${JSON.stringify(content).slice(1)}`; // the line break keeps the outermost object open
  const text = await format(source, { ...(await resolveConfig(target)), filepath: target });
  if (text === readFileSync(target, 'utf8')) return;
  writeFileSync(target, text);
  console.log(`wrote ${file}`);
}
