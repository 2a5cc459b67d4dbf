// Which versions of the server go with which of the extension.

/** The version that `waitline --version` prints. */
export function versionOf(text: string): string | undefined {
  return /^waitline (\d+\.\d+\.\d+\S*)/.exec(text)?.[1];
}

/** Before 1.0 the second number tells what is spoken, after it the first. */
export function compatible(server: string, wanted: string): boolean {
  const [major, minor] = server.split('.').map(Number);
  const [ourMajor, ourMinor] = wanted.split('.').map(Number);
  return major === ourMajor && (major !== 0 || minor === ourMinor);
}
