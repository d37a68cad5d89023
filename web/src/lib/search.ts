import * as v from 'valibot'

/** What somebody typed and an address keeps: the router takes a number for a number, and «true» for true. */
export const searched = v.pipe(
  v.union([v.string(), v.number(), v.boolean()]),
  v.transform((given) => String(given)),
)
