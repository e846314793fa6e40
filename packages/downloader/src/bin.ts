#!/usr/bin/env node
import { endSoon, processIo } from '@mirror/core/cli';
import { main } from './cli.ts';

const io = processIo();
process.exitCode = await main(process.argv.slice(2), io);
endSoon(io);
