#!/usr/bin/env node
import { main } from './cli.ts';

const controller = new AbortController();
process.once('SIGINT', () => controller.abort());
process.once('SIGTERM', () => controller.abort());
const { stdout, stderr } = process;
process.exitCode = await main(process.argv.slice(2), { stdout, stderr, signal: controller.signal });
