/** What helps when a server lets only some in. */
export const TOKEN_HINT = 'a token can be given in MIRROR_INDEX_TOKEN';
