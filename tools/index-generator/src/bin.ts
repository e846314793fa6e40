#!/usr/bin/env node
import { main } from './cli.ts';

const { stdout, stderr } = process;
process.exitCode = await main(process.argv.slice(2), { stdout, stderr });
