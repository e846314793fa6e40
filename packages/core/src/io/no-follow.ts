import { constants } from 'node:fs';

const NO_FOLLOW: number = constants.O_NOFOLLOW ?? 0;

/** As the flag `w`, but a symbolic link in the file's place is an error: what it points to is not ours. */
export const EMPTY_OR_NEW: number = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | NO_FOLLOW;

/** As the flag `r+`, but a symbolic link in the file's place is an error. */
export const IN_PLACE: number = constants.O_RDWR | NO_FOLLOW;
