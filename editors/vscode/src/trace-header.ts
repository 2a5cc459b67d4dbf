// How a Go execution trace begins: 16 octets, `go 1.26 trace` and zeros.

export function isTraceHeader(octets: Uint8Array): boolean {
  if (octets.length < 16) return false;
  const text = String.fromCharCode(...octets.subarray(0, 16));
  return /^go 1\.\d{1,3} trace\0+$/.test(text);
}
