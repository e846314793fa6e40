// What every other command does first: install the locked dependencies, compile.
import { setUp } from './setup.js';

setUp();
