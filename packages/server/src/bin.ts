#!/usr/bin/env node
import { processIo } from '@mirror/core/cli';
import { main } from './cli.ts';

process.exitCode = await main(process.argv.slice(2), processIo());
