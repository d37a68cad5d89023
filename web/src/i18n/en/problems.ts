/** What the house's codes mean. In English the house says it itself, so that this is empty; other languages know them. */
export const problems: Record<string, string> = {}
