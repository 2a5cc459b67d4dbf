#!/usr/bin/env bash
# run.sh NVIM...: every spec in each Neovim, a fresh process per spec; non-zero when one fails twice.
# Those of this folder look at the server alone, those of plugin/ at the plugin (editors/nvim).
# WAITLINE names the server's binary (default: the release build of this tree). SPEC=NAME runs one.
set -u
here=$(cd "$(dirname "$0")" && pwd)
WAITLINE=${WAITLINE:-${CARGO_TARGET_DIR:-$here/../../target}/release/waitline}
[ -x "$WAITLINE" ] || { echo "run.sh: no server at $WAITLINE (cargo build --release, or set WAITLINE)" >&2; exit 2; }
[ $# -gt 0 ] || set -- nvim
export WAITLINE WAITLINE_TESTDATA=$here/../../testdata
WAITLINE_PLUGIN=$(cd "$here/../../editors/nvim" && pwd)
export WAITLINE_PLUGIN
# Go's cache of built packages is nobody's settings: without it each recording builds the standard library.
export GOCACHE=${GOCACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/go-build}

# The spec of $nvim and $spec: its exit code.
run_spec() {
  local state rc
  state=$(mktemp -d)
  # --clean and a folder of its own: no user's files, nothing left behind. `-c luafile`, not `-l`:
  # under `-l` nothing is drawn. A headless Neovim that meets an error waits for a key for ever:
  # so no standard input, and a time limit.
  XDG_CONFIG_HOME=$state XDG_DATA_HOME=$state XDG_STATE_HOME=$state XDG_CACHE_HOME=$state \
    NVIM_LOG_FILE=$state/nvim.log timeout -k 5 "${SPEC_TIMEOUT:-400}" \
    "$nvim" --clean --headless ${plugin[@]+"${plugin[@]}"} --cmd "lua package.path = '$here/?.lua;' .. package.path" \
    -c "luafile $spec" </dev/null 2>&1
  rc=$?
  if [ $rc -ne 0 ]; then
    [ $rc -ne 124 ] || echo "   not done within ${SPEC_TIMEOUT:-400} s"
    echo "   FAILED ($rc)"
    tail -n 40 "$state"/nvim/lsp.log 2>/dev/null
  fi
  rm -rf "$state"
  return $rc
}

failed=0
for nvim in "$@"; do
  for spec in "$here"/*_spec.lua "$here"/plugin/*_spec.lua; do
    name=$(basename "$spec" _spec.lua)
    plugin=()
    case $spec in */plugin/*) plugin=(--cmd "set rtp^=$WAITLINE_PLUGIN") ;; esac
    [ -z "${SPEC-}" ] || [ "$SPEC" = "$name" ] || continue
    echo "== $("$nvim" --version | head -n 1), $name"
    # Editors are asked once more, as they depend on what else the machine does; what was seen the first time stands
    # above all the same.
    run_spec || { echo "   once more:" && run_spec; } || failed=1
  done
done
exit $failed
