/** What keys of the database look like. The rest about them is loaded when the first one comes. */

/** The id, the secret and the check. */
export const STORED_FORM = /^(fq_[0-9a-f]{12})_([A-Za-z0-9_-]{43})_([A-Za-z0-9_-]{11})$/;

/** May this be the id of a key of the database? */
export const isStoredId = (id: string): boolean => /^fq_[0-9a-f]{12}$/.test(id);

/** Does the text look like a key of the database? Such a one is never looked for among those that are configured anew. */
export const hasStoredForm = (key: string): boolean => STORED_FORM.test(key);
