/** What is wrong with a project's files, in one sentence that names the file: whoever wrote it can mend it. */
export class ProjectError extends Error {
  override readonly name = "ProjectError";
}
